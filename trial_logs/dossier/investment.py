"""The investment sheet as people write it: read, checked whole, written back canonically.

The same table is read from TOML (a file) and from JSON (the API, the database).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from trial_logs.dossier.economics import (
    CostKind,
    ExtraOutput,
    GrowthPlan,
    InvestmentLine,
    InvestmentSheet,
    Purpose,
    RunningCosts,
    TaskTime,
    Tax,
    ValueAdded,
)
from trial_logs.dossier.fields import Fields
from trial_logs.errors import Invalid, Problem

TEMPLATE: Mapping[str, Mapping[str, str | None]] = {
    "": {"title": '""', "tax": '"excluded"', "tax_percent": "10", "purposes": "[]"},
    "work": {"days_per_year": "240", "hours_per_day": "8.0", "wage_yen_per_h": "2500"},
    "present": {
        "volume_per_year": None,
        "lot_size": None,
        "setup_minutes": None,
        "scrap_yen_per_part": None,
    },
    "plan": {
        "life_years": "7",
        "discount_percent": "3.0",
        "residual_yen": "0",
        "uptime_percent": None,
        "attendance_percent": None,
    },
    "running": {
        "energy_yen_per_kwh": "30.0",
        "maintenance_yen": "0",
        "consumables_yen": "0",
        "licence_yen": "0",
    },
    "extra": {"parts_per_year": None, "margin_yen_per_part": None},
    "task": {
        "name": None,
        "times_per_year": None,
        "minutes_before": None,
        "measured": None,
        "minutes_after": None,
    },
    "firm": {"small_enterprise": None, "workers": None},
    "growth": {"years": None},
}
"""Section by section the keys with an example; a key with None is offered commented out."""
OPTIONAL = ("extra", "task", "growth")
"""Sections that are offered commented out as a whole."""
LEAST_MINUTES, MOST_MINUTES = 0.01, 10_000
"""Minutes one piece of work may take."""
YEAR_KEYS = ("operating_profit_yen", "personnel_yen", "depreciation_yen", "workers", "hours")
PLACEHOLDER: Mapping[str, str] = {
    "volume_per_year": "10000",
    "lot_size": "50",
    "setup_minutes": "15",
    "scrap_yen_per_part": "300",
    "uptime_percent": "85",
    "attendance_percent": "20",
    "parts_per_year": "1000",
    "margin_yen_per_part": "100",
    "name": '"…"',
    "times_per_year": "2400",
    "minutes_before": "[12.5, 11.0, 14.2]",
    "measured": '""',
    "minutes_after": "[4.0, 4.5, 3.8]",
    "small_enterprise": "true",
    "workers": "8",
    "years": "3",
}


def parse(text: str) -> InvestmentSheet:
    """The sheet of a TOML text. Raises Invalid with every problem, each with its key."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid((syntax_problem(error),)) from error
    return read(table)


def syntax_problem(error: tomllib.TOMLDecodeError) -> Problem:
    """What makes a text no TOML, with the line where the parser names one."""
    line = re.search(r"line (\d+)", str(error))
    params = {"cause": str(error), "line": line[1] if line else ""}
    return Problem("", "field.syntax", params)


def read(table: object) -> InvestmentSheet:
    """The sheet of a table. Raises Invalid with every problem, each with its key."""
    problems: list[Problem] = []
    top = Fields(table, "", problems)
    work, present, plan = top.table("work"), top.table("present"), top.table("plan")
    firm = top.table("firm")
    sheet = InvestmentSheet(
        title=top.text("title"),
        tax=top.choice("tax", Tax),
        tax_percent=top.whole("tax_percent", 10, most=50),
        lines=_lines(top),
        running=_running(top.table("running")),
        days_per_year=work.whole("days_per_year", least=1, most=366),
        hours_per_day=work.number("hours_per_day", least=0.1, most=24),
        wage_yen_per_h=work.whole("wage_yen_per_h", least=1),
        life_years=plan.whole("life_years", least=1, most=50),
        discount_percent=plan.number("discount_percent", most=100),
        residual_yen=plan.whole("residual_yen", 0, least=-(10**12)),
        uptime_percent=_maybe(plan, "uptime_percent", 1, 100),
        attendance_percent=_maybe(plan, "attendance_percent", 0, 100),
        volume_per_year=_maybe_whole(present, "volume_per_year", 1),
        lot_size=_maybe_whole(present, "lot_size", 1),
        setup_before_min=_maybe(present, "setup_minutes", 0, 10_000),
        scrap_yen_per_part=_maybe_whole(present, "scrap_yen_per_part"),
        extra=_extra(top),
        task=_task(top),
        small_enterprise=firm.yes("small_enterprise"),
        workers=_maybe_whole(firm, "workers"),
        purposes=top.choices("purposes", Purpose),
        growth=_growth(top),
    )
    for table_read in (work, present, plan, firm, top):
        table_read.done()
    if problems:
        raise Invalid(tuple(problems))
    return sheet


