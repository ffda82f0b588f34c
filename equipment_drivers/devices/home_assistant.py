"""Smart plugs and sensors behind a Home Assistant hub, over its REST API.

One poll feeds all devices; the hub's WebSocket only says when to look sooner. A value is told
when the hub has newly heard of it, so a sensor that went quiet grows old here too; what an outlet
or a contact shows is told with every poll.
REST API: https://developers.home-assistant.io/docs/api/rest/
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from equipment_drivers import contract as c
from equipment_drivers.devices.home_assistant_hints import Hints
from equipment_drivers.devices.home_assistant_options import (
    HubDeviceOptions,
    HubOptions,
    Secret,
    SignalOptions,
)
from equipment_drivers.devices.home_assistant_states import EntityState, measure
from equipment_drivers.devices.home_assistant_wire import DRIP_S, HubWire, changes
from equipment_drivers.errors import (
    BadOption,
    ConnectFailed,
    DriverError,
    LinkLost,
    NotSupported,
    OutcomeUnknown,
)
from equipment_drivers.model import (
    DeviceMessage,
    DeviceState,
    Operation,
    Reading,
    Safety,
)

WORKING = frozenset({Operation.IDLE, Operation.READY})
PLUG_OPERATION = {"on": Operation.READY, "off": Operation.IDLE}
CONFIRM_EVERY_S = 0.1
STOP_S = 1.0


@dataclass(frozen=True, slots=True)
class Hung:
    """One configured device, with its signals as entity and promised unit."""

    id: str
    address: str
    options: HubDeviceOptions
    signals: Mapping[str, SignalOptions]

    @property
    def is_plug(self) -> bool:
        return self.options.kind == "plug"

    @property
    def entities(self) -> list[str]:
        return [signal.entity for signal in self.signals.values()]


def hung(device: c.DeviceConfig) -> Hung:
    """A device as configured, its outlet and meters made signals like any other.

    Raises BadOption for a plug whose address is no switch.
    """
    options = device.options
    assert isinstance(options, HubDeviceOptions)
    if options.kind == "plug" and not re.fullmatch(r"switch\.[a-z0-9_]+", device.address):
        raise BadOption(option="address", cause=f"{device.id}: {device.address!r}")
    signals = dict(options.signals)
    if options.kind == "plug":
        signals["on"] = SignalOptions.model_construct(entity=device.address, unit="1")
    if options.power_entity:
        signals["power"] = SignalOptions(entity=options.power_entity, unit="W")
    if options.energy_entity:
        signals["energy"] = SignalOptions(entity=options.energy_entity, unit="kW.h")
    return Hung(device.id, device.address, options, signals)


class Absent:
    """Which entities the hub does not have, told once each.

    One that was never there is a mistake in the configuration and told at once; one that was
    there gets `grace_s` to come back, for a hub that is starting again.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._seen: set[str] = set()
        self._since: dict[str, float] = {}
        self._told: set[str] = set()

    def is_news(self, entity: str, present: bool, now: float) -> bool:
        """Whether people should be told now that it is missing; `now` in real seconds."""
        if present:
            self._seen.add(entity)
            self._since.pop(entity, None)
            self._told.discard(entity)
            return False
        waited = now - self._since.setdefault(entity, now)
        due = entity not in self._seen or waited >= self._grace_s
        if entity in self._told or not due:
            return False
        self._told.add(entity)
        return True


