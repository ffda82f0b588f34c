"""A Home Assistant hub: `python -m hardware_sim.home_assistant_hub --id hub --dir DIR …`.

Joins the room's sensors, the plugs, the two APIs behind a gate, the control port and the truth.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import uvicorn

from hardware_sim.control import Fields, Op
from hardware_sim.faults import FaultTable, Params
from hardware_sim.gate import Gate
from hardware_sim.home_assistant_hub_plug import Plug
from hardware_sim.home_assistant_hub_rest import Rest, application, config
from hardware_sim.home_assistant_hub_room import Room
from hardware_sim.home_assistant_hub_services import Services
from hardware_sim.home_assistant_hub_socket import Sockets
from hardware_sim.home_assistant_hub_states import States
from hardware_sim.process import CLOCK_FAULTS, Station, options, run
from hardware_sim.wire_faults import WIRE_FAULTS

TOKEN = "sim-token"
LOCATION = "Machi-koba DX Lab"
INTERVAL_S = 5.0
SHORTEST_PERIOD_S = 0.1
HEARTBEAT_S = 55.0
HUB_W = 6.0

FAULTS: FaultTable = {
    **WIRE_FAULTS,
    **CLOCK_FAULTS,
    "unavailable": {"does": "an entity (or all) is unavailable", "entity": ""},
    "unknown": {"does": "an entity (or all) is unknown", "entity": ""},
    "unit": {"does": "an entity reports in another unit", "entity": "", "unit": "°F"},
    "server_error": {"does": "requests are answered with this HTTP status", "status": 500.0},
    "html": {"does": "requests are answered with a web page", "status": 502.0},
    "auth_revoked": {"does": "the token no longer counts"},
    "stuck_switch": {"does": "a switch says yes and stays as it is", "entity": ""},
}


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: ending is the scaffold's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Hub:
    """The simulated hub as the scaffold sees it."""

    def __init__(self, arguments: argparse.Namespace, place: Station) -> None:
        self._place = place
        self._interval_s = arguments.interval
        self._gate = Gate(arguments.port, place.faults)
        self._began = place.clock.elapsed()
        self._starting_off = frozenset(arguments.start_off)
        states = self._states = States(place.now, place.faults)
        self._plugs = [
            Plug(name, port, states, place.faults, place.truth)
            for name, port in map(_plug, arguments.plug)
        ]
        self._rooms = [Room(name, place.seed, states) for name in arguments.room or ["lab"]]
        services = Services(self._plugs, states, place.truth)
        self._sockets = Sockets(states, services, place.faults, arguments.token, config(LOCATION))
        self._app = application(
            Rest(states, services, LOCATION), self._sockets, place.faults, arguments.token
        )
        self._server: _Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        place.faults.followers.append(self._show_faults)

    async def start(self) -> str:
        """Power up and return the URL."""
        if strange := self._starting_off - {plug.name for plug in self._plugs}:
            raise SystemExit(f"--start-off names no plug: {sorted(strange)}")
        for plug in self._plugs:
            await plug.plug_in(plug.name not in self._starting_off)
        await self.power(True)
        return self._url

    async def stop(self) -> None:
        """Close the wire and leave no task."""
        await self.power(False)
        self._gate.release()

    async def power(self, on: bool) -> None:
        """The hub itself; its plugs keep their relays as they are."""
        if on is bool(self._tasks):
            return
        self._place.truth.write("power", on=on)
        if on:
            await self._boot()
        else:
            await self._die()

    async def on_fault(self, name: str, params: Params) -> None:
        """End the sessions of a token that no longer counts."""
        if name == "auth_revoked":
            await self._sockets.close_all()

    def status(self) -> Fields:
        """The hub's own power, and what is really true of each plug and binary sensor."""
        hours = (self._place.clock.elapsed() - self._began) / 3600.0
        plugs = {
            plug.name: {"on": plug.on, "power_w": plug.power_w, "energy_kwh": plug.energy_kwh}
            for plug in self._plugs
        }
        binary = {entity: state for room in self._rooms for entity, state in room.binary.items()}
        power = bool(self._tasks)
        used = {"power_w": HUB_W * power, "energy_kwh": HUB_W * hours / 1000.0}
        shared = {"endpoint": self._url, "power": power, **used}
        return {**shared, "plugs": plugs, "binary": binary}

    def ops(self) -> Mapping[str, Op]:
        """`press_button` of a plug, and `set_binary` of a sensor."""

        async def press_button(fields: Fields) -> Fields:
            found = [plug for plug in self._plugs if plug.switch == fields["entity"]]
            if not found:
                raise ValueError(f"no plug {fields['entity']}")
            self._place.truth.write("button", entity=found[0].switch)
            await found[0].turn(not found[0].on, "button")
            return {"on": found[0].on}

        async def set_binary(fields: Fields) -> Fields:
            entity, state = str(fields["entity"]), str(fields["state"])
            owners = [room for room in self._rooms if entity in room.binary]
            (owners or self._rooms)[0].switch(entity, state)
            self._place.truth.write("binary", entity=entity, state=state)
            return {"entity": entity, "state": state}

        return {"press_button": press_button, "set_binary": set_binary}

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._gate.port}"

    async def _show_faults(self) -> None:
        self._states.show_faults()

    async def _boot(self) -> None:
        await self._measure()
        listener = socket.create_server(("127.0.0.1", 0))
        settings = uvicorn.Config(
            self._app,
            lifespan="off",
            log_config=None,
            ws_ping_interval=HEARTBEAT_S,
            ws_ping_timeout=HEARTBEAT_S,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(settings)
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._server.serve([listener])),
            loop.create_task(self._keep_measuring()),
        ]
        await self._gate.open(int(listener.getsockname()[1]))

    async def _die(self) -> None:
        await self._gate.close()
        serving, measuring = self._tasks
        self._tasks = []
        measuring.cancel()
        if self._server is not None:
            self._server.should_exit = True
        await asyncio.gather(serving, measuring, return_exceptions=True)

    async def _keep_measuring(self) -> None:
        """Every few lab seconds, but never more often than ten times a real second."""
        while True:
            period = self._place.clock.real(self._interval_s)
            await asyncio.sleep(max(SHORTEST_PERIOD_S, period))
            await self._measure()

    async def _measure(self) -> None:
        elapsed = self._place.clock.elapsed()
        for room in self._rooms:
            room.report(elapsed)
        await asyncio.gather(*(plug.read() for plug in self._plugs))


def _plug(text: str) -> tuple[str, int]:
    """`NAME=PORT`, `NAME=HOST:PORT`, or `NAME=` with nothing plugged in."""
    name, _, address = text.partition("=")
    port = address.rpartition(":")[2]
    return name, int(port) if port else 0


def main() -> int:
    """Read the options and run."""
    parser = options("home_assistant_hub")
    parser.add_argument("--port", type=int, default=0, help="HTTP port; 0: any free one")
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--room", action="append", default=[], help="name of a room with sensors")
    parser.add_argument("--plug", action="append", default=[], help="NAME=control port of a device")
    parser.add_argument("--start-off", action="append", default=[], help="plug that begins off")
    parser.add_argument("--interval", type=float, default=INTERVAL_S, help="lab s between readings")
    return run(parser.parse_args(), FAULTS, Hub)


if __name__ == "__main__":
    sys.exit(main())
