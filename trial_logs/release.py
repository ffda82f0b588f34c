"""What of a trial its party has released to the equipment's vendor, and nothing else.

By default nothing is. Each field is made from the trial by its own function in `FIELDS`; a view is
put together from the released ones alone, so that what was not released is never at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from trial_logs.attachments import Attachment, AttachmentKind
from trial_logs.bare_picture import READERS as BARE
from trial_logs.blocks import limit_text
from trial_logs.errors import Invalid, Problem
from trial_logs.inference.proportion import wilson
from trial_logs.model import Trial
from trial_logs.shown import bracket, percent, significant


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run as a view may use it: its number, condition and recorded numbers (parsed JSON)."""

    number: int
    condition: str
    simulated: bool
    numbers: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TrialFacts:
    """Everything a field may be made of, and which fields are released beside it."""

    trial: Trial
    runs: tuple[RunFacts, ...] = ()
    files: tuple[Attachment, ...] = ()
    released: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a view: a label (key of the texts, with parameters) and what was found."""

    label: str
    value: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    """One released field with its lines and the numbers of its pictures."""

    field: str
    rows: tuple[Row, ...]
    photos: tuple[int, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    """Of each picture the SHA-256 of the original and of the copy that is shown, empty where no
    copy can be made."""


@dataclass(frozen=True, slots=True)
class VendorView:
    """What a vendor sees: the released fields and whether any of it is simulated."""

    simulated: bool
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Released:
    """A field that stands released."""

    field: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody looked at a trial."""

    at: datetime
    who: str
    what: str


def _row(label: str, value: str, **params: object) -> Row:
    return Row(f"release.row.{label}", value, {key: str(each) for key, each in params.items()})


def _words(name: str) -> Callable[[TrialFacts], Iterable[Row]]:
    def rows(facts: TrialFacts) -> Iterable[Row]:
        text = getattr(facts.trial.draft, name).strip()
        return [_row("text", text)] if text else []

    return rows


def _conditions(facts: TrialFacts) -> Iterable[Row]:
    for place, each in enumerate(facts.trial.draft.conditions, 1):
        settings = ", ".join(f"{key}: {value}" for key, value in each.settings.items())
        runs = ", ".join(str(run.number) for run in facts.runs if run.condition == each.name)
        shown = f"{each.name} ({settings})" if settings else each.name
        yield _row("condition_run" if runs else "condition", shown, place=place, runs=runs)


def _limits(facts: TrialFacts) -> Iterable[Row]:
    for limit in facts.trial.draft.limits:
        yield _row("named", limit_text(limit), name=limit.characteristic)


def _baseline(facts: TrialFacts) -> Iterable[Row]:
    yield from _words("baseline")(facts)
    baseline = facts.trial.draft.protocol.baseline
    if baseline.cycle_time_s is not None:
        yield _row("baseline_cycle", significant(baseline.cycle_time_s))
    if baseline.yearly_volume is not None:
        yield _row("baseline_volume", f"{baseline.yearly_volume:,}")


def _parts(facts: TrialFacts) -> Iterable[Row]:
    for run in facts.runs:
        counts = run.numbers.get("counts", {})
        shown = " / ".join(str(counts.get(name, 0)) for name in ("good", "scrap", "rework"))
        yield _row("parts", shown, run=run.number)


def _yield(facts: TrialFacts) -> Iterable[Row]:
    """Good ÷ judged parts with how many were judged and what so few can tell (Wilson)."""
    for run in facts.runs:
        counts = run.numbers.get("counts", {})
        good, *others = (counts.get(name, 0) for name in ("good", "scrap", "rework"))
        share = wilson(good, good + sum(others))
        if share.estimate is not None:
            shown = f"{percent(share.estimate)} {bracket(share, percent)} (n = {share.n})"
            yield _row("yield", shown, run=run.number, level=f"{share.level:.0%}")


