"""Grants applied to the investment, each with its source said aloud, and the indices they ask."""

from __future__ import annotations

from collections.abc import Iterator

from trial_logs.blocks import (
    Block,
    callout,
    caption,
    heading,
    points,
    small,
    table_block,
    table_row,
    text_block,
    together,
)
from trial_logs.dossier.amounts import Words, number, share, years, yen
from trial_logs.dossier.content import DossierContent
from trial_logs.dossier.economics import Economics, Productivity, SubsidyVariant
from trial_logs.dossier.indices import grant_payback, labour_saving, productivity
from trial_logs.dossier.wording import check, step


def grant_pages(content: DossierContent, words: Words) -> Iterator[Block]:
    """Every scheme: sum and steps, or why it does not count; status and marks beside it."""
    if content.sheet is None:
        return
    yield heading(words["dossier.grants"])
    if not content.subsidies:
        yield text_block(words["dossier.no_grants"])
        return
    if not content.sheet.purposes:
        yield callout("alarm", "", words["dossier.no_purpose"])
    if any(not each.refused for each in content.subsidies):
        yield callout("alarm", "", words["subsidy.no_offer"])
    yield small(words["dossier.grants_on"].format(on=content.on.isoformat()))
    for variant in content.subsidies:
        if not variant.refused:
            yield together(list(_variant(variant, words)))
    refused = [each for each in content.subsidies if each.refused]
    if refused:
        rows = [_refused(each, words) for each in refused]
        names = ("grant", "grant_status", "reason")
        header = [words[f"dossier.column.{name}"] for name in names]
        yield caption(words["dossier.grants_refused"])
        yield table_block("LlL", header, rows)


def _refused(variant: SubsidyVariant, words: Words) -> Block:
    language = words["report.language"]
    row = table_row(
        variant.name[language],
        words[f"subsidy.status.{variant.status}"],
        words.get(variant.refused, variant.refused),
    )
    row["remark"] = _source(variant, words)
    return row


def _source(variant: SubsidyVariant, words: Words) -> str:
    language, source = words["report.language"], variant.source
    return words["dossier.grant_source"].format(
        issuer=variant.issuer[language],
        title=source["title"],
        publisher=source["publisher"],
        year=variant.fiscal_year,
        since=variant.valid_from.isoformat(),
        until=variant.valid_until.isoformat(),
    )


def _variant(variant: SubsidyVariant, words: Words) -> Iterator[Block]:
    language = words["report.language"]
    status = words[f"subsidy.status.{variant.status}"]
    name = variant.name[language]
    yield caption(words["dossier.grant_title"].format(name=name, status=status))
    yield small(_source(variant, words))
    rows = [table_row(step(each, words), yen(each.yen, words)) for each in variant.steps]
    if rows:
        rows[-1]["strong"] = True
    if variant.payback is not None:
        rows.append(table_row(words["payback.simple"], years(variant.payback, words)))
    header = [words["dossier.column.step"], words["dossier.column.yen"]]
    yield table_block("Lr", header, rows)
    marks = [words[f"subsidy.mark.{mark}"] for mark in variant.marks]
    said = [check(each, words) for each in variant.checks]
    asked = [each[language] for each in variant.conditions]
    if marks or said or asked:
        yield points([*marks, *said, *asked])


def index_pages(content: DossierContent, words: Words) -> Iterator[Block]:
    """省力化指数 and 労働生産性 as grant offices define them."""
    money = content.money
    if money is None or money.effect.total.estimate is None:
        return
    yield together([heading(words["dossier.indices"]), *_indices(money, words)])


def _indices(money: Economics, words: Words) -> Iterator[Block]:
    saving = labour_saving(money.effect)
    index = table_row(words["index.labour_saving"], share(saving.index, words))
    index["remark"] = words["dossier.index_inputs"].format(
        formula=words["index.labour_saving.formula"],
        before=number(saving.before_h, words),
        after=number(saving.after_h, words),
    )
    paid = table_row(words["payback.grant"], years(grant_payback(money.effect, money.sheet), words))
    paid["remark"] = words["payback.grant.formula"]
    rows = [index, paid]
    if money.sheet.growth is None:
        row = table_row(words["index.growth"], words["report.none"])
        row["remark"] = words["dossier.no_growth_plan"]
        rows.append(row)
    else:
        found = (productivity(money.sheet.growth, per) for per in ("worker", "hour"))
        rows += [_growth(each, words) for each in found if each.now_yen is not None]
    header = [words["dossier.column.item"], words["dossier.column.result"]]
    yield table_block("LR", header, rows)
    yield small(words["index.source"])


def _growth(found: Productivity, words: Words) -> Block:
    value = found.growth_percent
    text = words.get(found.code, found.code) if value is None else f"{value:.1f}%"
    row = table_row(words["index.growth"], text)
    suffix = "" if found.per == "worker" else "_hour"
    row["remark"] = words["dossier.growth_inputs"].format(
        formula=words[f"index.productivity{suffix}.formula"],
        now=yen(found.now_yen, words),
        planned=yen(found.planned_yen, words),
        years=found.years,
    )
    return row
