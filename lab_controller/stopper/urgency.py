"""A processor at once when stop is pressed, whatever the controller computes.

Where the system lets us (root, or a limit on niceness), the stopper goes before ordinary processes;
where it does not, the controller steps back a little instead.
"""

from __future__ import annotations

import gc
import os

URGENT = -10
STEP_BACK = 5


def be_urgent() -> int:
    """Take precedence; returns the niceness that the controller is to have."""
    ordinary = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, ordinary + URGENT)
    except PermissionError:
        return ordinary + STEP_BACK
    return ordinary


def settle_memory() -> None:
    """Leave what lives as long as we do out of the collector's walks: they hold up a stop."""
    gc.collect()
    gc.freeze()
