"""A server from kept nodes is the server that was built."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from asyncua import Server, ua

from hardware_sim import opcua_standard


async def test_kept_nodes_are_the_nodes_that_were_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "nodes"
    monkeypatch.setenv(opcua_standard.KEPT, str(file))
    built, kept = Server(), Server()
    await opcua_standard.init(built)
    whole = file.read_bytes()
    await opcua_standard.init(kept)
    first, second = built.iserver.aspace, kept.iserver.aspace
    assert len(list(first.keys())) > 6000
    for key in first.keys():  # noqa: SIM118 - an address space is no mapping
        assert second[key].references == first[key].references, key
        assert second[key].attributes.keys() == first[key].attributes.keys(), key
        for one in (ua.AttributeIds.BrowseName, ua.AttributeIds.NodeClass):
            assert second.read_attribute_value(key, one) == first.read_attribute_value(key, one)
    folder = await kept.nodes.objects.add_folder(2, "Cell")
    assert ua.NodeId.from_string("ns=2;s=nowhere") not in second
    assert await kept.nodes.objects.get_child("2:Cell") == folder
    await kept.delete_nodes([folder])
    assert folder.nodeid not in second
    assert file.read_bytes() == whole
    assert sorted(os.listdir(tmp_path)) == ["nodes", "nodes.lock"]


async def test_where_nobody_names_a_file_none_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(opcua_standard.KEPT)
    monkeypatch.chdir(tmp_path)
    server = Server()
    await opcua_standard.init(server)
    assert len(list(server.iserver.aspace.keys())) > 6000
    assert os.listdir(tmp_path) == []