def _of_runs(
    label: str, key: str, write: Callable[[float], str], inner: str = ""
) -> Callable[[TrialFacts], Iterable[Row]]:
    """A figure of each run, `numbers[key]` or `numbers[key][inner]`, where there is one."""

    def rows(facts: TrialFacts) -> Iterable[Row]:
        for run in facts.runs:
            found = _figure(run, key, inner)
            if found is not None:
                yield _row(label, write(found), run=run.number)

    return rows


def _figure(run: RunFacts, key: str, inner: str = "") -> float | None:
    found = run.numbers.get(key)
    if inner and found:
        found = found.get(inner)
    value = found.get("value") if found else None
    return None if value is None else float(value)


def _all(*makers: Callable[[TrialFacts], Iterable[Row]]) -> Callable[[TrialFacts], Iterable[Row]]:
    return lambda facts: [row for maker in makers for row in maker(facts)]


def _measured(facts: TrialFacts) -> Iterable[Row]:
    """How many measurements lay within each limit, by its place; by name where that is released."""
    named = "limits" in facts.released
    for run in facts.runs:
        for place, each in enumerate(run.numbers.get("limits", ()), 1):
            result = each["result"]
            shown = f"{result['within']} / {result['n']}"
            if named:
                name = each["limit"]["characteristic"]
                yield _row("within_named", shown, run=run.number, name=name)
            else:
                yield _row("within", shown, run=run.number, place=place)


def _comparison(facts: TrialFacts) -> Iterable[Row]:
    """Mean cycle times as a ratio to the shortest, so that no time itself is told."""
    means = [(run, _figure(run, "cycle_time_s", "mean")) for run in facts.runs]
    known = [(run, mean) for run, mean in means if mean]
    shortest = min((mean for _, mean in known), default=0.0)
    for run, mean in known:
        yield _row("ratio", f"{mean / shortest:.2f}", run=run.number)


FIELDS: Mapping[str, Callable[[TrialFacts], Iterable[Row]]] = {
    "title": _words("title"),
    "question": _words("question"),
    "part": _words("part"),
    "material": _words("material"),
    "baseline": _baseline,
    "conditions": _conditions,
    "limits": _limits,
    "parts": _parts,
    "yield": _yield,
    "cycle_times": _all(
        _of_runs("cycle_mean", "cycle_time_s", significant, "mean"),
        _of_runs("cycle_median", "cycle_time_s", significant, "median"),
    ),
    "throughput": _of_runs("throughput", "throughput_per_h", significant),
    "capability": _measured,
    "energy": _all(
        _of_runs("energy", "energy_kwh", significant),
        _of_runs("energy_per_part", "energy_kwh_per_part", significant),
    ),
    "comparison": _comparison,
    "photos": lambda facts: [
        # never by the name of its file, in which people write party and part
        _row("photo", "", number=place)
        for place, _ in enumerate(photos(facts.files), 1)
    ],
}
"""The fields that can be released, each with what makes its lines."""


def photos(files: Iterable[Attachment]) -> list[Attachment]:
    """The pictures among the files that every browser shows and that can be made bare."""
    return [
        each
        for each in files
        if each.file.kind is AttachmentKind.PHOTO and each.file.media_type in BARE
    ]


def checked(fields: Sequence[str]) -> tuple[str, ...]:
    """The fields, each once. Raises Invalid for any that cannot be released."""
    unknown = [name for name in fields if name not in FIELDS]
    known = ", ".join(FIELDS)
    if unknown:
        raise Invalid(
            tuple(
                Problem("fields", "trial.unknown_field", {"field": name, "known": known})
                for name in unknown
            )
        )
    return tuple(dict.fromkeys(fields))


def vendor_view(facts: TrialFacts, released: Iterable[str]) -> VendorView:
    """The released fields in the order of the table, and whether the runs were simulated."""
    chosen = frozenset(released)
    facts = replace(facts, released=chosen)
    sections = []
    for name, maker in FIELDS.items():
        if name in chosen:
            numbers = [each.number for each in photos(facts.files)] if name == "photos" else []
            sections.append(Section(name, tuple(maker(facts)), tuple(numbers)))
    return VendorView(any(run.simulated for run in facts.runs), tuple(sections))
