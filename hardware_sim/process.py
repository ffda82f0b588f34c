"""The scaffold of a simulator process: options, control port, ready line, and its end.

A simulator module states its own options and builds an object of the `Simulator` protocol;
`run` does the rest and returns the exit code.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from hardware_sim.clock import SimClock
from hardware_sim.control import ControlServer, Fields, Op
from hardware_sim.faults import Faults, FaultTable, Params
from hardware_sim.truth import TruthLog

PARENT_POLL_S = 0.3

CLOCK_FAULTS: FaultTable = {
    "clock_skew": {"does": "the machine's own clock is `seconds` ahead", "seconds": 3600.0},
    "stale_time": {"does": "the machine's own clock stands still; values still change"},
}
"""For simulators that stamp what they say with their own clock (`Station.now`)."""


@dataclass(frozen=True, slots=True)
class Station:
    """What every simulator is given: who it is, its time, its seed, its faults, its truth log."""

    id: str
    dir: Path
    clock: SimClock
    seed: int
    faults: Faults
    truth: TruthLog
    timers: set[asyncio.Task[None]] = field(default_factory=set)
    """Faults that are still to begin or to end."""

    def now(self, elapsed: float | None = None) -> datetime:
        """Lab time as the machine's own clock shows it, also of a moment of the past."""
        error = -(self.faults.age("stale_time") or 0.0)
        if skew := self.faults.get("clock_skew"):
            error += skew["seconds"]
        exact = self.clock.elapsed() if elapsed is None else elapsed
        return self.clock.start + timedelta(seconds=exact + error)


class Simulator(Protocol):
    """The far end of one wire, as the scaffold sees it."""

    async def start(self) -> str:
        """Open the wire, powered on, and return its endpoint (a path or a URL)."""
        ...

    async def stop(self) -> None:
        """Close the wire; leaves no task."""
        ...

    async def power(self, on: bool) -> None:
        """Take or give mains power; repeating it changes nothing."""
        ...

    async def on_fault(self, name: str, params: Params) -> None:
        """A fault was raised: act if it is an event (unplug, reset) and not a state."""
        ...

    def status(self) -> Fields:
        """Facts for the `status` op, `power`, `power_w` and `energy_kwh` among them."""
        ...

    def ops(self) -> Mapping[str, Op]:
        """Further control ops of this simulator."""
        ...


def options(kind: str) -> argparse.ArgumentParser:
    """The options every simulator has; the module adds its own."""
    parser = argparse.ArgumentParser(prog=f"python -m hardware_sim.{kind}")
    parser.add_argument("--id", required=True, help="name of this simulator")
    parser.add_argument("--dir", required=True, type=Path, help="directory of wires and truth logs")
    parser.add_argument("--clock", default="", help="START/FACTOR/ORIGIN (default: wall clock)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control-port", type=int, default=0, help="0: any free port")
    parser.add_argument("--fault", action="append", default=[], help="name or name:key=value,…")
    parser.add_argument(
        "--parent", type=int, default=os.getppid(), help="end when this pid is gone"
    )
    return parser


def station(arguments: argparse.Namespace, table: FaultTable) -> Station:
    """Make the station of a parsed command line."""
    clock = SimClock.parse(arguments.clock)
    return Station(
        id=arguments.id,
        dir=arguments.dir,
        clock=clock,
        seed=arguments.seed,
        faults=Faults(table, clock, arguments.seed),
        truth=TruthLog(arguments.dir / "truth" / f"{arguments.id}.jsonl", clock),
    )


def run(
    arguments: argparse.Namespace,
    table: FaultTable,
    build: Callable[[argparse.Namespace, Station], Simulator],
) -> int:
    """Run one simulator until SIGTERM, SIGINT or the death of its parent."""
    return asyncio.run(_run(arguments, station(arguments, table), build))


async def _run(
    arguments: argparse.Namespace,
    place: Station,
    build: Callable[[argparse.Namespace, Station], Simulator],
) -> int:
    ending = end_event(arguments.parent)
    simulator = build(arguments, place)
    control = ControlServer({**standard_ops(place, simulator), **simulator.ops()})
    endpoint = await simulator.start()
    for text in arguments.fault:
        await begin(place, simulator, *place.faults.raise_text(text))
    port = await control.start(arguments.control_port)
    announce({"ready": True, "id": place.id, "control": port, "endpoint": endpoint})
    try:
        await ending.wait()
    finally:
        await control.close()
        for timer in list(place.timers):
            timer.cancel()
        await simulator.stop()
        place.truth.close()
    return 0


def standard_ops(place: Station, simulator: Simulator) -> dict[str, Op]:
    """The ops every control port answers: status, faults, fault, clear, power."""

    async def status(_: Fields) -> Fields:
        shared = {"id": place.id, "at": place.clock.now().isoformat()}
        return {**shared, "faults": place.faults.active(), **simulator.status()}

    async def fault(fields: Fields) -> Fields:
        wanted = dict(fields)
        name = str(wanted.pop("name"))
        params = place.faults.raise_fault(name, wanted)
        place.truth.write("fault", name=name, params=params)
        await begin(place, simulator, name, params)
        return {"name": name, "params": params}

    async def faults(_: Fields) -> Fields:
        return {"faults": place.faults.listing(), "active": place.faults.active()}

    async def clear(fields: Fields) -> Fields:
        name = fields.get("name")
        place.faults.clear(None if name is None else str(name))
        place.truth.write("clear", name=name)
        await place.faults.told()
        return {}

    async def power(fields: Fields) -> Fields:
        if not isinstance(fields["on"], bool):
            raise ValueError("power needs on: true or false")
        await simulator.power(fields["on"])
        return {"power": fields["on"]}

    return {"status": status, "faults": faults, "fault": fault, "clear": clear, "power": power}


async def begin(place: Station, simulator: Simulator, name: str, params: Params) -> None:
    """Bring a raised fault into effect, now or at its `after_s`, and see to its end by `for_s`."""

    def later(lab_s: float, work: Callable[[], Coroutine[None, None, None]]) -> None:
        async def wait() -> None:
            await place.clock.sleep(lab_s)
            await work()

        task = asyncio.get_running_loop().create_task(wait())
        place.timers.add(task)
        task.add_done_callback(place.timers.discard)

    async def start() -> None:
        if place.faults.active().get(name) is not params:
            return  # cleared, or raised anew, in the meantime
        await simulator.on_fault(name, params)
        await place.faults.told()
        if params["for_s"]:
            later(params["for_s"], end)

    async def end() -> None:
        place.faults.get(name)
        await place.faults.told()

    if params["after_s"]:
        later(params["after_s"], start)
    else:
        await start()


def end_event(parent: int) -> asyncio.Event:
    """An event that is set by SIGTERM, by SIGINT, or when `parent` is no longer our parent."""
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)

    def look() -> None:
        if os.getppid() != parent:
            ending.set()
        else:
            loop.call_later(PARENT_POLL_S, look)

    look()
    return ending


def announce(line: Fields) -> None:
    """Print one JSON line to stdout at once."""
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()
