"""A whole simulated lab from a profile: one process per simulator, one clock for all.

Profile (TOML): optional `factor` and `start`, then `[[sim]]` tables with `id`, `kind`, `seed`
and `[sim.options]`. An option becomes `--key value` (`_` → `-`; true → a bare flag; a list → the
option repeated). Simulators start in the order of the file, and `{id.control}`, `{id.endpoint}`
in an option text stand for those of one that is already up.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

from hardware_sim.clock import SimClock

KINDS = frozenset(
    {
        "gcode_printer",
        "home_assistant_hub",
        "modbus_plc",
        "opcua_cobot",
        "opcua_machine",
        "ur_robot",
    }
)
READY_WITHIN_S = 20.0
END_WITHIN_S = 5.0


class BadProfile(ValueError):
    """The profile cannot be run; the text says which entry is wrong."""


class SimFailed(RuntimeError):
    """A simulator ended, or was silent, before it was ready."""


@dataclass(frozen=True, slots=True)
class SimEntry:
    """One `[[sim]]` of a profile."""

    id: str
    kind: str
    seed: int = 1
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """A lab as written in its file."""

    sims: tuple[SimEntry, ...]
    factor: float = 1.0
    start: datetime | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """One simulator that is up, as `sim.json` lists it."""

    kind: str
    pid: int
    control: int
    endpoint: str


def read_profile(path: Path) -> Profile:
    """Read and check a profile; BadProfile names the first entry that is wrong."""
    with path.open("rb") as file:
        tables = tomllib.load(file)
    sims = tuple(_entry(table) for table in tables.get("sim", []))
    names = [sim.id for sim in sims]
    if not sims or len(set(names)) != len(names):
        raise BadProfile(f"a profile needs [[sim]] tables with different ids, got {names}")
    return Profile(sims, float(tables.get("factor", 1.0)), tables.get("start"))


def _entry(table: Mapping[str, object]) -> SimEntry:
    if strange := set(table) - {"id", "kind", "seed", "options"}:
        raise BadProfile(f"[[sim]] {table.get('id')}: unknown keys {sorted(strange)}")
    if table.get("kind") not in KINDS or not isinstance(table.get("id"), str):
        raise BadProfile(f"[[sim]] {table.get('id')}: needs an id and a kind of {sorted(KINDS)}")
    return SimEntry(**table)  # type: ignore[arg-type]


class Lab:
    """The processes of one simulated lab; a simulator that dies is not started again."""

    def __init__(self, profile: Profile, directory: Path, clock: SimClock) -> None:
        self._profile = profile
        self._dir = directory
        self._clock = clock
        self._processes: list[asyncio.subprocess.Process] = []
        self.sims: dict[str, Running] = {}

    async def start(self) -> None:
        """Start all in order and write `sim.json`; after a SimFailed the caller calls `stop`."""
        self._dir.mkdir(parents=True, exist_ok=True)
        for entry in self._profile.sims:
            self.sims[entry.id] = await self._start_one(entry)
        (self._dir / "sim.json").write_text(json.dumps(self.listing(), indent=2) + "\n", "utf-8")

    def listing(self) -> dict[str, object]:
        """The content of `sim.json`."""
        sims = {name: asdict(running) for name, running in self.sims.items()}
        return {"clock": str(self._clock), "sims": sims}

    async def stop(self) -> None:
        """End every simulator: SIGTERM, then SIGKILL for one that does not listen."""
        for process in self._processes:
            if process.returncode is None:
                process.terminate()
        await asyncio.gather(*(_ended(process) for process in self._processes))

    async def _start_one(self, entry: SimEntry) -> Running:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", f"hardware_sim.{entry.kind}", "--id", entry.id, "--dir", str(self._dir)),
            *("--clock", str(self._clock), "--seed", str(entry.seed), "--parent", str(os.getpid())),
            *_flags(entry, self.sims),
            stdout=asyncio.subprocess.PIPE,
        )
        self._processes.append(process)
        assert process.stdout is not None
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                line = await process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            raise SimFailed(f"{entry.id} ({entry.kind}) did not become ready")
        ready = json.loads(line)
        return Running(entry.kind, process.pid, ready["control"], ready["endpoint"])


def _flags(entry: SimEntry, up: Mapping[str, Running]) -> Iterator[str]:
    known = {name: SimpleNamespace(**asdict(running)) for name, running in up.items()}
    for key, given in entry.options.items():
        for value in given if isinstance(given, list) else [given]:
            if value is False:
                continue
            yield "--" + key.replace("_", "-")
            if value is not True:
                yield _filled(str(value), known, entry.id)


def _filled(text: str, known: Mapping[str, object], owner: str) -> str:
    try:
        return text.format_map(known)
    except (KeyError, AttributeError, ValueError) as error:
        raise BadProfile(f"[[sim]] {owner}: {text!r} names no simulator before it") from error


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(END_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
