"""The numbers of one run, computed from its evidence alone and recomputable to the byte."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from sqlite_utils import Database

from trial_logs import context_record, metrics, record
from trial_logs.chain import canonical
from trial_logs.metrics import AgainstLimit, BandTime, Counts, CycleStats, Figure
from trial_logs.model import Band, Limit, RunHeader, Sample, Series, Verdict
from trial_logs.run_times import run_times
from trial_logs.spans import Span, subtract, total, union
from trial_logs.spells import gap_spans
from trial_logs.times import RunTimes

ENERGY_UNITS = {"kW.h": 1.0, "W.h": 0.001}
"""kWh per unit of a cumulative energy counter."""
FORMAT = 2


@dataclass(frozen=True, slots=True)
class BandResult:
    """One band of the condition and how long its signal kept to it."""

    band: Band
    time: BandTime
    in_share: Figure


@dataclass(frozen=True, slots=True)
class LimitResult:
    """One acceptance limit and the measurements against it."""

    limit: Limit
    result: AgainstLimit


@dataclass(frozen=True, slots=True)
class Consumed:
    """What was used up of one thing, what was taken back taken off, and its share of a part."""

    name: str
    unit: str
    amount: float
    per_part: Figure


@dataclass(frozen=True, slots=True)
class RunNumbers:
    """Everything counted and computed of one run; times in seconds, energy in kWh, shares 0..1.

    `running_s` leaves out pauses and times when nothing at all was recorded.
    """

    run_id: str
    condition: str
    simulated: bool
    elapsed_s: float
    running_s: float
    paused_s: float
    gap_s: float
    counts: Counts
    yield_share: Figure
    scrap_share: Figure
    cycle_time_s: CycleStats
    energy_kwh: Figure
    energy_kwh_per_part: Figure
    bands: tuple[BandResult, ...]
    limits: tuple[LimitResult, ...]
    times: RunTimes
    throughput_per_h: Figure
    good_per_h: Figure
    consumables: tuple[Consumed, ...]
    format: int = FORMAT


def summarise(db: Database) -> RunNumbers:
    """The numbers of a run from its evidence database, corrections applied."""
    header = record.read_header(db)
    span = record.run_span(db)
    running = record.running_spans(db)
    unrecorded = [each for device, each in gap_spans(db) if device == "*"]
    made = [part for part in record.parts(db) if part.verdict is not Verdict.VOID]
    cycles = [part.event.cycle_time_s for part in made if part.event.cycle_time_s is not None]
    counts = metrics.count_parts(part.verdict for part in made)
    energy = _energy(db, header, span)
    hours = total(subtract(running, unrecorded)) / 3.6e9
    return RunNumbers(
        run_id=header.run_id,
        condition=header.condition.name,
        simulated=header.simulated,
        elapsed_s=(span[1] - span[0]) / 1e6,
        running_s=total(subtract(running, unrecorded)) / 1e6,
        paused_s=(span[1] - span[0] - total(running)) / 1e6,
        gap_s=total(union(each for _, each in gap_spans(db))) / 1e6,
        counts=counts,
        yield_share=metrics.yield_share(counts),
        scrap_share=metrics.scrap_share(counts),
        cycle_time_s=metrics.cycle_stats(cycles),
        energy_kwh=energy,
        energy_kwh_per_part=metrics.per_part(energy, counts),
        bands=tuple(_band(db, band, running) for band in header.condition.bands),
        limits=tuple(_limit(db, limit) for limit in header.limits),
        times=run_times(db, counts),
        throughput_per_h=metrics.ratio(counts.produced, hours),
        good_per_h=metrics.ratio(counts.good, hours),
        consumables=tuple(_consumed(db, counts)),
    )


def numbers_json(numbers: RunNumbers) -> str:
    """The one text of these numbers; equal evidence gives equal bytes.

    `format` tells which names it has. 1 had none of `times`, `throughput_per_h`, `good_per_h`,
    `consumables` and `format`; all else is the same. `times` comes without its spans, of which
    there may be thousands and which are their own file.
    """
    named = asdict(numbers)
    del named["times"]["spans"]
    return canonical(named)


def _consumed(db: Database, counts: Counts) -> Iterator[Consumed]:
    used: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for each in context_record.consumables(db):
        used[each.name, each.unit].append(each.amount)
    for (name, unit), amounts in used.items():
        amount = math.fsum(amounts)
        yield Consumed(name, unit, amount, metrics.per_part(Figure(amount), counts))


def _energy(db: Database, header: RunHeader, span: Span) -> Figure:
    grown = [
        _counter(db, series, span)
        for series in record.series(db)
        if (series.device, series.signal) in header.energy and series.unit in ENERGY_UNITS
    ]
    known = [figure.value for figure in grown]
    if not grown or None in known:
        return Figure(None, metrics.NO_DATA)
    flags = sorted({figure.code for figure in grown if figure.code}, reverse=True)
    return Figure(math.fsum(value for value in known if value is not None), "".join(flags[:1]))


def _counter(db: Database, series: Series, span: Span) -> Figure:
    values = (
        sample.value
        for sample in record.readings(db, series)
        if span[0] <= sample.t_us <= span[1] and sample.value is not None
    )
    grown = metrics.counter_difference(values)
    if grown.value is None:
        return grown
    return Figure(grown.value * ENERGY_UNITS[series.unit], grown.code)


def _band(db: Database, band: Band, running: list[Span]) -> BandResult:
    holes = [each for device, each in gap_spans(db) if device in (band.device, "*")]
    samples = (
        (sample.t_us, sample.value, sample.quality)
        for sample in _samples_of(db, band.device, band.signal)
    )
    time = metrics.time_in_band(
        samples, band.low, band.high, running, holes, round(band.hold_s * 1e6)
    )
    return BandResult(band, time, time.in_share)


def _samples_of(db: Database, device: str, signal: str) -> Iterator[Sample]:
    """In order of time over all units the signal came in, one by one: there may be millions."""
    named = [s for s in record.series(db) if (s.device, s.signal) == (device, signal)]
    return heapq.merge(*(record.readings(db, s) for s in named), key=lambda sample: sample.t_us)


def _limit(db: Database, limit: Limit) -> LimitResult:
    values = [
        each.value
        for each in record.measurements(db)
        if each.measurement.characteristic == limit.characteristic
        and each.measurement.unit == limit.unit
        and each.value is not None
    ]
    return LimitResult(limit, metrics.against_limit(values, limit.lower, limit.upper))