class HomeAssistantHub:
    """One hub; its devices are plugs (`turn_on`, `turn_off`, `refresh`) and sensors (`refresh`)."""

    spec: ClassVar[c.DriverSpec] = c.DriverSpec(
        id="home_assistant",
        kind="hub",
        connection_options=HubOptions,
        device_options=HubDeviceOptions,
    )

    def __init__(
        self, connection: str, options: c.Options, devices: c.Wired, *, clock: c.Clock, emit: c.Emit
    ) -> None:
        assert isinstance(options, HubOptions)
        self._connection, self._options = connection, options
        self._devices = {device.id: hung(device) for device in devices}
        self._clock, self._emit = clock, emit
        self._token = Secret()
        with suppress(BadOption):  # told by connect; a stop plan wants the token before that
            self._token = options.read_token()
        self._wire: HubWire | None = None
        self._heard: dict[tuple[str, str], EntityState | None] = {}
        self._told: dict[str, tuple[Operation, Mapping[str, str]]] = {}
        self._hints: Hints | None = None
        self._absent = Absent(options.missing_after_s)

    # -- what it is -------------------------------------------------------------------------

    @property
    def max_silence_s(self) -> float:
        return self._options.poll_s + self._options.timeout_s + DRIP_S

    def device_spec(self, device: str) -> c.DeviceSpec:
        thing = self._devices[device]
        longest = self._options.timeout_s + self._options.confirm_s
        commands = [c.CommandSpec("refresh", c.NoArguments, c.Effect.READ, c.ANY_TIME, longest)]
        if thing.is_plug:
            commands += [
                c.CommandSpec("turn_on", c.NoArguments, c.Effect.ACTUATE, WORKING, longest),
                c.CommandSpec(
                    "turn_off", c.NoArguments, c.Effect.ACTUATE, c.ANY_TIME, longest, calms=True
                ),
            ]
        return c.DeviceSpec(
            device=device,
            kind=thing.options.kind,
            commands={command.verb: command for command in commands},
            signals={
                name: c.SignalSpec(
                    name, signal.unit, thing.options.max_age_s, precision(signal.unit)
                )
                for name, signal in thing.signals.items()
            },
        )

    def stop_plan(self, device: str) -> c.StopPlan:
        """A plug is switched off; what only measures has nothing to stop."""
        thing = self._devices[device]
        if not thing.is_plug:
            return c.StopPlan(device, "stop.means.none")
        api = f"{self._options.url}/api"
        payload = {
            "method": "POST",
            "url": f"{api}/services/switch/turn_off",
            "headers": {
                "Authorization": Secret(f"Bearer {self._token}"),
                "Content-Type": "application/json",
            },
            "body": json.dumps({"entity_id": thing.address}),
            "confirm": {"url": f"{api}/states/{thing.address}", "key": "state", "equals": "off"},
        }
        step = c.StopStep("http", self._connection, payload, deadline_s=STOP_S)
        return c.StopPlan(device, "stop.means.plug", (step,))

    def stop_descriptor(self) -> int | None:
        return None

    # -- the wire ---------------------------------------------------------------------------

    async def connect(self) -> None:
        self._token = self._options.read_token()
        self._wire = HubWire(self._options, self._token)
        started = (await self._wire.config()).get("state", "RUNNING")
        if started != "RUNNING":
            raise ConnectFailed(url=self._options.url, cause=f"hub is {started}")

    async def resync(self) -> None:
        self._heard.clear()
        self._told.clear()
        await self._poll()

    async def serve(self) -> None:
        if self._options.hints:
            entities = frozenset(one for thing in self._devices.values() for one in thing.entities)
            listen = partial(changes, self._options, self._token)
            self._hints = Hints(listen, entities, self._options.hint_retry_s)
        while True:
            await self._pause()
            await self._poll()

    async def _pause(self) -> None:
        """Until the next poll: its time, or sooner by a hint; many hints at once are one."""
        least = min(self._options.hint_pause_s, self._options.poll_s)
        await asyncio.sleep(least if self._hints else self._options.poll_s)
        if self._hints:
            await self._hints.within(self._options.poll_s - least)

    async def close(self) -> None:
        hints, self._hints = self._hints, None
        if hints is not None:
            await hints.close()
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

    def _open_wire(self) -> HubWire:
        if self._wire is None:
            raise LinkLost(url=self._options.url, cause="closed")
        return self._wire

    # -- what it measures -------------------------------------------------------------------

    async def _poll(self) -> None:
        states = await self._open_wire().states()
        for thing in self._devices.values():
            self._tell(thing, states)
            self._tell_missing(thing, states)

    def _tell(self, thing: Hung, states: Mapping[str, EntityState]) -> None:
        for name, signal in thing.signals.items():
            key = (thing.id, name)
            heard = self._heard.get(key)
            state = latest(heard, states.get(signal.entity))
            if key not in self._heard or state != heard or signal.unit == "1":
                self._emit(self._reading(thing.id, name, signal, state))
            self._heard[key] = state
        self._tell_state(thing)

    def _reading(
        self, device: str, name: str, signal: SignalOptions, state: EntityState | None
    ) -> Reading:
        value, quality = measure(state, signal.unit)
        source = state.reported if state and signal.unit != "1" else None
        return Reading(device, name, value, signal.unit, quality, self._clock.now(), source)

    def _tell_state(self, thing: Hung) -> None:
        """Tell what the device does when that is news: a plug's outlet, a sensor's being there."""
        operation, detail = Operation.READY, {}
        if thing.is_plug:
            state = self._heard.get((thing.id, "on"))
            shown = state.state if state else "missing"
            operation, detail = PLUG_OPERATION.get(shown, Operation.UNKNOWN), {"state": shown}
        if self._told.get(thing.id) != (operation, detail):
            self._told[thing.id] = (operation, detail)
            self._emit(DeviceState(thing.id, operation, Safety.NONE, self._clock.now(), detail))

    def _tell_missing(self, thing: Hung, states: Mapping[str, EntityState]) -> None:
        for entity in thing.entities:
            if self._absent.is_news(entity, entity in states, self._clock.monotonic()):
                self._emit(
                    DeviceMessage(thing.id, "message.entity_missing", entity, self._clock.now())
                )

    # -- what it does -----------------------------------------------------------------------

    async def execute(
        self, device: str, verb: str, args: c.Arguments, context: c.CommandContext
    ) -> c.CommandResult:
        thing = self._devices[device]
        if verb == "refresh":
            return await self._refresh(thing)
        if verb not in ("turn_on", "turn_off") or not thing.is_plug:
            raise NotSupported(device=device, verb=verb)
        context.demand()
        wanted = verb.removeprefix("turn_")
        if not await self._switch(thing, wanted, self._options.confirm_s):
            raise OutcomeUnknown(device=device, verb=verb, cause=f"{thing.address} is not {wanted}")
        return c.CommandResult(text=wanted)

    async def _refresh(self, thing: Hung) -> c.CommandResult:
        """Make the hub read the meters now, and read the hub."""
        wire = self._open_wire()
        await wire.call("homeassistant", "update_entity", thing.entities)
        self._tell(thing, await wire.states())
        values = {
            name: value
            for name, signal in thing.signals.items()
            if (value := measure(self._heard[thing.id, name], signal.unit)[0]) is not None
        }
        return c.CommandResult(values=values)

    async def _switch(self, thing: Hung, wanted: str, within_s: float) -> bool:
        """Call the switch and watch it; False when it did not show the wanted state in time."""
        wire = self._open_wire()
        await wire.call("switch", f"turn_{wanted}", [thing.address])
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while True:
                    state = await wire.state(thing.address)
                    if state.state == wanted:
                        self._tell_switched(thing, state)
                        return True
                    await asyncio.sleep(CONFIRM_EVERY_S)
        return False

    def _tell_switched(self, thing: Hung, state: EntityState) -> None:
        self._heard[thing.id, "on"] = state
        self._emit(self._reading(thing.id, "on", thing.signals["on"], state))
        self._tell_state(thing)

    async def stop_now(self, device: str) -> c.StopReport:
        return await self._off(device, STOP_S)

    async def safe_state(self, device: str) -> c.StopReport:
        return await self._off(device, self._options.confirm_s)

    async def _off(self, device: str, within_s: float) -> c.StopReport:
        thing = self._devices[device]
        if not thing.is_plug:
            return c.StopReport(device, c.StopOutcome.CONFIRMED)
        try:
            confirmed = await self._switch(thing, "off", within_s)
        except DriverError as error:
            return c.StopReport(device, c.StopOutcome.FAILED, str(error))
        return c.StopReport(device, c.StopOutcome.CONFIRMED if confirmed else c.StopOutcome.SENT)


def latest(heard: EntityState | None, state: EntityState | None) -> EntityState | None:
    """The newer of two: an answer asked for before a command may arrive after its effect."""
    if heard and state and heard.reported and state.reported and state.reported < heard.reported:
        return heard
    return state


def precision(unit: str) -> int:
    """Decimals worth showing; a kilowatt hour is a large thing in a lab."""
    return {"1": 0, "kW.h": 3, "mm/s": 2}.get(unit, 1)