def table_of(sheet: InvestmentSheet) -> dict[str, Any]:
    """The table `read` reads, with what was not filled in left out."""
    growth = sheet.growth
    tables: dict[str, Any] = {
        "title": sheet.title,
        "tax": sheet.tax.value,
        "tax_percent": sheet.tax_percent,
        "purposes": [purpose.value for purpose in sheet.purposes],
        "work": {
            "days_per_year": sheet.days_per_year,
            "hours_per_day": sheet.hours_per_day,
            "wage_yen_per_h": sheet.wage_yen_per_h,
        },
        "present": {
            "volume_per_year": sheet.volume_per_year,
            "lot_size": sheet.lot_size,
            "setup_minutes": sheet.setup_before_min,
            "scrap_yen_per_part": sheet.scrap_yen_per_part,
        },
        "plan": {
            "life_years": sheet.life_years,
            "discount_percent": sheet.discount_percent,
            "residual_yen": sheet.residual_yen,
            "uptime_percent": sheet.uptime_percent,
            "attendance_percent": sheet.attendance_percent,
        },
        "running": _attributes(sheet.running),
        "extra": _attributes(sheet.extra),
        "task": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in _attributes(sheet.task).items()
            if value not in ("", ())
        },
        "firm": {"small_enterprise": sheet.small_enterprise, "workers": sheet.workers},
        "growth": growth
        and {
            "years": growth.years,
            "now": _attributes(growth.now),
            "planned": _attributes(growth.planned),
        },
        "line": [_attributes(line) for line in sheet.lines],
    }
    return {name: found for name, part in tables.items() if (found := _filled(part)) != {}}


def canonical(sheet: InvestmentSheet) -> str:
    """The sheet as JSON, the same bytes for the same sheet."""
    return json.dumps(
        table_of(sheet), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def of_json(text: str) -> InvestmentSheet:
    """The sheet `canonical` wrote."""
    return read(json.loads(text))


def template(words: Mapping[str, str]) -> str:
    """A commented sheet to fill in; what stands in it by itself is an example, not advice."""
    lines = [*_comment(words, "sheet.comment"), ""]
    for section, keys in TEMPLATE.items():
        lines += [""] if section else []
        name = f"sheet.comment.{section or 'top'}"
        lines += _comment(words, name) if section else []
        asleep = "# " if section in OPTIONAL else ""
        lines += [f"{asleep}[{section}]"] if section else []
        for key, example in keys.items():
            lines += _comment(words, f"{name}.{key}")
            lines.append(f"{key} = {example}" if example else f"# {key} = {PLACEHOLDER[key]}")
    for year in ("now", "planned"):
        lines += ["", *_comment(words, f"sheet.comment.growth.{year}"), f"# [growth.{year}]"]
        lines += [f"# {key} = 0" for key in YEAR_KEYS]
    lines += ["", *_comment(words, "sheet.comment.line")]
    for kind in CostKind:
        lines += ["", *_comment(words, f"cost_kind.{kind}")]
        lines += ["[[line]]", f'kind = "{kind}"', f'name = "{words[f"cost_kind.{kind}"]}"']
        lines += ["yen = 0", 'vendor = ""', 'quote = ""']
    return "\n".join(lines) + "\n"


def _comment(words: Mapping[str, str], key: str) -> list[str]:
    return [f"# {line}".rstrip() for line in words[key].splitlines()]


def _lines(top: Fields) -> tuple[InvestmentLine, ...]:
    found = []
    for row in top.rows("line"):
        kind, name, yen = row.choice("kind", CostKind), row.text("name"), row.whole("yen")
        found.append(InvestmentLine(kind, name, yen, row.text("vendor", ""), row.text("quote", "")))
        row.done()
    if not any(line.yen for line in found):
        top.wrong("line", "sheet.no_cost")
    return tuple(found)


def _running(table: Fields) -> RunningCosts:
    read_costs = RunningCosts(
        maintenance_yen=table.whole("maintenance_yen", 0),
        consumables_yen=table.whole("consumables_yen", 0),
        licence_yen=table.whole("licence_yen", 0),
        energy_yen_per_kwh=table.number("energy_yen_per_kwh", 0.0, most=10_000),
    )
    table.done()
    return read_costs


def _extra(top: Fields) -> ExtraOutput | None:
    table = top.table("extra")
    if not top.has("extra"):
        return None
    found = ExtraOutput(table.whole("parts_per_year"), table.whole("margin_yen_per_part"))
    table.done()
    return found


def _task(top: Fields) -> TaskTime | None:
    table = top.table("task")
    if not top.has("task"):
        return None
    found = TaskTime(
        table.text("name"),
        table.whole("times_per_year", least=1, most=10**7),
        table.numbers("minutes_before", LEAST_MINUTES, MOST_MINUTES),
        table.numbers("minutes_after", LEAST_MINUTES, MOST_MINUTES),
        table.text("measured", ""),
    )
    if not found.minutes_before:
        table.wrong("minutes_before", "field.missing")
    if not found.measured and not found.minutes_after:
        table.wrong("measured", "sheet.no_time_after")
    table.done()
    return found


def _growth(top: Fields) -> GrowthPlan | None:
    table = top.table("growth")
    if not top.has("growth"):
        return None
    years = table.whole("years", least=1, most=10)
    found = GrowthPlan(_year(table.table("now")), _year(table.table("planned")), years)
    table.done()
    return found


def _year(table: Fields) -> ValueAdded:
    found = ValueAdded(
        operating_profit_yen=table.whole("operating_profit_yen", least=-(10**12)),
        personnel_yen=table.whole("personnel_yen"),
        depreciation_yen=table.whole("depreciation_yen"),
        workers=table.whole("workers", least=1),
        hours=_maybe_whole(table, "hours", 1),
    )
    table.done()
    return found


def _maybe(table: Fields, name: str, least: float, most: float) -> float | None:
    found = table.number(name, least, least, most)
    return found if table.has(name) else None


def _maybe_whole(table: Fields, name: str, least: int = 0) -> int | None:
    found = table.whole(name, least, least)
    return found if table.has(name) else None


def _attributes(
    of: RunningCosts | ExtraOutput | TaskTime | InvestmentLine | ValueAdded | None,
) -> dict[str, Any]:
    return {} if of is None else asdict(of)


def _filled(part: Any) -> Any:
    """The part without what is None; what is left empty is `{}`."""
    if isinstance(part, Mapping):
        return {name: _filled(value) for name, value in part.items() if value is not None}
    return {} if part is None else part
