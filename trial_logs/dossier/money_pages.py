"""Investment, yearly effect, payback, present value, sensitivity: every sum with its formula."""

from __future__ import annotations

from collections.abc import Iterator

from trial_logs.blocks import (
    Block,
    caption,
    heading,
    points,
    small,
    table_block,
    table_group,
    table_row,
    text_block,
    together,
)
from trial_logs.dossier.amounts import (
    Words,
    number,
    round_range,
    share,
    span,
    whole_hours_saved,
    years,
    yen,
    yen_range,
)
from trial_logs.dossier.charts import cash_flow, tornado
from trial_logs.dossier.content import DossierContent
from trial_logs.dossier.economics import BreakEven, Economics, InvestmentSheet, SensitivityRow
from trial_logs.dossier.task_words import task_facts
from trial_logs.dossier.wording import assumption
from trial_logs.shown import minus, percent, plain


def money_pages(content: DossierContent, words: Words) -> Iterator[Block]:
    """The money of the chosen condition, or what must be entered to see it."""
    if content.sheet is None:
        yield heading(words["dossier.investment"])
        yield text_block(words["sheet.none"].format(trial=content.report.trial_id))
        return
    yield from _investment(content.sheet, words)
    money = content.money
    if money is None:
        yield text_block(words["dossier.no_findings"])
        return
    if len(content.economics) > 1:
        yield from _each_condition(content, words)
    rework = content.finding.rework if content.finding else 0
    yield from _effect(content, money, rework, words)
    if money.effect.total.estimate is not None:
        yield from _payback(money, words)
        yield from _sensitivity(money, words)


def _investment(sheet: InvestmentSheet, words: Words) -> Iterator[Block]:
    rows = [
        table_row(
            words[f"cost_kind.{line.kind}"],
            line.name,
            line.vendor or words["report.none"],
            line.quote or words["dossier.no_quote"],
            yen(line.yen, words),
        )
        for line in sheet.lines
    ]
    total = table_row(
        words["dossier.total"], "", "", "", yen(sum(x.yen for x in sheet.lines), words)
    )
    total["strong"] = True
    names = ("kind", "thing", "vendor", "quote", "yen")
    header = [words[f"dossier.column.{name}"] for name in names]
    note = words["dossier.sheet_tax"].format(
        tax=words[f"tax.{sheet.tax}"], percent=sheet.tax_percent
    )
    yield together(
        [
            heading(words["dossier.investment"]),
            table_block("lLllr", header, [*rows, total]),
            small(note),
        ]
    )
    running = sheet.running
    facts = {
        "days": f"{sheet.days_per_year}",
        "hours": plain(float(sheet.hours_per_day)),
        "wage": yen(sheet.wage_yen_per_h, words),
        "life": f"{sheet.life_years}",
        "discount": f"{plain(float(sheet.discount_percent))}%",
        "residual": yen(sheet.residual_yen, words),
        "maintenance": yen(running.maintenance_yen, words),
        "consumables": yen(running.consumables_yen, words),
        "licence": yen(running.licence_yen, words),
        "energy_price": words["dossier.yen"].format(
            amount=plain(float(running.energy_yen_per_kwh))
        ),
    }
    pairs = [[words[f"dossier.fact.{name}"], value] for name, value in facts.items()]
    yield together([caption(words["dossier.basis"]), {"kind": "facts", "facts": pairs}])


def _each_condition(content: DossierContent, words: Words) -> Iterator[Block]:
    rows = []
    for n, money in enumerate(content.economics):
        row = table_row(
            money.condition,
            round_range(money.effect.total, words),
            years(money.payback, words),
            round_range(money.npv.value, words),
        )
        row["strong"] = n == content.chosen
        rows.append(row)
    names = ("condition", "effect", "payback", "npv")
    header = [words[f"dossier.column.{name}"] for name in names]
    chosen = content.economics[content.chosen].condition
    note = words[f"dossier.chosen.{content.chosen_by}"].format(condition=chosen)
    title = caption(words["dossier.each_condition"])
    yield together([title, table_block("Lrrr", header, rows), small(note)])


