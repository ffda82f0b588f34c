"""Every microsecond of a run lies in exactly one element, and nothing unseen is production."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trial_logs.context import Mode
from trial_logs.elements import ELEMENTS, ITEMS, Item, Operation, Seen, Story, pieces, spans_of
from trial_logs.model import RunState
from trial_logs.spells import LINKS_UP
from trial_logs.stops import Word, stops
from trial_logs.times import Element, TimeSpan

END = 1000
MACHINES = ("arm", "belt")
STAMPS = st.integers(-50, END + 50)
LINKS = st.sampled_from([*sorted(LINKS_UP), "offline", "backoff"])
OPERATIONS = st.sampled_from(
    ["unknown", "idle", "ready", "busy", "paused", "stopping", "fault", "maintenance", "humming"]
)
SAFETIES = st.sampled_from(["none", "unknown", "normal", "reduced", "protective_stop"])
DEVICES = st.sampled_from([*MACHINES, "lamp"])
STATES = st.builds(Seen, STAMPS, DEVICES, LINKS, OPERATIONS, SAFETIES, st.just(""))
GAPS = st.tuples(STAMPS, st.sampled_from([*MACHINES, "lamp", "*"]), st.booleans(), st.just("lost"))
MOVES = st.tuples(STAMPS, st.sampled_from([RunState.RUNNING, RunState.PAUSED]), st.just("lunch"))
STORIES = st.builds(
    Story,
    st.just(0),
    st.just(END),
    st.sampled_from([(), ("arm",), MACHINES]),
    st.lists(STATES, max_size=12),
    st.lists(GAPS, max_size=6),
    st.lists(MOVES, max_size=4),
    st.lists(st.tuples(STAMPS, st.sampled_from(Mode)), max_size=4),
    st.lists(st.tuples(STAMPS, st.booleans()), max_size=4),
)


def told(
    *states: tuple[int, str, str, str], machines: tuple[str, ...] = ("arm",), **more: object
) -> Story:
    seen = [Seen(at, who, "online", what, safe) for at, who, what, safe in states]
    return Story(0, END, machines, seen, **more)  # type: ignore[arg-type]


def elements(story: Story) -> list[tuple[str, int, int]]:
    return [(one.element.value, one.t0_us, one.t1_us) for one in spans_of(pieces(story))]


def at(what: Sequence[tuple[int, object]], stamp: int) -> object:
    """What was last said by a moment, of things told in any order."""
    said = [value for t_us, value in sorted(what, key=lambda each: each[0]) if t_us <= stamp]
    return said[-1] if said else None


@given(STORIES)
@settings(max_examples=150, deadline=None)
def test_the_spans_partition_the_run_to_the_microsecond(story: Story) -> None:
    spans = list(spans_of(pieces(story)))
    edges = [0, *(span.t1_us for span in spans)]
    assert [span.t0_us for span in spans] == edges[:-1]
    assert edges[-1] == END
    assert all(span.t0_us < span.t1_us for span in spans)


@given(STORIES, st.integers(0, END - 1))
@settings(max_examples=200, deadline=None)
def test_production_is_only_what_every_machine_was_seen_to_work(story: Story, moment: int) -> None:
    (here,) = (one for one in pieces(story) if one.t0_us <= moment < one.t1_us)
    assert (here.element is Element.UNKNOWN) == (here.item is Item.UNKNOWN)
    if here.element is not Element.PRODUCTION:
        return
    dark = {who: [(t, on) for t, d, on, _ in story.gaps if d == who] for who in (*MACHINES, "*")}
    assert story.machines
    assert not at(dark["*"], moment)
    for machine in story.machines:
        last = at([(one.t_us, one) for one in story.states if one.device == machine], moment)
        assert isinstance(last, Seen)
        assert (last.operation, last.safety == "protective_stop") == ("busy", False)
        assert last.link in LINKS_UP
        assert not at(dark[machine], moment)
    assert at(story.modes, moment) in (None, Mode.PRODUCTION)
    assert at(story.orders, moment) in (None, True)
    moves = [(t_us, state) for t_us, state, _ in story.moves]
    assert at(moves, moment) in (None, RunState.RUNNING)


@given(STORIES, st.floats(0.0001, 0.001))
@settings(max_examples=150, deadline=None)
def test_stops_lie_in_the_run_never_in_a_gap_and_a_long_one_is_no_micro_stop(
    story: Story, limit_s: float
) -> None:
    cut = list(pieces(story))
    found = stops(story, cut, limit_s, {})
    for stop in found:
        assert 0 <= stop.t0_us < stop.t1_us <= END
        assert not stop.micro or (stop.ended and stop.seconds < limit_s)
    for machine in story.machines:
        own = [stop for stop in found if stop.device == machine]
        assert all(one.t1_us <= after.t0_us for one, after in pairwise(own))
    stood = {us for stop in found for us in range(stop.t0_us, stop.t1_us)}
    by_piece = {us for one in cut if one.stopped for us in range(one.t0_us, one.t1_us)}
    dark = {us for one in cut if one.item is Item.UNKNOWN for us in range(one.t0_us, one.t1_us)}
    assert by_piece - dark == stood - dark


def test_the_table_says_what_the_annex_says() -> None:
    assert set(ELEMENTS) == {
        (item, mode) for item in Item for mode in Operation if item is not Item.UNKNOWN
    }
    works = [key for key, element in ELEMENTS.items() if element is Element.PRODUCTION]
    assert works == [(Item.EXECUTING, Operation.PROCESSING)]  # APT
    assert ELEMENTS[Item.OUT_OF_SERVICE, Operation.PROCESSING] is Element.DELAY  # ADET
    assert ELEMENTS[Item.NOT_EXECUTING, Operation.NONE] is Element.DELAY  # ADET, order registered
    assert ELEMENTS[Item.OUT_OF_SERVICE, Operation.NONE] is Element.DOWN  # ADOT
    assert ELEMENTS[Item.EXECUTING, Operation.SETUP] is Element.SETUP  # AUST


def test_only_a_busy_machine_executes() -> None:
    by_item = {item: {word for word, found in ITEMS.items() if found is item} for item in Item}
    assert by_item == {
        Item.EXECUTING: {"busy"},
        Item.NOT_EXECUTING: {"idle", "ready", "paused", "stopping"},
        Item.OUT_OF_SERVICE: {"fault", "maintenance"},
        Item.UNKNOWN: set(),
    }


def test_a_pause_takes_the_blame_for_waiting_only() -> None:
    story = told(
        (0, "arm", "ready", "normal"),
        (20, "arm", "fault", "normal"),
        moves=[(0, RunState.RUNNING, ""), (10, RunState.PAUSED, "lunch")],
    )
    shown = [(each.t0_us, each.device, each.cause) for each in spans_of(pieces(story))]
    assert shown == [(0, "arm", ""), (10, "", "lunch"), (20, "arm", "")]


def test_a_day_as_it_goes() -> None:
    story = told(
        (0, "arm", "idle", "normal"),
        (100, "arm", "busy", "normal"),
        (300, "arm", "busy", "protective_stop"),
        (350, "arm", "busy", "normal"),
        (700, "arm", "fault", "normal"),
        modes=[(0, Mode.SETUP), (80, Mode.PRODUCTION)],
        gaps=[(500, "arm", True, "timeout"), (550, "arm", False, "")],
        moves=[(0, RunState.RUNNING, ""), (600, RunState.PAUSED, "lunch")],
        orders=[(0, True), (900, False)],
    )
    assert elements(story) == [
        ("setup", 0, 80),
        ("delay", 80, 100),
        ("production", 100, 300),
        ("delay", 300, 350),
        ("production", 350, 500),
        ("unknown", 500, 550),
        ("production", 550, 600),
        ("delay", 600, 700),
        ("down", 700, 900),
        ("idle", 900, END),
    ]


def test_the_worst_of_several_machines_decides() -> None:
    story = told(
        (0, "arm", "busy", "normal"),
        (0, "belt", "busy", "none"),
        (200, "belt", "idle", "none"),
        (400, "belt", "unknown", "none"),
        (600, "arm", "fault", "normal"),
        machines=MACHINES,
    )
    assert list(spans_of(pieces(story))) == [
        TimeSpan(Element.PRODUCTION, 0, 200, "arm", ""),
        TimeSpan(Element.DELAY, 200, 400, "belt", ""),
        TimeSpan(Element.UNKNOWN, 400, 600, "belt", ""),
        TimeSpan(Element.DELAY, 600, END, "arm", ""),
    ]


@pytest.mark.parametrize(
    ("word", "until", "mode", "is_micro"),
    [
        ("normal", 300, Mode.PRODUCTION, True),
        ("normal", 500, Mode.PRODUCTION, False),  # as long as the limit
        ("device_estop", 300, Mode.PRODUCTION, False),  # somebody pressed a button
        ("normal", 300, Mode.SETUP, False),
        ("normal", END, Mode.PRODUCTION, False),  # nobody saw it end
    ],
)
def test_what_a_micro_stop_is(word: str, until: int, mode: Mode, is_micro: bool) -> None:
    states = [
        (0, "arm", "busy", "normal"),
        (100, "arm", "fault", "normal"),
        (200, "arm", "fault", word),
        (until, "arm", "busy", "normal"),
    ]
    story = told(*states, modes=[(0, mode)])
    said = {("arm", 100): Word("jam", "a chip", "Sakura")}
    (stop,) = stops(story, list(pieces(story)), 400e-6, said)
    assert (stop.t0_us, stop.t1_us, stop.kind, stop.micro) == (100, until, "fault", is_micro)
    assert (stop.cause, stop.text, stop.explained_by) == ("jam", "a chip", "Sakura")
