"""Rules about the slot: first those that hold for any date, then those that ask the calendar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from booking.calendar import LabCalendar
from booking.errors import Problem
from booking.facts import LONGEST, Facts, SlotRule
from booking.model import BookingRequest, Equipment, Qualification
from booking.slots import bookable_window


def retired(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    if equipment.retired:
        yield Problem("booking.equipment_retired", {"equipment": equipment.id}, field="equipment")


def _end_after_start(
    request: BookingRequest, facts: Facts, equipment: Equipment
) -> Iterator[Problem]:
    if request.end <= request.start:
        yield Problem("booking.end_before_start", field="end")


def _past(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    if request.start < facts.now:
        params = {"start": facts.calendar.show(request.start)}
        running = request.end > facts.now
        yield Problem("booking.in_past", params, overridable=running, field="start")


def over_already(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    if request.end <= facts.now:
        params = {"start": facts.calendar.show(request.start)}
        yield Problem("booking.in_past", params, field="start")


def _notice(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    earliest = bookable_window(equipment.policy, facts.now).start
    if facts.now <= request.start < earliest:
        params = {
            "minutes": str(equipment.policy.notice_minutes),
            "earliest": facts.calendar.show(earliest),
        }
        yield Problem("booking.too_soon", params, overridable=True, field="start")


def _horizon(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    latest = bookable_window(equipment.policy, facts.now).end
    if request.start > latest:
        params = {"days": str(equipment.policy.horizon_days), "last": facts.calendar.show(latest)}
        near = facts.is_near(request.start)
        yield Problem("booking.beyond_horizon", params, overridable=near, field="start")


def _length(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    length, policy = request.end - request.start, equipment.policy
    if timedelta() < length < timedelta(minutes=policy.min_minutes):
        params = {"minutes": str(policy.min_minutes)}
        yield Problem("booking.too_short", params, overridable=True, field="end")
    if length > timedelta(minutes=policy.max_minutes):
        params = {"minutes": str(policy.max_minutes)}
        yield Problem("booking.too_long", params, overridable=length <= LONGEST, field="end")


def _heads(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    limit = equipment.policy.max_head_count
    if request.head_count < 1:
        yield Problem("booking.head_count_too_small", field="head_count")
    elif request.head_count > limit:
        params = {"limit": str(limit)}
        bearable = request.head_count <= 1000
        yield Problem("booking.head_count_too_big", params, bearable, field="head_count")


def _steps(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    step = equipment.policy.step_minutes
    for name, when in (("start", request.start), ("end", request.end)):
        if not facts.calendar.is_aligned(when, step):
            params = {"minutes": str(step)}
            yield Problem("booking.off_step", params, overridable=True, field=name)


def _hours(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    calendar, hours = facts.calendar, equipment.policy.hours
    regular = calendar.regular_spans(request.slot, hours)
    if not any(span.contains(request.slot) for span in regular):
        day = calendar.day_of(request.start)
        opened = (
            f"{calendar.show(span.start)[-5:]}-{_closing(calendar.show(span.end)[-5:])}"
            for span in calendar.hours_on(day, hours)
        )
        params = {"day": day.isoformat(), "hours": ", ".join(opened) or "-"}
        yield Problem("booking.outside_hours", params, overridable=True, field="start")


def _closing(clock: str) -> str:
    return "24:00" if clock == "00:00" else clock


def _holiday(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    for day in facts.calendar.days(request.slot):
        if name := facts.calendar.holiday_on(day):
            params = {"day": day.isoformat(), "name_ja": name.ja, "name_en": name.en}
            yield Problem("booking.holiday", params, overridable=True, field="start")


def _closure(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    show = facts.calendar.show
    for closure in facts.calendar.closures_in(request.slot):
        params = {
            "from": show(closure.start),
            "until": show(closure.end),
            "reason_ja": closure.reason.ja,
            "reason_en": closure.reason.en,
        }
        yield Problem("booking.closed", params, overridable=True, field="start")


def outage(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    held = equipment.policy.busy(request.slot)
    spans = facts.occupied.outage_spans(held.end)
    for one, span in zip(facts.occupied.outages, spans, strict=True):
        if span.overlaps(held):
            until = "" if one.end is None else facts.calendar.show(one.end)
            params = {"from": facts.calendar.show(span.start), "until": until or "-"}
            yield Problem("booking.outage", {**params, "reason": one.reason or "-"}, field="start")


def qualified(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    wanted = equipment.policy.qualification
    if wanted is not None and facts.operator is not None:
        days = list(facts.calendar.days(request.slot))
        yield from unqualified(wanted, facts.qualifications, days[0], days[-1])


def unqualified(
    wanted: str, held: Iterable[Qualification], first: date, last: date
) -> Iterator[Problem]:
    same = [one for one in held if one.qualification_class == wanted]
    if not any(one.covers(first, last) for one in same):
        ends = [one.expires_on.isoformat() for one in same if one.expires_on is not None]
        params = {"class": wanted, "day": last.isoformat(), "expires": max(ends, default="-")}
        yield Problem("booking.unqualified", params, overridable=True, field="operator")


def overlap(request: BookingRequest, facts: Facts, equipment: Equipment) -> Iterator[Problem]:
    held = equipment.policy.busy(request.slot)
    if any(span.overlaps(held) for span in facts.occupied.busy):
        yield overlap_problem(request, facts.calendar)


def overlap_problem(request: BookingRequest, calendar: LabCalendar) -> Problem:
    """The slot is held by somebody else; also what the database's own refusal becomes."""
    params = {"start": calendar.show(request.start), "end": calendar.show(request.end)}
    return Problem("booking.overlap", params, field="start")


WISH_RULES: tuple[SlotRule, ...] = (
    retired,
    _end_after_start,
    _past,
    _notice,
    _horizon,
    _length,
    _heads,
)
CALENDAR_RULES: tuple[SlotRule, ...] = (
    _steps,
    _hours,
    _holiday,
    _closure,
    outage,
    qualified,
    overlap,
)
