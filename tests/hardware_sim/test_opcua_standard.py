"""A server from kept nodes is the server that was built."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from asyncua import Server, ua

from hardware_sim import opcua_standard


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A copy of the file of this test run, which is made now where no simulator did so yet."""
    kept = Path(os.environ[opcua_standard.KEPT])
    if not kept.exists():
        asyncio.run(opcua_standard.init(Server()))
    beside = sorted(one.name for one in kept.parent.glob(f"{kept.name}*"))
    assert beside == [kept.name, f"{kept.name}.lock"]
    return Path(shutil.copy(kept, tmp_path / "nodes"))


def content(file: Path) -> bytes:
    return file.read_bytes()


async def test_kept_nodes_are_the_nodes_that_were_built(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    monkeypatch.delenv(opcua_standard.KEPT)
    built, kept, whole = Server(), Server(), content(file)
    await opcua_standard.init(built)
    assert os.listdir() == ["nodes"]  # where nobody names a file none is kept
    monkeypatch.setenv(opcua_standard.KEPT, str(file))
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
    assert content(file) == whole
    assert os.listdir() == ["nodes"]
