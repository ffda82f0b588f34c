"""The times of one run from its evidence, with the indicators made of them and their formulas.

Availability, effectiveness, quality rate and OEE: OPC 40501-1 Annex C.2.4. 可動率 and 稼働率 are
the shop's own words and are kept apart from these and from each other, since they answer
different questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from trial_logs import context_record, record
from trial_logs.elements import Item, Operation, Piece, Seen, Story, pieces, spans_of
from trial_logs.metrics import NO_DATA, Counts, Figure, ratio
from trial_logs.model import RunHeader, Verdict
from trial_logs.record import Evidence
from trial_logs.stamps import to_us
from trial_logs.stops import Word, Words, stops
from trial_logs.times import Element, Indicator, RunTimes, Stop

UNKNOWN_TIME = "number.unknown_time"
UNKNOWN_IDLE = "number.unknown_idle"
"""Times nobody saw stand in the whole, as if the machine had not worked in them."""
NO_PLANNED_CYCLE = "number.no_planned_cycle"
UNJUDGED = "number.unjudged"
PLANNED = (Element.PRODUCTION, Element.SETUP, Element.DELAY, Element.DOWN)
"""What a planned busy time consists of; idle was not planned, of unknown nobody can tell."""


def run_times(db: Evidence, counts: Counts) -> RunTimes:
    """The times of the run whose evidence this is; `counts` are its parts, corrections applied."""
    header = record.read_header(db)
    story = story_of(db, header)
    cut = list(pieces(story))
    us = {element: _us(p for p in cut if p.element is element) for element in Element}
    seconds = {element: us[element] / 1e6 for element in Element}
    found = tuple(stops(story, cut, header.microstop_s, _words(db)))
    micro = [stop for stop in found if stop.micro]
    shares = _shares(us, counts, header.planned_cycle_s)
    return RunTimes(
        spans=tuple(spans_of(cut)),
        seconds=seconds,
        stops=found,
        stop_count=len(found),
        stop_s=sum(stop.t1_us - stop.t0_us for stop in found) / 1e6,
        micro_count=len(micro),
        micro_s=sum(stop.t1_us - stop.t0_us for stop in micro) / 1e6,
        microstop_s=header.microstop_s,
        order_known=bool(context_record.orders(db)),
        first_part_s=_first(db, story.t0_us, set(Verdict) - {Verdict.VOID}),
        first_good_s=_first(db, story.t0_us, {Verdict.GOOD}),
        bekido=bekido(cut),
        kado=kado(cut),
        **shares,
    )


def stops_of(db: Evidence, until_us: int = 0) -> list[Stop]:
    """The stops of the run so far, in order of time, with what people said of them.

    A live run is looked at up to `until_us`.
    """
    header = record.read_header(db)
    story = _until(story_of(db, header), until_us)
    return stops(story, list(pieces(story)), header.microstop_s, _words(db))


def element_at(db: Evidence, until_us: int = 0) -> Element:
    """The element a live run is in at `until_us`, or the last one of a run that is over."""
    last = Element.UNKNOWN
    for piece in pieces(_until(story_of(db, record.read_header(db)), until_us)):
        last = piece.element
    return last


def _until(story: Story, until_us: int) -> Story:
    return replace(story, t1_us=max(story.t1_us, until_us))


def story_of(db: Evidence, header: RunHeader) -> Story:
    """All that decides the elements of the run, as recorded."""
    t0_us, t1_us = record.run_span(db)
    states = [
        Seen(to_us(s.at), s.device, s.link, s.operation, s.safety, s.cause)
        for s in record.states(db)
    ]
    return Story(
        t0_us,
        t1_us,
        header.machines or machines_of(states),
        states,
        [(to_us(g.at), g.device, g.opened, g.cause) for g in record.gap_edges(db)],
        [(to_us(m.at), m.state, m.cause) for m in record.moves(db)],
        [(to_us(m.at), m.mode) for m in context_record.modes(db)],
        [(to_us(o.at), o.in_force) for o in context_record.orders(db)],
    )


def machines_of(states: Sequence[Seen]) -> tuple[str, ...]:
    """Of a record that does not name them: what worked or failed, else all that was seen."""
    acted = {s.device for s in states if s.item in (Item.EXECUTING, Item.OUT_OF_SERVICE)}
    return tuple(sorted(acted or {s.device for s in states}))


def bekido(cut: Sequence[Piece]) -> Indicator:
    """可動率: how much of the time it was wanted the machine could run, (W − S) ÷ W.

    W: a booking in force, production wanted, run not paused, machine seen. S: what of W it stood
    still by itself or for safety. Waiting for hands or material is not the machine's doing. As
    「動かしたいときに動かせる割合」: monodukuri.com/gihou/article/3409, with the worked example of
    tescompo.co.jp/column/column12-2 (4 of 8 hours = 50 %).
    """
    wanted = [
        piece
        for piece in cut
        if piece.ordered
        and piece.operation is Operation.PROCESSING
        and piece.item is not Item.UNKNOWN
    ]
    stood = _us(piece for piece in wanted if piece.stopped) / 1e6
    whole = _us(wanted) / 1e6
    share = _flagged(ratio(whole - stood, whole), _unknown_s(cut))
    return Indicator(share, "formula.bekido", (("W", whole), ("S", stood)))


def kado(cut: Sequence[Piece]) -> Indicator:
    """稼働率: how much of the capacity at hand was used, B ÷ C.

    B: the machine was seen working, in whatever mode. C: all time of the run with a booking in
    force, pauses and unseen times too. As 稼動時間 ÷ 操業時間: kaizen1.net/post-7559. It says how
    loaded the machine was, nothing about how good it is.
    """
    booked = [piece for piece in cut if piece.ordered]
    busy = _us(piece for piece in booked if piece.item is Item.EXECUTING) / 1e6
    whole = _us(booked) / 1e6
    share = _flagged(ratio(busy, whole), _unknown_s(cut), UNKNOWN_IDLE)
    return Indicator(share, "formula.kado", (("B", busy), ("C", whole)))


def _shares(
    us: dict[Element, int], counts: Counts, planned_cycle_s: float | None
) -> dict[str, Indicator]:
    """Availability APT ÷ PBT, effectiveness PRI × PQ ÷ APT, quality GQ ÷ PQ, OEE their product.

    PBT is what was planned and seen: APT + AUST + ADET + ADOT. Set-up ratio AUST ÷ (APT + AUST).
    """
    apt, aust = us[Element.PRODUCTION] / 1e6, us[Element.SETUP] / 1e6
    aupt = (us[Element.PRODUCTION] + us[Element.SETUP]) / 1e6
    pbt = sum(us[element] for element in PLANNED) / 1e6
    unseen = us[Element.UNKNOWN] / 1e6
    made, good = counts.produced, counts.good
    availability = _flagged(ratio(apt, pbt), unseen)
    effectiveness = Figure(None, NO_PLANNED_CYCLE)
    if planned_cycle_s is not None:
        effectiveness = _flagged(ratio(planned_cycle_s * made, apt), unseen)
    quality = Figure(None, UNJUDGED) if counts.unjudged else ratio(good, made)
    return {
        "availability": Indicator(
            availability, "formula.availability", (("APT", apt), ("PBT", pbt))
        ),
        "effectiveness": Indicator(
            effectiveness,
            "formula.effectiveness",
            (("PRI", planned_cycle_s), ("PQ", float(made)), ("APT", apt)),
        ),
        "quality": Indicator(
            quality, "formula.quality", (("GQ", float(good)), ("PQ", float(made)))
        ),
        "oee": _oee(availability, effectiveness, quality),
        "setup_ratio": Indicator(
            _flagged(ratio(aust, aupt), unseen),
            "formula.setup_ratio",
            (("AUST", aust), ("AUPT", aupt)),
        ),
    }


def _oee(availability: Figure, effectiveness: Figure, quality: Figure) -> Indicator:
    factors = (availability, effectiveness, quality)
    symbols = ("availability", "effectiveness", "quality")
    inputs = tuple(zip(symbols, (each.value for each in factors), strict=True))
    missing = next((each for each in factors if each.value is None), None)
    if missing is not None:
        return Indicator(Figure(None, missing.code), "formula.oee", inputs)
    product = 1.0
    for _, value in inputs:
        product *= value or 0.0
    code = next((each.code for each in factors if each.code), "")
    return Indicator(Figure(product, code), "formula.oee", inputs)


def _flagged(figure: Figure, unseen_s: float, code: str = UNKNOWN_TIME) -> Figure:
    if figure.value is None or not unseen_s:
        return figure
    return Figure(figure.value, code)


def _words(db: Evidence) -> Words:
    return {
        (said.device, to_us(said.stop_at)): Word(said.cause, said.text, said.by)
        for said in context_record.explained(db)
    }


def _first(db: Evidence, t0_us: int, verdicts: set[Verdict]) -> Figure:
    made = [to_us(part.event.at) for part in record.parts(db) if part.verdict in verdicts]
    return Figure((min(made) - t0_us) / 1e6) if made else Figure(None, NO_DATA)


def _unknown_s(cut: Sequence[Piece]) -> float:
    return _us(piece for piece in cut if piece.element is Element.UNKNOWN) / 1e6


def _us(cut: Iterable[Piece]) -> int:
    return sum(piece.us for piece in cut)
