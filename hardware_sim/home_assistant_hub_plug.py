"""A smart plug with a meter and a button: it feeds a simulated device by its control port."""

from __future__ import annotations

import asyncio
from typing import Any

from hardware_sim.control import ask
from hardware_sim.faults import Faults
from hardware_sim.home_assistant_hub_states import UNIT, States
from hardware_sim.truth import TruthLog

ASK_WITHIN_S = 1.0


class Plug:
    """`switch.<name>`, `sensor.<name>_power` (W) and `sensor.<name>_energy` (kWh).

    The energy counted is the difference of the device's own counter, so both agree: all it uses
    came through here. A counter that restarts is counted on. Port 0: nothing is plugged in.
    """

    def __init__(
        self, name: str, port: int, states: States, faults: Faults, truth: TruthLog
    ) -> None:
        self.name = name
        self.switch = f"switch.{name}"
        self.on = True
        self.power_w = 0.0
        self.energy_kwh = 0.0
        self._port = port
        self._states = states
        self._faults = faults
        self._truth = truth
        self._counter: float | None = None
        self._lock = asyncio.Lock()

    @property
    def entities(self) -> tuple[str, str, str]:
        """The switch, the power and the energy sensor."""
        return (self.switch, f"sensor.{self.name}_power", f"sensor.{self.name}_energy")

    async def plug_in(self, on: bool) -> None:
        """Begin: off takes the power away; on leaves the device as it is."""
        async with self._lock:
            device = await self._ask("status")
            self.on = on and (device is None or bool(device["power"]))
            if device is not None and not self.on and device["power"]:
                await self._ask("power", on=False)
            self._count(device)
            self._say("start", None)

    async def turn(self, on: bool, cause: str, context: str | None = None) -> None:
        """Switch; a stuck relay does not, and says nothing about it."""
        stuck = self._faults.get("stuck_switch")
        if stuck is not None and stuck["entity"] in ("", self.switch):
            self._truth.write("stuck", entity=self.switch, wanted=on, cause=cause)
            return
        async with self._lock:
            if on is self.on:
                return
            before = await self._ask("power", on=on)
            self.on = on
            if before is not None:
                self._count(await self._ask("status"))
            self._say(cause, context)

    async def read(self, context: str | None = None) -> None:
        """Read the meter; what is plugged into a plug that is off is without power, always."""
        async with self._lock:
            device = await self._ask("status")
            if device is not None and not self.on and device["power"]:
                await self._ask("power", on=False)
            self._count(device)
            self.report(context)

    def report(self, context: str | None = None) -> None:
        """Report the three entities."""
        shown = {
            self.switch: ("on" if self.on else "off", {"device_class": "outlet"}),
            self.entities[1]: (f"{self.power_w:.1f}", _sensor("measurement", "W", "power")),
            self.entities[2]: (
                f"{self.energy_kwh:.6f}",
                _sensor("total_increasing", "kWh", "energy"),
            ),
        }
        for entity, (state, attributes) in shown.items():
            name = entity.partition(".")[2].replace("_", " ")
            self._states.report(entity, state, {**attributes, "friendly_name": name}, context)

    def _say(self, cause: str, context: str | None) -> None:
        self._truth.write(
            "plug", entity=self.switch, on=self.on, cause=cause, energy_kwh=self.energy_kwh
        )
        self.report(context)

    def _count(self, device: dict[str, Any] | None) -> None:
        before = (self.power_w, self.energy_kwh)
        if device is None:
            self.power_w = 0.0
        elif device:
            counter = float(device["energy_kwh"])
            if self._counter is not None:
                same_life = counter >= self._counter
                self.energy_kwh += counter - self._counter if same_life else counter
            self._counter = counter
            self.power_w = float(device["power_w"]) if self.on and device["power"] else 0.0
        if before != (self.power_w, self.energy_kwh):
            self._truth.write(
                "meter", entity=self.switch, power_w=self.power_w, energy_kwh=self.energy_kwh
            )

    async def _ask(self, op: str, **fields: object) -> dict[str, Any] | None:
        """The device's answer; None when nothing is plugged in, empty when it is silent."""
        if not self._port:
            return None
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                return await ask(self._port, op, **fields)
        except TimeoutError:
            return {}
        except (OSError, ValueError):
            return None


def _sensor(state_class: str, unit: str, device_class: str) -> dict[str, str]:
    return {"state_class": state_class, UNIT: unit, "device_class": device_class}
