"""Writing into a run's record, once, that a stop rule of its protocol is met."""

from __future__ import annotations

import logging

from lab_controller.errors import LabError
from lab_controller.i18n import text
from lab_controller.services.trials import BY, Trials
from trial_logs.errors import TrialError
from trial_logs.protocol import StopKind, StopRule
from trial_logs.shown import plain

log = logging.getLogger(__name__)


class StopNotes:
    """Looks at the live runs under rules. It stops nothing: that is the operator's decision."""

    def __init__(self, trials: Trials, language: str) -> None:
        self._trials, self._language = trials, language
        self._noted: set[tuple[str, StopRule]] = set()

    async def tick(self) -> None:
        """Note every rule that is met and not yet noted."""
        standing = await self._trials.under_rules()
        met = {(found.run.id, rule) for found in standing for rule in found.met}
        for run, rule in sorted(met - self._noted, key=lambda each: (each[0], each[1].kind)):
            try:
                await self._trials.note_once(run, rule_met(rule, self._language), by=BY)
            except (LabError, TrialError) as fault:  # tried again by the next tick
                log.warning("a stop rule of %s cannot be noted: %s", run, fault)
            else:
                self._noted.add((run, rule))


def rule_met(rule: StopRule, language: str) -> str:
    """A stop rule that is met, in words."""
    value = rule.value or 0.0
    shown = plain(value * 100 if rule.kind is StopKind.SCRAP_SHARE else value)
    return text(language, f"stop_rule.met.{rule.kind}", {"value": shown})
