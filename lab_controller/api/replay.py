"""A run played back: how it stood at an instant, what happened around it, and its curves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import islice
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query

from lab_controller.api import windows
from lab_controller.api.auth import staff
from lab_controller.api.lab import Language, ThisLab
from lab_controller.bootstrap import Lab
from lab_controller.database import Database
from lab_controller.errors import LabError
from lab_controller.i18n import text
from lab_controller.replay_words import cause_names, event_words
from lab_controller.wire import WindowShape
from lab_controller.wire_replay import (
    CurveShape,
    DeviceThenShape,
    ElementShape,
    LastReadingShape,
    MomentShape,
    ReplayEventShape,
    ReplayShape,
)
from trial_logs.model import DeviceStateSeen, Sample, Series, Verdict
from trial_logs.replay import Event, Moment, Replay
from trial_logs.stamps import from_us, to_us

T = TypeVar("T")

router = APIRouter(dependencies=[Depends(staff)])


class NothingToReplay(LabError):
    """The run has recorded nothing yet."""

    code = "lab.nothing_to_replay"


class UnknownCurve(LabError):
    """The run has not recorded such a series."""

    code = "lab.unknown_curve"


async def _of(lab: Lab, run: str, function: Callable[[Replay], T]) -> T:
    """Ask a run's record, off the loop. Raises NothingToReplay and TrialError for no such run."""
    await lab.trials.run(run)

    def read(db: Database) -> T | None:
        return function(Replay(db))

    found = await asyncio.to_thread(lab.trials.read_evidence, run, read, None)
    if found is None:
        raise NothingToReplay(run=run)
    return found


@router.get("/runs/{run}/replay")
async def replay(run: str, lab: ThisLab, language: Language) -> ReplayShape:
    """A run that can be played back."""
    names = _names(lab, language)

    def shape(found: Replay) -> ReplayShape:
        header = found.header
        start, end = (from_us(stamp) for stamp in found.span)
        machines_first = sorted(found.series, key=lambda one: one.device not in header.machines)
        return ReplayShape(
            run=run,
            trial=header.trial_id,
            number=header.number,
            condition=header.condition.name,
            simulated=header.simulated,
            start=start,
            end=end,
            curves=[_curve(one, names, language) for one in machines_first],
            elements=[
                ElementShape(element=one.element, start=from_us(one.t0_us), end=from_us(one.t1_us))
                for one in found.elements
            ],
        )

    return await _of(lab, run, shape)


@router.get("/runs/{run}/replay/moment")
async def moment(
    run: str,
    at: datetime,
    lab: ThisLab,
    language: Language,
    events: Annotated[int, Query(ge=0, le=200)] = 20,
) -> MomentShape:
    """How the run stood at an instant, held within it, and what happened around it."""
    if at.tzinfo is None:
        raise windows.BadWindow
    devices = _names(lab, language)

    def shape(found: Replay) -> MomentShape:
        names = devices | cause_names(found.header)
        then = found.seek(to_us(at))
        until = found.span[1] + 1
        after = list(islice(found.events(then.t_us + 1, until), events))
        before = found.last_events(then.t_us, events)
        previous, following = (found.neighbour(then.t_us, way) for way in (-1, 1))

        def said(event: Event) -> ReplayEventShape:
            words = event_words(event, language, names)
            return ReplayEventShape(at=from_us(event.t_us), kind=event.kind, text=words)

        return MomentShape(
            run=run,
            simulated=found.header.simulated,
            at=from_us(then.t_us),
            state=then.run_state or "",
            mode=then.mode or "",
            readings=[_last(then, one) for one in then.readings],
            devices=[_then(then, one, devices) for one in then.states],
            good=then.counts[Verdict.GOOD],
            scrap=then.counts[Verdict.SCRAP],
            rework=then.counts[Verdict.REWORK],
            unjudged=then.counts[Verdict.UNJUDGED],
            before=[said(event) for event in before],
            after=[said(event) for event in after],
            previous=None if previous is None else from_us(previous),
            next=None if following is None else from_us(following),
        )

    return await _of(lab, run, shape)


@router.get("/runs/{run}/replay/window")
async def window(
    run: str,
    device: str,
    signal: str,
    start: datetime,
    end: datetime,
    lab: ThisLab,
    buckets: windows.Buckets = 120,
) -> WindowShape:
    """A window of one series of the run in buckets; empty buckets are gaps."""
    windows.demand_stretch(start, end)

    def shape(found: Replay) -> WindowShape:
        wanted = next((one for one in found.series if one[:2] == (device, signal)), None)
        if wanted is None:
            raise UnknownCurve(device=device, signal=signal)
        rows = found.window(wanted, to_us(start), to_us(end), buckets)
        return windows.window(wanted, rows)

    return await _of(lab, run, shape)


def _names(lab: Lab, language: str) -> dict[str, str]:
    return {id: one.name.in_language(language) for id, one in lab.devices.items()}


def _curve(one: Series, names: Mapping[str, str], language: str) -> CurveShape:
    return CurveShape(
        device=one.device,
        device_name=names.get(one.device, one.device),
        signal=one.signal,
        signal_name=text(language, f"signal.{one.signal}"),
        unit=one.unit,
    )


def _last(then: Moment, one: Sample) -> LastReadingShape:
    return LastReadingShape(
        device=one.series.device,
        signal=one.series.signal,
        value=one.value,
        unit=one.series.unit,
        quality=one.quality.name,
        age_s=then.age_us(one) / 1e6,
    )


def _then(then: Moment, one: DeviceStateSeen, names: Mapping[str, str]) -> DeviceThenShape:
    return DeviceThenShape(
        device=one.device,
        name=names.get(one.device, one.device),
        link=one.link,
        operation=one.operation,
        safety=one.safety,
        since=one.at,
        dark=one.device in then.dark or "*" in then.dark,
    )
