"""Interlock rules: deny by default, hysteresis, settling – over whatever is seen, whenever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lab_controller.interlocks import (
    Axis,
    Blind,
    Compare,
    Condition,
    Rule,
    Seen,
    State,
    denial,
    is_met,
    look,
)

COOL = Condition("room", Axis.SIGNAL, Compare.BELOW, (45.0,), "temperature", "Cel", 2.0)
WARM = Condition("room", Axis.SIGNAL, Compare.ABOVE, (10.0,), "temperature", "Cel", 2.0)
CLOSED = Condition("cell", Axis.SIGNAL, Compare.EQUALS, (0.0,), "door", "1")
CALM = Condition("robot", Axis.SAFETY, Compare.ONE_OF, ("normal", "reduced"))
SETTLE_S = 5.0

values = st.floats(-100, 200, allow_nan=False)
blinds = st.builds(Seen, st.one_of(st.none(), values), st.sampled_from(Blind))
nothing = st.builds(Seen, st.none(), st.one_of(st.none(), st.sampled_from(Blind)))


def rule_of(*conditions: Condition) -> Rule:
    names = {"ja": "試し", "en": "trial"}
    return Rule("r", names, frozenset({"printer"}), conditions, settle_s=SETTLE_S)


def step(rule: Rule, state: State, at: float, *values: float | str | None) -> tuple[State, bool]:
    """The next state and whether it permits."""
    seen = [Seen(value, None if value is not None else Blind.MISSING) for value in values]
    after = look(rule, state, seen, at)
    return after, denial(rule, after, seen, at) is None


def test_nothing_is_permitted_before_the_first_look() -> None:
    assert denial(rule_of(COOL), State(), [Seen(20.0)], 1000.0) is not None
    assert denial(rule_of(COOL, CLOSED), State((True,), 0.0), [Seen(20.0)], 1000.0) is not None


@given(st.lists(st.one_of(blinds, nothing), max_size=20), st.sampled_from([COOL, WARM, CLOSED]))
def test_what_cannot_be_relied_on_denies_for_ever(seen: list[Seen], condition: Condition) -> None:
    rule, state = rule_of(condition), State()
    for at, one in enumerate(seen):
        state = look(rule, state, [one], at * 100.0)
        found = denial(rule, state, [one], at * 100.0)
        assert found is not None
        assert not found.violated or one.blind is None


@given(st.lists(st.tuples(st.floats(0, 20), st.one_of(st.none(), values)), max_size=40))
def test_permission_means_it_held_all_the_settling_time(
    steps: list[tuple[float, float | None]],
) -> None:
    rule, state, at = rule_of(COOL), State(), 0.0
    history: list[tuple[float, bool]] = []
    for pause, value in steps:
        at += pause
        state, permitted = step(rule, state, at, value)
        history.append((at, value is not None and value < 45.0))
        if permitted:
            recent = [good for when, good in history if when >= at - SETTLE_S]
            assert all(recent)
            assert history[0][0] <= at - SETTLE_S


@given(st.lists(values, min_size=1, max_size=40), st.sampled_from([COOL, WARM]))
def test_once_crossed_a_limit_is_met_again_only_beyond_the_hysteresis(
    found: list[float], condition: Condition
) -> None:
    limit, margin = float(condition.limits[0]), condition.hysteresis
    state = State()
    for at, value in enumerate(found):
        was = state.met == (True,)
        first = state.met == ()
        state, _ = step(rule_of(condition), state, float(at), value)
        inside = value < limit if condition is COOL else value > limit
        beyond = value < limit - margin if condition is COOL else value > limit + margin
        assert state.met == ((inside if was or first else beyond),)


def test_one_condition_of_several_is_enough_to_deny() -> None:
    rule = rule_of(COOL, CLOSED, CALM)
    state, permitted = step(rule, State(), 0.0, 20.0, 0.0, "normal")
    assert not permitted
    state, permitted = step(rule, state, SETTLE_S, 20.0, 0.0, "reduced")
    assert permitted
    seen = [Seen(20.0), Seen(1.0), Seen("normal")]
    state = look(rule, state, seen, SETTLE_S + 1)
    found = denial(rule, state, seen, SETTLE_S + 1)
    assert found is not None
    assert (found.condition, found.seen.value, found.violated) == (CLOSED, 1.0, True)


def test_settling_says_how_long() -> None:
    rule = rule_of(CLOSED)
    state = look(rule, State(), [Seen(0.0)], 10.0)
    found = denial(rule, state, [Seen(0.0)], 12.0)
    assert found is not None
    assert (found.settling, found.left_s, found.violated) == (True, 3.0, False)


def test_an_axis_is_one_of_its_states() -> None:
    assert is_met(CALM, Seen("reduced"), before=False)
    assert not is_met(CALM, Seen("protective_stop"), before=True)
    assert not is_met(CALM, Seen(None), before=True)


def test_limits_read_the_same_in_every_language() -> None:
    assert [one.limit for one in (COOL, WARM, CLOSED, CALM)] == [
        "< 45 Cel",
        "> 10 Cel",
        "= 0",
        "normal, reduced",
    ]


def test_verbs_narrow_what_is_refused() -> None:
    rule = Rule("r", {}, frozenset({"printer"}), (COOL,), verbs=frozenset({"print_file"}))
    assert rule.guards("printer", "print_file")
    assert not rule.guards("printer", "home")
    assert rule.guards("printer", None)
    assert not rule.guards("robot", "print_file")
