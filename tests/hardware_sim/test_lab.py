from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hardware_sim.clock import SimClock
from hardware_sim.control import ask
from hardware_sim.lab import BadProfile, Running, _flags, read_profile
from tests.hardware_sim.rig import PATIENCE_S

EXAMPLE = Path(__file__).parents[2] / "examples" / "lab-sim.toml"
PROFILE = """
factor = 30
start = 2026-11-20T10:00:00+09:00

[[sim]]
id = "one"
kind = "gcode_printer"
seed = 3

[[sim]]
id = "two"
kind = "gcode_printer"
[sim.options]
wire = "tcp"
fault = ["mute", "noise_in:p=0.5"]
machine = "beside {one.endpoint}"
advanced_ok = true
emergency_parser = false
"""


@asynccontextmanager
async def lab(directory: Path, profile: str) -> AsyncIterator[asyncio.subprocess.Process]:
    path = directory / "profile.toml"
    path.write_text(profile, "utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hardware_sim", "--profile", str(path), "--dir", str(directory)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def test_all_sims_run_on_one_clock_and_end_together(tmp_path: Path) -> None:
    async with lab(tmp_path, PROFILE) as process:
        assert process.stdout
        async with asyncio.timeout(PATIENCE_S):
            ready = json.loads(await process.stdout.readline())
        listing = json.loads((tmp_path / "sim.json").read_text("utf-8"))
        assert ready == {"ready": True, **listing}
        clock = SimClock.parse(listing["clock"])
        assert (clock.factor, clock.start.isoformat()) == (30.0, "2026-11-20T01:00:00+00:00")
        one, two = (listing["sims"][name] for name in ("one", "two"))
        assert one["endpoint"] == str(tmp_path / "one.tty")
        assert two["endpoint"].startswith("socket://127.0.0.1:")
        faults = (await ask(two["control"], "status"))["faults"]
        assert set(faults) == {"mute", "noise_in"}  # type: ignore[call-overload]
        process.terminate()
        assert await process.wait() == 0
    for sim in (one, two):
        with pytest.raises(ConnectionRefusedError):
            await ask(sim["control"], "status")
    assert (tmp_path / "truth" / "one.jsonl").exists()


def test_options_name_what_is_already_up(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text(PROFILE, "utf-8")
    second = read_profile(path).sims[1]
    up = {"one": Running("gcode_printer", 1, 4711, "/dev/one")}
    assert list(_flags(second, up)) == [
        *("--wire", "tcp", "--fault", "mute", "--fault", "noise_in:p=0.5"),
        *("--machine", "beside /dev/one", "--advanced-ok"),
    ]
    with pytest.raises(BadProfile, match="two"):
        list(_flags(second, {}))


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        ("", "different ids"),
        ("[[sim]]\nid = 'a'\nkind = 'toaster'", "toaster|kind"),
        ("[[sim]]\nid = 'a'\nkind = 'gcode_printer'\ncolour = 'red'", "colour"),
        ("[[sim]]\nid = 'a'\nkind = 'gcode_printer'\n" * 2, "different ids"),
        ("sim = [", "profile.toml"),
        ("[[sim]]\nid='a'\nkind='gcode_printer'\n[sim.options]\nlink='{b.control}'", "before it"),
    ],
)
async def test_a_wrong_profile_says_what_is_wrong(
    tmp_path: Path, profile: str, reason: str
) -> None:
    async with lab(tmp_path, profile) as process:
        _, error = await process.communicate()
        assert process.returncode == 2
        assert any(part in error.decode() for part in reason.split("|")), error


async def test_a_sim_that_does_not_start_ends_the_lab(tmp_path: Path) -> None:
    broken = PROFILE.replace('wire = "tcp"', 'wire = "smoke"')
    async with lab(tmp_path, broken) as process:
        _, error = await process.communicate()
        assert process.returncode == 1
        assert b"two (gcode_printer) did not become ready" in error
    assert not (tmp_path / "sim.json").exists()


async def test_the_example_lab_starts_with_its_plugs_off(tmp_path: Path) -> None:
    async with lab(tmp_path, EXAMPLE.read_text("utf-8")) as process:
        assert process.stdout
        async with asyncio.timeout(PATIENCE_S):
            sims = json.loads(await process.stdout.readline())["sims"]
        assert set(sims) == {"printer1", "cobot1", "hub1"}
        for name in ("printer1", "cobot1"):
            assert (await ask(sims[name]["control"], "status"))["power"] is False
