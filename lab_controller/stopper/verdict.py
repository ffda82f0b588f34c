"""What can be said of one stop step, and of a device from all its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """CONFIRMED: the device says it stopped. SENT: bytes are out. FAILED: press the button."""

    CONFIRMED = "CONFIRMED"
    SENT = "SENT"
    FAILED = "FAILED"


BEST_FIRST = tuple(Outcome)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of a step. `detail` is a code (`stop.detail.<code>`), `info` technical words."""

    outcome: Outcome
    detail: str = ""
    info: str = ""


CONFIRMED = Verdict(Outcome.CONFIRMED)
SENT = Verdict(Outcome.SENT)


def failed(detail: str, info: object = "") -> Verdict:
    """A step whose message did not get through, or was turned down."""
    return Verdict(Outcome.FAILED, detail, str(info))


def best(verdicts: Sequence[Verdict]) -> Verdict:
    """The best proof wins; the first of equals. A device without a step cannot be stopped."""
    ranked = sorted(verdicts, key=lambda verdict: BEST_FIRST.index(verdict.outcome))
    return ranked[0] if ranked else failed("no_software_stop")


class Attempt(Protocol):
    """One step under way. Its bytes are out, or being put out, when it exists."""

    async def proof(self) -> Verdict:
        """Wait for the outcome; the caller bounds it."""
        ...

    def at_deadline(self) -> Verdict:
        """What can be said when `proof` took too long."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """An attempt whose outcome was clear at once."""

    verdict: Verdict

    async def proof(self) -> Verdict:
        """The verdict it was made with."""
        return self.verdict

    def at_deadline(self) -> Verdict:
        """The same."""
        return self.verdict
