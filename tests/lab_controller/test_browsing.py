"""Getting an OPC UA machine into lab.toml: look at it, write it down, make our certificate."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from equipment_drivers.devices.opcua_security import read_pair
from lab_controller.cli.main import main
from lab_controller.wiring import check
from tests.sims.sim import Sim, running


async def machikoba(*arguments: object) -> Result:
    """The command as a person types it, beside the loop."""
    words = [str(one) for one in arguments]
    return await asyncio.to_thread(CliRunner().invoke, main, words, catch_exceptions=False)


@pytest.fixture
async def lathe(tmp_path: Path) -> AsyncIterator[Sim]:
    async with running("opcua_machine", tmp_path) as sim:
        yield sim


async def test_every_value_is_shown_with_type_unit_and_status(lathe: Sim) -> None:
    await lathe.ask("fault", name="bad_status", node="SpindleLoad", status="BadSensorFailure")
    done = await machikoba("device", "browse", lathe.endpoint, "--unsecured", "--json")
    rows = {row["path"]: row for row in json.loads(done.stdout)}
    assert done.exit_code == 0
    speed = rows["Machine/SpindleSpeed"]
    assert (speed["type"], speed["unit"], speed["status"]) == ("Double", "1/min", "Good")
    assert speed["node"] == "nsu=urn:machikoba:sim:plc;s=Machine.SpindleSpeed"
    assert rows["Machine/SpindleLoad"]["status"] == "BadSensorFailure"
    assert [path for path, row in rows.items() if row["writable"]] == [
        "Machine/FeedOverride",
        "Machine/Coolant",
    ]


async def test_what_it_writes_is_a_configuration(lathe: Sim, tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    given = ("device", "browse", lathe.endpoint, "--unsecured", "--write", file, "--lang", "en")
    first = await machikoba(*given, "--id", "lathe1")
    assert (first.exit_code, "config check" in first.stderr) == (0, True)
    (device,) = check(file).device
    names = {signal["name"] for signal in device.options["signals"]}
    assert {"spindle_speed", "parts_total", "door_closed"} <= names
    assert "program" not in names
    again = await machikoba(*given, "--id", "lathe2", "--estop", "left of the door")
    assert again.exit_code == 0
    assert [one.id for one in check(file).device] == ["lathe1", "lathe2"]
    before = file.read_text("utf-8")
    taken = await machikoba(*given, "--id", "lathe2")
    assert (taken.exit_code, "lathe2" in taken.stderr) == (1, True)
    assert file.read_text("utf-8") == before


async def test_our_certificate_and_a_server_nobody_trusts_yet(tmp_path: Path) -> None:
    folder, trusted = tmp_path / "ours", tmp_path / "trusted"
    made = await machikoba("device", "certificate", folder, "--json")
    told = json.loads(made.stdout)
    read_pair(Path(told["certificate"]), Path(told["key"]))
    again = await machikoba("device", "certificate", folder, "--lang", "en")
    assert (again.exit_code, str(folder) in again.stderr) == (1, True)
    trusted.mkdir()
    async with running("opcua_machine", tmp_path, "--security", "secure") as sim:
        given = ["device", "browse", sim.endpoint, "--lang", "en", "--trust", trusted]
        given += ["--certificate", told["certificate"], "--key", told["key"]]
        refused = await machikoba(*given)
        assert (refused.exit_code, "SHA-256" in refused.stderr) == (1, True)
        (kept,) = (trusted / "rejected").iterdir()
        kept.rename(trusted / "lathe.der")
        assert (await machikoba(*given, "--write", tmp_path / "lab.toml")).exit_code == 0
    (wire,) = check(tmp_path / "lab.toml").connection
    assert wire.options["trust_dir"] == str(trusted)


async def test_flags_that_do_not_fit_and_nobody_there() -> None:
    assert (await machikoba("device", "browse", "opc.tcp://127.0.0.1:1")).exit_code == 2
    assert (await machikoba("device", "browse", "http://h", "--unsecured")).exit_code == 2
    gone = await machikoba("device", "browse", "opc.tcp://127.0.0.1:1", "--unsecured")
    assert gone.exit_code == 1
