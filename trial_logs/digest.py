"""The one digest of a trial: what stands on each page of its report and in the code printed there.

digest = SHA-256 (hex) of the canonical JSON array
["machikoba-trial-1", trial id, [[run id, segments, head], …]], runs by number: one digit changed
in any run's record changes a head (see `chain`), and with it this digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from trial_logs.chain import canonical

SCHEME = "machikoba-trial-1"
MARK = "MACHIKOBA1"


class RunEnd(NamedTuple):
    """Where the chain of one run's record ended: how many segments, and the head of the last."""

    run_id: str
    segments: int
    head: str


class Mark(NamedTuple):
    """What the printed code says."""

    trial_id: str
    digest: str


def trial_digest(trial_id: str, ends: Iterable[RunEnd]) -> str:
    """The digest of a trial from the ends of its runs, in the order of the runs' numbers."""
    # R2 stands before R10
    ordered = sorted(ends, key=lambda end: (len(end.run_id), end.run_id))
    body = [SCHEME, trial_id, [list(end) for end in ordered]]
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def mark_text(trial_id: str, digest: str) -> str:
    """What the printed code holds: capitals, digits, `-` and `:`, the small QR alphabet."""
    return f"{MARK}:{trial_id}:{digest}".upper()


def read_mark(text: str) -> Mark | None:
    """What a scanned code says; None for any other text."""
    parts = text.strip().split(":")
    if len(parts) != 3 or parts[0].upper() != MARK:
        return None
    digest = parts[2].lower()
    is_digest = len(digest) == 64 and not digest.strip("0123456789abcdef")
    return Mark(parts[1], digest) if is_digest else None


def grouped(digest: str, groups: int = 4) -> str:
    """The beginning of a digest for the eye, four signs at a time: `1f3a 90bc …`."""
    return " ".join(digest[at : at + 4] for at in range(0, groups * 4, 4))
