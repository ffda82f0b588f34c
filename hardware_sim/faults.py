"""Named, seeded faults: a table of what can be wrong, and what is wrong now.

A simulator states its faults as `{name: {"does": one line, parameter: default}}` and asks here at
the places where they bite. Five parameters mean the same everywhere: `after_s` (begins after so
many lab seconds), `at` (the first chance that counts: the nth message), `p` (probability per
chance), `times` (ends after so many hits; 0 = no limit) and `for_s` (ends after so many lab
seconds; 0 = no limit).
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hardware_sim.clock import SimClock

Params = dict[str, Any]  # numbers, or text where the table's default is text
FaultTable = Mapping[str, Mapping[str, float | str]]
SHARED: Mapping[str, float] = {"after_s": 0.0, "at": 0.0, "p": 1.0, "times": 0.0, "for_s": 0.0}


class UnknownFault(ValueError):
    """The simulator has no such fault, or the fault no such parameter."""


class Faults:
    """The faults of one simulator. All chances come from one seeded source.

    `on_end` is called with a fault's name and parameters when it is cleared or found to be over.
    The `followers` are called by `told` whenever one has begun or ended.
    """

    def __init__(self, table: FaultTable, clock: SimClock, seed: int) -> None:
        self._table = table
        self._clock = clock
        self._random = random.Random(seed)
        self._active: dict[str, Params] = {}
        self._from: dict[str, float] = {}
        self._chances: dict[str, int] = {}
        self.followers: list[Callable[[], Awaitable[None]]] = []
        self.on_end: Callable[[str, Params], None] = lambda name, params: None

    def raise_fault(self, name: str, params: Mapping[str, object]) -> Params:
        """Turn `name` on, its defaults filled in; UnknownFault if the table does not have it."""
        if name not in self._table:
            raise UnknownFault(f"no fault {name!r}; known: {', '.join(sorted(self._table))}")
        known = self._parameters(name)
        if strange := sorted(set(params) - set(known)):
            raise UnknownFault(f"{name} has no {strange}; known: {sorted(known)}")
        full: Params = {
            key: _like(default, params.get(key, default)) for key, default in known.items()
        }
        self._active[name] = full
        self._from[name] = self._clock.elapsed() + full["after_s"]
        self._chances[name] = 0
        return full

    def listing(self) -> dict[str, dict[str, object]]:
        """What can be raised: `does` (one line) and `params` (defaults) of each."""
        return {
            name: {"does": own.get("does", ""), "params": self._parameters(name)}
            for name, own in self._table.items()
        }

    async def told(self) -> None:
        """Let every follower see what is on now."""
        for follow in self.followers:
            await follow()

    def raise_text(self, text: str) -> tuple[str, Params]:
        """Raise a fault written as an option: `name` or `name:key=value,key=value`."""
        name, _, rest = text.partition(":")
        pairs = (item.partition("=") for item in rest.split(",") if item)
        return name, self.raise_fault(name, {key: value for key, _, value in pairs})

    def clear(self, name: str | None = None) -> None:
        """End one fault, or all of them."""
        for key in [name] if name else list(self._active):
            self._end(key)

    def active(self) -> dict[str, Params]:
        """The faults that are on now, or still to begin."""
        for name in list(self._active):
            self.get(name)
        return dict(self._active)

    def get(self, name: str) -> Params | None:
        """The parameters of `name` while it is on."""
        params = self._active.get(name)
        if params is None:
            return None
        since = self._clock.elapsed() - self._from[name]
        if params["for_s"] and since >= params["for_s"]:
            self._end(name)
            return None
        return params if since >= 0 else None

    def age(self, name: str) -> float | None:
        """For how many lab seconds `name` has been on."""
        return None if self.get(name) is None else self._clock.elapsed() - self._from[name]

    def strikes(self, name: str) -> Params | None:
        """Whether the fault bites at this chance: counts up to `at`, draws `p`, counts `times`."""
        params = self.get(name)
        if params is None:
            return None
        self._chances[name] += 1
        if self._chances[name] < params["at"] or self._random.random() >= params["p"]:
            return None
        if params["times"]:
            params["times"] -= 1
            if params["times"] <= 0:
                self._end(name)
        return params

    def _parameters(self, name: str) -> dict[str, float | str]:
        own = {key: default for key, default in self._table[name].items() if key != "does"}
        return {**SHARED, **own}

    def _end(self, name: str) -> None:
        if params := self._active.pop(name, None):
            self.on_end(name, params)

    def source(self) -> random.Random:
        """The seeded source, for what a fault makes up (bytes, amounts)."""
        return self._random


def _like(default: float | str, value: object) -> float | str:
    return str(value) if isinstance(default, str) else float(str(value))
