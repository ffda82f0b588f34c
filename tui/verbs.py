"""What staff may ask of a device by hand: which verbs ask first, and what has to be entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tui.entries import Given, number


@dataclass(frozen=True, slots=True)
class Entry:
    """One argument of a verb; `numeric` ones are read as numbers."""

    name: str
    numeric: bool = False


BY_JOB = frozenset({"print_file"})
"""Started from a trial, where the file is chosen and the run records it."""

NEVER_ASKS = frozenset({"refresh", "pause", "hold", "cancel", "stop_program", "turn_off"})
"""Stopping, holding and looking never ask; whatever starts, heats or moves does."""

ENTRIES: Mapping[str, tuple[Entry, ...]] = {
    "set_hotend": (Entry("celsius", numeric=True),),
    "set_bed": (Entry("celsius", numeric=True),),
    "load_program": (Entry("name"),),
    "set_speed": (Entry("percent", numeric=True),),
}


def arguments_of(verb: str, given: Given) -> dict[str, str | float]:
    """The arguments as the lab wants them. Raises BadField."""
    return {
        entry.name: number(entry.name, given[entry.name]) if entry.numeric else given[entry.name]
        for entry in ENTRIES.get(verb, ())
    }
