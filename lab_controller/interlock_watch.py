"""What ends motion and heat when an interlock trips, whoever began them.

A device in motion is stopped through the stopper (latched) unless the interlock says `rest`; a
device that is only hot, or guarded by `rest`, loses its job and goes to its resting state without
a latch. What does not come to rest is stopped after all.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from equipment_drivers.contract import StopOutcome
from equipment_drivers.model import DeviceMessage, Operation
from lab_controller.board import Board, DeviceView
from lab_controller.clock import LabClock
from lab_controller.coordinator import Coordinator
from lab_controller.facts import Bus, Told
from lab_controller.guard import Guard
from lab_controller.interlocks import Denial, OnTrip
from lab_controller.stopper.errors import StopFault
from lab_controller.under_way import UnderWay

log = logging.getLogger(__name__)

ENDED = "lab.interlock_ended"
MOVING = (Operation.BUSY, Operation.PAUSED)
STILL = (Operation.IDLE, Operation.READY)
HEATER_TARGET = "_target"
REST_WITHIN_S = 10.0

Press = Callable[..., Awaitable[Any]]


def moves(view: DeviceView) -> bool:
    """Whether the device is in motion, or may go on by itself."""
    return view.operation in MOVING


def heats(view: DeviceView) -> bool:
    """Whether any of its heaters was last seen with a target."""
    return any(
        name.endswith(HEATER_TARGET) and (reading.value or 0.0) > 0
        for name, reading in view.readings.items()
    )


class InterlockWatch:
    """Looks at every guarded device whenever a fact may matter, and at every tick."""

    def __init__(
        self, clock: LabClock, bus: Bus, board: Board, guard: Guard, doer: Coordinator, press: Press
    ) -> None:
        self._clock, self._bus, self._board, self._guard = clock, bus, board, guard
        self._coordinator, self._press = doer, press
        self._ended: dict[str, float] = {}
        self._seen_still: set[str] = set()
        self._under_way = UnderWay()

    def hear(self, fact: Told) -> None:
        """Look when a fact may matter (a bus listener, after the board)."""
        if self._guard.concerns(fact):
            self._look()

    async def tick(self) -> None:
        """Look also when nothing is heard: silence makes values stale."""
        self._look()

    async def settled(self) -> None:
        """Wait until everything that tripped has been ended."""
        await self._under_way.settled()

    def _look(self) -> None:
        self._guard.look()
        for device in self._guard.devices:
            self._look_at(self._board[device])

    def _look_at(self, view: DeviceView) -> None:
        device = view.device
        if not (moves(view) or heats(view)):
            self._ended.pop(device, None)
            if view.operation in STILL:
                self._seen_still.add(device)
            return
        tripped = [one for one in self._guard.denials(device) if self._trips(device, one)]
        if not tripped:
            self._ended.pop(device, None)
        elif view.latched:
            return
        elif device not in self._ended:
            self._ended[device] = self._clock.monotonic()
            self._under_way.begin(f"trip {device}", lambda: self._end(view, tripped))
        elif self._clock.monotonic() - self._ended[device] > REST_WITHIN_S:
            self._under_way.begin(f"trip {device}", lambda: self._stop(view, tripped[0]))

    def _trips(self, device: str, found: Denial) -> bool:
        """What was going on before the first good look is ended only for a limit seen crossed.

        A controller that starts does not yet know its sensors, and must not stop a machine for it.
        """
        known = self._guard.was_permitting(found.rule) or device in self._seen_still
        return known or found.violated

    async def _end(self, view: DeviceView, tripped: list[Denial]) -> None:
        worst = next((one for one in tripped if one.rule.on_trip is OnTrip.STOP), tripped[0])
        params = self._guard.params(view.device, worst)
        log.warning("interlock %s ends %s: %s", worst.rule.id, view.device, params)
        now = self._clock.now()
        self._bus.tell(DeviceMessage(view.device, ENDED, worst.rule.id, now, params))
        if worst.rule.on_trip is OnTrip.STOP and moves(view):
            await self._stop(view, worst)
            return
        await self._coordinator.cancel_jobs([view.device])
        why = {key: params[key] for key in ("interlock", "limit")}
        why |= {"sensor": sensor(worst), "value": params["value_en"]}
        report = await self._coordinator.rest(view.device, by=issuer(worst), why=why)
        if report.outcome is StopOutcome.FAILED:
            await self._stop(view, worst)

    async def _stop(self, view: DeviceView, found: Denial) -> None:
        if view.latched:
            return
        params = self._guard.params(view.device, found)
        reason = f"{sensor(found)} {params['value_en']} ({params['limit']})"
        try:
            await self._press(view.device, by=issuer(found), reason=reason)
        except StopFault as error:
            log.error("%s could not be stopped for %s: %s", view.device, found.rule.id, error)


def issuer(found: Denial) -> str:
    """Who did it, as the ledger names it."""
    return f"interlock:{found.rule.id}"


def sensor(found: Denial) -> str:
    """The input that denied, by its ids."""
    condition = found.condition
    return f"{condition.device}.{condition.signal or condition.axis}"
