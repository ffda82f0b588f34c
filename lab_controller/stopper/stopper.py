"""The stop itself: memory first, then every wire, then the disk, then the report."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from lab_controller.stopper import fanout
from lab_controller.stopper.errors import Refused
from lab_controller.stopper.latch import PRESSED, Press
from lab_controller.stopper.latch_file import LatchKeeper, wall_clock
from lab_controller.stopper.lines import Message
from lab_controller.stopper.means.reach import Reach
from lab_controller.stopper.plans import Plan, parse_plans

log = logging.getLogger(__name__)


class Stopper:
    """Owns the latch and the plans. `announce` tells the controller, without waiting."""

    def __init__(
        self, keeper: LatchKeeper, reach: Reach, announce: Callable[[Message], None]
    ) -> None:
        self.keeper = keeper
        self.reach = reach
        self.plans: dict[str, Plan] = {}
        self._announce = announce
        self._running: set[asyncio.Task[Message]] = set()

    async def adopt(self, data: object) -> list[Message]:
        """Take over all plans, in place of the old; returns what is wrong with them."""
        self.plans, lost = parse_plans(data)
        problems: list[Message] = [
            {"device": "", "detail": "bad_plan", "info": one} for one in lost
        ]
        for plan in self.plans.values():
            problems += [
                {"device": plan.device, "detail": "bad_plan", "info": one} for one in plan.problems
            ]
        await self.reach.adopt(self.plans.values())
        return problems

    def press(
        self, device: str | None, *, by: str, reason: str, cause: str = PRESSED
    ) -> asyncio.Task[Message]:
        """Stop a device, or everything for None. All writes are out when this returns.

        The task gives the report; nobody's leaving cancels it. Raises Refused for a device that
        no plan knows, as long as any plan is known.
        """
        if device is not None and self.plans and device not in self.plans:
            raise Refused("stop.unknown_device", device=device, known=", ".join(self.plans))
        press = Press(by, reason, cause, wall_clock())
        self.keeper.press(device, press)
        plans = self._plans_of(device)
        self._announce(
            {
                "push": "stopping",
                "lab": device is None,
                "devices": [plan.device for plan in plans],
                "by": by,
                "reason": reason,
                "cause": cause,
                "at": press.at,
            }
        )
        shots = fanout.fire(self.reach, plans)
        task = asyncio.create_task(self._finish(device, press, plans, shots))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        log.warning("stop.pressed device=%s by=%s cause=%s", device or "*", by, cause)
        return task

    def _plans_of(self, device: str | None) -> list[Plan]:
        if device is None:
            return list(self.plans.values())
        return [self.plans.get(device) or Plan(device, "", (), "no plan known")]

    async def _finish(
        self, device: str | None, press: Press, plans: list[Plan], shots: list[fanout.Shot]
    ) -> Message:
        saving = asyncio.create_task(self.keeper.save())
        report = await fanout.collect(plans, shots)
        self.keeper.report(device, report)
        about = {"by": press.by, "reason": press.reason, "cause": press.cause, "at": press.at}
        self._announce({"push": "stopped", **about, "devices": report})
        await saving
        saved = await self.keeper.save()
        self.tell_latch()
        return {
            "device": device,
            **about,
            "saved": saved,
            "devices": report,
        }

    async def reset(
        self, device: str | None, *, by: str, reason: str, verified: Iterable[str]
    ) -> None:
        """Open a latch after the controller verified every device it covers. Raises Refused."""
        if not by.strip() or not reason.strip():
            raise Refused("stop.reason_missing")
        if self._running:
            raise Refused("stop.still_stopping")
        state = self.keeper.state
        if state.is_open or (device is not None and state.get(device) is None):
            raise Refused("stop.not_latched", device=device or "*")
        scope = set(self.plans) if device is None else {device}
        missing = scope - set(verified)
        if missing:
            raise Refused("stop.not_verified", missing=", ".join(sorted(missing)))
        await self.keeper.clear(device)
        log.warning("stop.reset device=%s by=%s reason=%s", device or "*", by, reason)
        self.tell_latch()

    def tell_latch(self) -> None:
        """Push the latch to the controller."""
        self._announce({"push": "latch", "state": self.keeper.state.to_json()})

    def devices(self) -> dict[str, Any]:
        """Per device: its means, which steps could go out this moment, and what is wrong."""
        return {
            plan.device: {
                "means": plan.means,
                "estop": dict(plan.estop),
                "problem": "; ".join(plan.problems),
                "steps": [
                    {
                        "kind": step.kind,
                        "connection": step.connection,
                        "ready": self.reach.ready(step),
                    }
                    for step in plan.steps
                ],
            }
            for plan in self.plans.values()
        }

    async def close(self) -> None:
        """Let the stops under way end, then close every wire."""
        if self._running:
            await asyncio.wait(self._running)
        await self.keeper.save()
        await self.reach.close()
