"""Whether a slot may be booked: all problems at once, none hidden, each with a way out.

`propose` asks every rule of a new request, `still_good` those asked again before staff confirm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from booking.calendar import LabCalendar
from booking.errors import BadInput, Problem
from booking.facts import Facts, FormRule, SlotRule
from booking.form_rules import FORM_RULES, aware, party
from booking.model import (
    Booking,
    BookingPolicy,
    BookingRequest,
    Equipment,
    Override,
    Person,
    Qualification,
)
from booking.slot_rules import (
    CALENDAR_RULES,
    WISH_RULES,
    outage,
    over_already,
    overlap,
    qualified,
    retired,
    unqualified,
)
from booking.slots import bookable_window, free_starts

TIME_FIELDS = frozenset({"start", "end"})
NEAR = timedelta(days=7)
INSTRUCTOR_CODES = frozenset({"booking.unqualified", "booking.operator_missing"})


def propose(request: BookingRequest, facts: Facts) -> list[Problem]:
    """Every reason why the request cannot be accepted as it stands; empty when it can.

    Problems of time carry the next start of the same length that would work, when there is one.
    """
    return _ask(request, facts, FORM_RULES, WISH_RULES, CALENDAR_RULES)


def still_good(request: BookingRequest, facts: Facts) -> list[Problem]:
    """What has come in the way since the request was made (asked before it is confirmed)."""
    return _ask(request, facts, (party,), (retired, over_already), (outage, qualified, overlap))


def waive(problems: Iterable[Problem], override: Override | None) -> list[Problem]:
    """The problems that remain when staff overrule what they may.

    Raises BadInput `booking.reason_missing` for an override without a reason.
    """
    if override is None:
        return list(problems)
    if not override.reason.strip():
        raise BadInput("booking.reason_missing")
    return [problem for problem in problems if not _is_waived(problem, override)]


def next_start(request: BookingRequest, facts: Facts, equipment: Equipment) -> datetime | None:
    """The first start, not before the wished one, where a slot of this length breaks no rule."""
    length = request.end - request.start
    if not facts.is_plausible(request) or not _length_is_permitted(length, equipment.policy):
        return None
    window = bookable_window(equipment.policy, facts.now)
    window = replace(window, start=max(window.start, request.start))
    if window.start > window.end:
        return None
    # Mostly it is near; the first start of the near window is the first of all.
    near = replace(window, end=min(window.end, window.start + NEAR))
    for each in (near, window):
        starts = free_starts(each, length, equipment, facts.calendar, facts.occupied)
        if start := next(starts, None):
            return start
    return None


def operator_problems(
    equipment: Equipment,
    operator: Person | None,
    instructor: str,
    qualifications: Iterable[Qualification],
    day: date,
) -> list[Problem]:
    """Why nobody present may run the equipment on that day; an instructor present suffices."""
    wanted = equipment.policy.qualification
    if wanted is None or instructor.strip():
        return []
    if operator is None:
        missing = Problem("booking.operator_missing", {"class": wanted}, True, "operator")
        return [missing]
    return list(unqualified(wanted, qualifications, day, day))


def arrival_problems(
    booking: Booking, here_already: Iterable[Booking], calendar: LabCalendar, now: datetime
) -> list[Problem]:
    """Why a party cannot be checked in now; `here_already` are the parties on the equipment."""
    problems = []
    if now < booking.check_in_from:
        params = {"opens": calendar.show(booking.check_in_from)}
        problems.append(Problem("booking.check_in_too_early", params, overridable=True))
    if now >= booking.end:
        params = {"end": calendar.show(booking.end)}
        problems.append(Problem("booking.check_in_too_late", params))
    problems += [
        Problem("booking.equipment_occupied", {"number": other.number}, overridable=True)
        for other in here_already
    ]
    return problems


def _ask(
    request: BookingRequest,
    facts: Facts,
    form_rules: Iterable[FormRule],
    wish_rules: Iterable[SlotRule],
    calendar_rules: Iterable[SlotRule],
) -> list[Problem]:
    naive = list(aware(request, facts))
    problems = naive + [problem for rule in form_rules for problem in rule(request, facts)]
    equipment = facts.equipment
    if equipment is None:
        unknown = Problem(
            "booking.unknown_equipment", {"id": request.equipment_id}, field="equipment"
        )
        return [unknown, *problems]
    if naive:
        return problems
    rules = [*wish_rules, *(calendar_rules if facts.is_plausible(request) else ())]
    problems += [problem for rule in rules for problem in rule(request, facts, equipment)]
    if any(problem.field in TIME_FIELDS for problem in problems):
        start = next_start(request, facts, equipment)
        problems = [_pointing_to(start, problem) for problem in problems]
    return problems


def _is_waived(problem: Problem, override: Override) -> bool:
    needs_instructor = problem.code in INSTRUCTOR_CODES
    return problem.overridable and (not needs_instructor or bool(override.instructor.strip()))


def _length_is_permitted(length: timedelta, policy: BookingPolicy) -> bool:
    shortest, longest = (timedelta(minutes=m) for m in (policy.min_minutes, policy.max_minutes))
    whole_steps = not length % timedelta(minutes=policy.step_minutes)
    return whole_steps and shortest <= length <= longest


def _pointing_to(start: datetime | None, problem: Problem) -> Problem:
    return replace(problem, next_start=start) if problem.field in TIME_FIELDS else problem
