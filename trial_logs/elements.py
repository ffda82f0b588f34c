"""Which time element each microsecond of a run lies in: machine state × mode × order, by a table.

The table follows OPC 40001-1 (UA for Machinery) Annex C.2, Table 68, read at
reference.opcfoundation.org/specs/OPC-40001-1/c-2 for its rows of ADET and ADOT; APT and AUST are
those of OPC 40501-1 Annex C.2.3. An order is registered while a confirmed booking is in force.
Four lines are ours, since the annex is silent: setting up a machine that stands still is set-up;
maintenance while a booking is in force is down time; a machine that moves while the run is paused
is no production; without a booking nothing was planned (idle).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from itertools import groupby

from trial_logs.context import Mode
from trial_logs.model import RunState
from trial_logs.spells import LINKS_UP, SAFETY_STOPS
from trial_logs.times import Element, TimeSpan

EVERYTHING = "*"
FAULT, PAUSED, MAINTENANCE = "fault", "paused", "maintenance"


class Item(IntEnum):
    """What a machine does, in the words of OPC 40001-1; the larger is the worse.

    UNKNOWN is worse than standing still: of several machines, one nobody saw decides.
    """

    EXECUTING = 0
    NOT_EXECUTING = 1
    UNKNOWN = 2
    OUT_OF_SERVICE = 3


class Operation(StrEnum):
    """MachineryOperationMode of OPC 40001-1."""

    NONE = "none"
    PROCESSING = "processing"
    SETUP = "setup"
    MAINTENANCE = "maintenance"


ITEMS: Mapping[str, Item] = {
    "busy": Item.EXECUTING,
    "idle": Item.NOT_EXECUTING,
    "ready": Item.NOT_EXECUTING,
    PAUSED: Item.NOT_EXECUTING,
    "stopping": Item.NOT_EXECUTING,
    FAULT: Item.OUT_OF_SERVICE,
    MAINTENANCE: Item.OUT_OF_SERVICE,
}
"""By the word of a device's operation axis; any other word is unknown."""

OPERATIONS: Mapping[tuple[Mode, bool], Operation] = {
    (Mode.PRODUCTION, False): Operation.PROCESSING,
    (Mode.PRODUCTION, True): Operation.NONE,
    (Mode.SETUP, False): Operation.SETUP,
    (Mode.SETUP, True): Operation.SETUP,
    (Mode.TRIAL, False): Operation.SETUP,
    (Mode.TRIAL, True): Operation.SETUP,
    (Mode.MAINTENANCE, False): Operation.MAINTENANCE,
    (Mode.MAINTENANCE, True): Operation.MAINTENANCE,
}
"""By what people said the equipment is used for, and whether the run is paused."""

ELEMENTS: Mapping[tuple[Item, Operation], Element] = {
    (Item.EXECUTING, Operation.PROCESSING): Element.PRODUCTION,
    (Item.EXECUTING, Operation.SETUP): Element.SETUP,
    (Item.EXECUTING, Operation.NONE): Element.DELAY,
    (Item.EXECUTING, Operation.MAINTENANCE): Element.DOWN,
    (Item.NOT_EXECUTING, Operation.PROCESSING): Element.DELAY,
    (Item.NOT_EXECUTING, Operation.SETUP): Element.SETUP,
    (Item.NOT_EXECUTING, Operation.NONE): Element.DELAY,
    (Item.NOT_EXECUTING, Operation.MAINTENANCE): Element.DOWN,
    (Item.OUT_OF_SERVICE, Operation.PROCESSING): Element.DELAY,
    (Item.OUT_OF_SERVICE, Operation.SETUP): Element.SETUP,
    (Item.OUT_OF_SERVICE, Operation.NONE): Element.DOWN,
    (Item.OUT_OF_SERVICE, Operation.MAINTENANCE): Element.DOWN,
}
"""While a booking is in force. UNKNOWN stays unknown; without a booking the rest is idle."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a machine said of itself from `t_us` on."""

    t_us: int
    device: str
    link: str
    operation: str
    safety: str
    cause: str = ""

    @property
    def item(self) -> Item:
        """What it does; a link that is down tells nothing."""
        if self.link not in LINKS_UP:
            return Item.UNKNOWN
        if self.safety in SAFETY_STOPS:
            return Item.OUT_OF_SERVICE
        return ITEMS.get(self.operation, Item.UNKNOWN)

    @property
    def stop_word(self) -> str:
        """What keeps it from going on although it is on, empty when nothing does."""
        if self.link not in LINKS_UP:
            return ""
        if self.safety in SAFETY_STOPS:
            return self.safety
        return self.operation if self.operation in (FAULT, PAUSED) else ""