def _effect(
    content: DossierContent, money: Economics, rework: int, words: Words
) -> Iterator[Block]:
    title = heading(words["dossier.effect"].format(condition=money.condition))
    if not money.effect.parts:
        yield together([title, points([assumption(a, words) for a in money.effect.assumptions])])
        return
    rows = []
    for part in money.effect.parts:
        if not any((part.yen.estimate, part.yen.low, part.yen.high)):
            continue
        row = table_row(words[f"effect.{part.name}"], yen_range(part.yen, words))
        row["remark"] = words[f"effect.{part.name}.formula"]
        rows.append(row)
    total = table_row(words["effect.total"], yen_range(money.effect.total, words))
    total["strong"] = True
    header = [words["dossier.column.item"], words["dossier.column.yen_a_year"]]
    yield from (title, table_block("LR", header, [*rows, total]))
    said = [words["effect.range"], words["money.rounding"]]
    yield small(words["dossier.sentence_gap"].join(said))
    effect = money.effect
    facts = {
        "hours_before": number(effect.hours_before, words),
        "hours_after": number(effect.hours_after, words),
        "hours_saved": number(whole_hours_saved(effect), words),
        "capacity": number(effect.capacity_parts, words),
    }
    task = money.sheet.task
    if task is not None and content.finding is not None:
        facts = task_facts(task, content.finding.runs, words) | facts
        del facts["capacity"]
        rework = 0  # parts are not in this effect
    pairs = [[words[f"dossier.fact.{name}"], value] for name, value in facts.items()]
    yield {"kind": "facts", "facts": pairs}
    lines = [assumption(each, words) for each in effect.assumptions]
    if rework:
        lines.append(words["dossier.rework_lost"].format(count=rework))
    yield caption(words["dossier.assumptions"])
    yield points(lines)


def _payback(money: Economics, words: Words) -> Iterator[Block]:
    rows = []
    for name, payback in (("simple", money.payback), ("discounted", money.discounted_payback)):
        row = table_row(words[f"payback.{name}"], years(payback, words))
        row["remark"] = words[f"payback.{name}.formula"]
        rows.append(row)
    npv = table_row(words["npv"], yen_range(money.npv.value, words))
    irr = table_row(words["irr"], share(money.irr, words))
    npv["remark"], irr["remark"] = words["npv.formula"], words["irr.formula"]
    header = [words["dossier.column.item"], words["dossier.column.result"]]
    yield heading(words["dossier.payback"])
    yield table_block("LR", header, [*rows, npv, irr])
    picture = cash_flow(money.npv, words)
    if picture:
        yield picture
    flows = [
        table_row(
            str(each.year),
            yen(each.flow.estimate, words),
            yen(each.present.estimate, words),
            yen(each.cumulative.estimate, words),
            _both(each.cumulative.low, each.cumulative.high, words),
        )
        for each in money.npv.years
    ]
    names = ("year", "flow", "present", "cumulative", "ends")
    yield table_block("rRRRr", [words[f"dossier.column.{name}"] for name in names], flows)


def _both(low: int | None, high: int | None, words: Words) -> str:
    if low is None or high is None:
        return words["report.none"]
    if low == high:
        return minus(f"{low:,}")
    return minus(span(f"{low:,}", f"{high:,}", words))


def _sensitivity(money: Economics, words: Words) -> Iterator[Block]:
    found = money.sensitivity
    if not found.rows:
        return
    yield heading(words["dossier.sensitivity"])
    picture = tornado(found, money.npv.value.estimate, words)
    if picture:
        yield picture
    planned = {each.factor: each.value for each in found.rows if not each.change}
    rows = []
    for factor in found.order:
        rows.append(table_group(words[f"sensitivity.{factor}"]))
        rows += [
            _changed(each, words)
            for each in found.rows
            if each.factor == factor and each.value != planned.get(factor)
        ]
    names = ("change", "value", "effect", "payback", "npv")
    yield table_block("rRRRR", [words[f"dossier.column.{name}"] for name in names], rows)
    turns = [_turn(each, words) for each in found.break_even]
    if turns:
        yield together([caption(words["dossier.break_even"]), points(turns)])


def _changed(row: SensitivityRow, words: Words) -> Block:
    value = _factor_value(row.value, row.unit, words)
    years_text = (
        words["payback.never"]
        if row.payback_years is None
        else words["dossier.years"].format(years=f"{row.payback_years:.1f}")
    )
    change = minus(f"{row.change:+.0%}")
    cells = (yen(row.effect_yen, words), years_text, yen(row.npv_yen, words))
    return table_row(change, value, *cells)


def _factor_value(value: float, unit: str, words: Words) -> str:
    if unit == "1":
        return percent(value)
    if unit == "JPY/h":
        return yen(round(value), words)
    return f"{value:,.0f}"


def _turn(each: BreakEven, words: Words) -> str:
    name = words[f"sensitivity.{each.factor}"]
    if each.value is None:
        return words["dossier.turn_none"].format(name=name, reason=words.get(each.code, each.code))
    change = "" if each.change is None else minus(f"{each.change:+.0%}")
    return words["dossier.turn"].format(
        name=name, value=_factor_value(each.value, each.unit, words), change=change
    )
