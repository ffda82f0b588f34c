"""Spans behave like sets of minutes."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from booking.spans import Span, merged, without
from tests.booking.samples import NOW, minutes


def span(start: int, end: int) -> Span:
    return Span(NOW + minutes(start), NOW + minutes(end))


spans = st.builds(span, st.integers(0, 60), st.integers(0, 60))


def covered(several: list[Span]) -> set[int]:
    return {
        minute
        for one in several
        for minute in range(
            (one.start - NOW) // timedelta(minutes=1), (one.end - NOW) // timedelta(minutes=1)
        )
    }


def test_touching_spans_do_not_overlap() -> None:
    assert not span(0, 10).overlaps(span(10, 20))
    assert span(0, 11).overlaps(span(10, 20))


def test_a_span_contains_itself_and_nothing_longer() -> None:
    assert span(0, 10).contains(span(0, 10))
    assert not span(0, 10).contains(span(0, 11))
    assert not span(1, 10).contains(span(0, 10))


def test_widening_adds_time_at_both_ends() -> None:
    assert span(10, 20).widened(minutes(3), minutes(4)) == span(7, 24)


@settings(deadline=None)
@given(st.lists(spans))
def test_merging_keeps_the_time_and_leaves_gaps_between(several: list[Span]) -> None:
    result = merged(several)
    assert covered(result) == covered(several)
    assert all(one.end < two.start for one, two in pairwise(result))
    assert all(one.start < one.end for one in result)


@settings(deadline=None)
@given(st.lists(spans), st.lists(spans))
def test_without_is_set_difference(several: list[Span], holes: list[Span]) -> None:
    assert covered(without(several, holes)) == covered(several) - covered(holes)


@settings(deadline=None)
@given(spans, spans)
def test_overlap_is_shared_minutes(one: Span, two: Span) -> None:
    if one.start < one.end and two.start < two.end:
        assert one.overlaps(two) == bool(covered([one]) & covered([two]))