@dataclass(frozen=True, slots=True)
class Story:
    """All that decides the elements of [t0, t1) µs; each list in the order it was recorded.

    `gaps` are (µs, device or `*`, opened, cause), `moves` (µs, state, cause), `modes` (µs, mode),
    `orders` (µs, in force). The modes begin with production, the orders in force.
    """

    t0_us: int
    t1_us: int
    machines: tuple[str, ...]
    states: Sequence[Seen] = ()
    gaps: Sequence[tuple[int, str, bool, str]] = ()
    moves: Sequence[tuple[int, RunState, str]] = ()
    modes: Sequence[tuple[int, Mode]] = ()
    orders: Sequence[tuple[int, bool]] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """[t0, t1) µs in which nothing changed."""

    t0_us: int
    t1_us: int
    element: Element
    item: Item
    operation: Operation
    ordered: bool
    stopped: bool
    device: str
    cause: str

    @property
    def us(self) -> int:
        """Its length."""
        return self.t1_us - self.t0_us


@dataclass(slots=True)
class _Now:
    seen: dict[str, Seen] = field(default_factory=dict)
    dark: dict[str, str] = field(default_factory=dict)
    paused: bool = False
    pause_cause: str = ""
    mode: Mode = Mode.PRODUCTION
    ordered: bool = True


def pieces(story: Story) -> Iterator[Piece]:
    """The run cut where anything changes, in order of time; the pieces partition it."""
    now, since = _Now(), story.t0_us
    changes = sorted(_changes(story), key=lambda change: change[0])
    for t_us, together in groupby(changes, key=lambda change: change[0]):
        at = min(max(t_us, since), story.t1_us)
        if at > since:
            yield _piece(story, now, since, at)
            since = at
        for _, change in together:
            _apply(now, change)
    if story.t1_us > since:
        yield _piece(story, now, since, story.t1_us)


def spans_of(cut: Iterable[Piece]) -> Iterator[TimeSpan]:
    """Neighbouring pieces of the same element, machine and cause as one span."""
    for (element, device, cause), run in groupby(
        cut, key=lambda piece: (piece.element, piece.device, piece.cause)
    ):
        whole = list(run)
        yield TimeSpan(element, whole[0].t0_us, whole[-1].t1_us, device, cause)


_Gap = tuple[str, bool, str]
_Move = tuple[RunState, str]
_Change = Seen | _Gap | _Move | Mode | bool


def _changes(story: Story) -> Iterator[tuple[int, _Change]]:
    for state in story.states:
        if state.device in story.machines:
            yield state.t_us, state
    for t_us, device, opened, cause in story.gaps:
        yield t_us, (device, opened, cause)
    for t_us, entered, cause in story.moves:
        yield t_us, (entered, cause)
    yield from story.modes
    yield from story.orders


def _apply(now: _Now, change: _Change) -> None:
    match change:
        case Seen():
            now.seen[change.device] = change
        case Mode():
            now.mode = change
        case bool():
            now.ordered = change
        case (RunState() as entered, str(cause)):
            now.paused, now.pause_cause = entered is RunState.PAUSED, cause
        case (str(device), True, str(cause)):
            now.dark[device] = cause
        case (str(device), False, str()):
            now.dark.pop(device, None)


def _piece(story: Story, now: _Now, t0_us: int, t1_us: int) -> Piece:
    item, device, cause = _worst(story.machines, now)
    operation = OPERATIONS[now.mode, now.paused]
    seen = now.seen.get(device)
    if item is Item.OUT_OF_SERVICE and seen is not None and seen.operation == MAINTENANCE:
        operation = Operation.MAINTENANCE
    if item is Item.UNKNOWN:
        element = Element.UNKNOWN
    elif not now.ordered:
        element, device, cause = Element.IDLE, "", ""
    else:
        element = ELEMENTS[item, operation]
    if now.paused and element is Element.DELAY:
        device, cause = "", now.pause_cause
    standing = any(_is_stopped(machine, now) for machine in story.machines)
    return Piece(t0_us, t1_us, element, item, operation, now.ordered, standing, device, cause)


def _worst(machines: tuple[str, ...], now: _Now) -> tuple[Item, str, str]:
    if EVERYTHING in now.dark:
        return Item.UNKNOWN, "", now.dark[EVERYTHING]
    found = [_item_of(machine, now) for machine in sorted(machines)]
    return max(found, key=lambda each: each[0], default=(Item.UNKNOWN, "", ""))


def _item_of(machine: str, now: _Now) -> tuple[Item, str, str]:
    if machine in now.dark:
        return Item.UNKNOWN, machine, now.dark[machine]
    seen = now.seen.get(machine)
    return (seen.item, machine, seen.cause) if seen else (Item.UNKNOWN, machine, "")


def _is_stopped(machine: str, now: _Now) -> bool:
    seen = now.seen.get(machine)
    return machine not in now.dark and seen is not None and seen.stop_word != ""
