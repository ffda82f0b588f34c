"""Grant rules as dated data: one TOML file per issuer and year, checked whole when it is read.

A pack without a source is refused. Its words are its own, in both languages.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from importlib.resources import files

from trial_logs.dossier.economics import CostKind, Purpose
from trial_logs.dossier.fields import Fields
from trial_logs.dossier.investment import syntax_problem
from trial_logs.errors import Invalid, Problem

Words = Mapping[str, str]
"""A text by language, `ja` and `en`."""


class Status(StrEnum):
    """Worth of a pack's source: 例示, 二次資料・要確認, 一次資料."""

    EXAMPLE = "example"
    SECONDARY = "secondary"
    PRIMARY = "primary"


class Per(StrEnum):
    """By what a scheme divides 付加価値額."""

    WORKER = "worker"
    HOUR = "hour"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rules were read."""

    title: str
    publisher: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most a firm of up to so many workers gets; None: of any size."""

    yen: int
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class Scheme:
    """One scheme's arithmetic. No ceilings or kinds: the source names none, which is marked.
    No purposes: it pays for any.

    `small_rate` is the small enterprise's. From a subsidy of `above_yen` on, `above_rate` counts.
    The result is rounded down to `round_yen` and is nothing below `floor_yen`.
    """

    id: str
    name: Words
    rate: Fraction
    purposes: tuple[Purpose, ...] = ()
    small_rate: Fraction | None = None
    above_yen: int | None = None
    above_rate: Fraction | None = None
    ceilings: tuple[Ceiling, ...] = ()
    floor_yen: int = 0
    round_yen: int = 1
    kinds: tuple[CostKind, ...] = ()
    growth_percent: float | None = None
    growth_per: Per = Per.WORKER
    conditions: tuple[Words, ...] = ()


@dataclass(frozen=True, slots=True)
class Pack:
    """Schemes of one issuer, valid on the days `valid_from` to `valid_until`, both included.

    `period_stated` is whether the source names these days; else whoever wrote the pack did.
    """

    id: str
    name: Words
    issuer: Words
    source: Source
    fiscal_year: int
    valid_from: date
    valid_until: date
    period_stated: bool
    status: Status
    schemes: tuple[Scheme, ...]

    def refusal(self, on: date) -> str:
        """Why the pack does not count on a day; empty where it does."""
        if on < self.valid_from:
            return "pack.not_yet"
        return "pack.expired" if on > self.valid_until else ""


def shipped() -> tuple[Pack, ...]:
    """The packs that come with the program, by file name."""
    folder = files("trial_logs") / "packs"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return tuple(parse((folder / name).read_text(encoding="utf-8")) for name in names)


def parse(text: str) -> Pack:
    """The pack of a TOML text. Raises Invalid with every problem, each with its key."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid((syntax_problem(error),)) from error
    problems: list[Problem] = []
    top = Fields(table, "", problems)
    first, last = top.day("valid_from"), top.day("valid_until")
    if last < first:
        top.wrong("valid_until", "pack.ends_before_start")
    pack = Pack(
        id=top.text("id"),
        name=top.names("name"),
        issuer=top.names("issuer"),
        source=_source(top),
        fiscal_year=top.whole("fiscal_year", least=2000, most=2999),
        valid_from=first,
        valid_until=last,
        period_stated=top.yes("period_stated") or False,
        status=top.choice("status", Status),
        schemes=_schemes(top),
    )
    top.done()
    if problems:
        raise Invalid(tuple(problems))
    return pack


def _source(top: Fields) -> Source:
    if not top.has("source"):
        top.wrong("source", "pack.no_source")
        return Source("", "")
    table = top.table("source")
    source = Source(table.text("title"), table.text("publisher"), table.text("address", ""))
    table.done()
    return source


def _schemes(top: Fields) -> tuple[Scheme, ...]:
    schemes = tuple(_scheme(row) for row in top.rows("scheme"))
    ids = [scheme.id for scheme in schemes]
    if not schemes:
        top.wrong("scheme", "field.missing")
    if len(set(ids)) < len(ids):
        top.wrong("scheme", "pack.same_id")
    return schemes


def _scheme(row: Fields) -> Scheme:
    above = row.has("above_yen") or row.has("above_rate")
    scheme = Scheme(
        id=row.text("id"),
        name=row.names("name"),
        rate=row.share("rate"),
        purposes=row.choices("purposes", Purpose),
        small_rate=row.share("small_rate") if row.has("small_rate") else None,
        above_yen=row.whole("above_yen", least=1) if above else None,
        above_rate=row.share("above_rate") if above else None,
        ceilings=_ceilings(row),
        floor_yen=row.whole("floor_yen", 0),
        round_yen=row.whole("round_yen", 1, least=1),
        kinds=row.choices("kinds", CostKind),
        growth_percent=row.number("growth_percent") if row.has("growth_percent") else None,
        growth_per=row.choice("growth_per", Per, Per.WORKER),
        conditions=tuple(_words(one) for one in row.rows("condition")),
    )
    row.done()
    return scheme


def _ceilings(row: Fields) -> tuple[Ceiling, ...]:
    """By size of firm, the smallest first; the last may be for any size."""
    found = []
    for each in row.rows("ceiling"):
        workers = each.whole("workers", least=1) if each.has("workers") else None
        found.append(Ceiling(each.whole("yen", least=1), workers))
        each.done()
    sizes: Sequence[float] = [one.workers or float("inf") for one in found]
    if list(sizes) != sorted(set(sizes)):
        row.wrong("ceiling", "pack.ceilings_unordered")
    return tuple(found)


def _words(row: Fields) -> Words:
    found = {language: row.text(language) for language in ("ja", "en")}
    row.done()
    return found
