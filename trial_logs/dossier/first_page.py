"""Page 1: what a manager reads in one minute."""

from __future__ import annotations

from collections.abc import Iterator

from trial_logs.blocks import (
    Block,
    Footnotes,
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
from trial_logs.dossier.amounts import (
    Words,
    number,
    round_yen,
    span,
    whole_hours_saved,
    year_ends,
    years,
    yen,
)
from trial_logs.dossier.content import DossierContent
from trial_logs.dossier.economics import Economics, SubsidyVariant, Yen
from trial_logs.dossier.findings import Finding
from trial_logs.dossier.task_words import task_card, task_difference, task_of, task_times
from trial_logs.dossier.verdict import answer, doubts, next_step
from trial_logs.inference.interval import Interval
from trial_logs.shown import POINTS, minus, one_decimal

MOST_DOUBTS = 5
MOST_GRANTS = 2
LONGEST_QUESTION = 150
"""Characters of the question on page 1; a longer one stands whole behind it."""


def first_page(content: DossierContent, words: Words) -> Iterator[Block]:
    """Question, answer, four numbers, before and after, grants, doubts, next step."""
    yield heading(words["dossier.summary"])
    question = content.report.question or words["dossier.no_question"]
    if len(question) > LONGEST_QUESTION:
        question = f"{question[:LONGEST_QUESTION]}…"
    yield text_block(words["dossier.question"].format(question=question))
    yield callout("answer", words["dossier.answer"], answer(content, words))
    if content.finding is not None:
        yield _cards(content, content.finding, words)
        yield from _before_and_after(content, content.finding, words)
    yield from _grants(content, words)
    lines = list(dict.fromkeys(doubts(content, words)))
    if lines:
        grants = any(not each.refused for each in content.subsidies)
        most = MOST_DOUBTS - MOST_GRANTS if grants else MOST_DOUBTS  # all of it is one page
        shown = lines[:most]
        if len(lines) > most:
            shown.append(words["dossier.more_doubts"].format(count=len(lines) - most))
        yield together([caption(words["dossier.doubts"]), points(shown)])
    yield callout("note", words["dossier.next"], next_step(content).text(words))


def _cards(content: DossierContent, finding: Finding, words: Words) -> Block:
    mean, before = finding.tried.cycle_s, content.before.cycle_s
    none = words["report.none"]
    was = none if before is None or before.estimate is None else one_decimal(before.estimate)
    value, note = words["dossier.card.not_measured"], ""
    if mean.estimate is not None:
        after = one_decimal(mean.estimate)
        value = words["dossier.card.cycle_value"].format(before=was, after=after)
        note = words["dossier.card.n"].format(n=mean.n)
    elif was != none:
        note = words["dossier.card.before_only"].format(before=was)
    cards = [{"name": words["dossier.card.cycle"], "value": value, "note": note}]
    if task := task_of(content):
        cards = [task_card(task, finding.runs, words)]
    money = content.money
    if money is not None:
        cards += _money_cards(money, words)
    else:
        note = words["dossier.card.no_sheet"]
        cards += [
            {"name": words[f"dossier.card.{name}"], "value": none, "note": note}
            for name in ("outlay", "effect", "payback")
        ]
    return {"kind": "cards", "cards": cards}


def _money_cards(money: Economics, words: Words) -> list[dict[str, str]]:
    total, spread = money.effect.total, money.payback.years
    none = words["report.none"]
    ends = year_ends(spread, words)
    code = words.get(spread.code, spread.code)
    return [
        {
            "name": words["dossier.card.outlay"],
            "value": round_yen(money.outlay_yen, words),
            "note": words["dossier.card.without_tax"],
        },
        {
            "name": words["dossier.card.effect"],
            "value": none if total.estimate is None else round_yen(total.estimate, words),
            "note": _effect_note(total, words),
        },
        {
            "name": words["dossier.card.payback"],
            "value": none
            if spread.estimate is None
            else words["dossier.years"].format(years=f"{spread.estimate:.1f}"),
            "note": words["dossier.card.ends"].format(ends=ends) if ends else code,
        },
    ]


def _effect_note(total: Yen, words: Words) -> str:
    if total.low is None or total.high is None:
        return words.get(total.code, total.code)
    low, high = (round_yen(each, words) for each in (total.low, total.high))
    return words["dossier.card.ends"].format(ends=span(low, high, words))


def _before_and_after(content: DossierContent, finding: Finding, words: Words) -> Iterator[Block]:
    before, tried = content.before, finding.tried
    against = finding.against
    none, notes = words["report.none"], Footnotes(words)

    def shown(found: Interval | None, write: str) -> str:
        return none if found is None else notes.interval(found, write)

    def difference(name: str, write: str) -> str:
        found = getattr(against, name) if against else None
        return shown(found.difference if found else None, write)

    if task := task_of(content):
        told = task_times(task, finding.runs, words)
        less = task_difference(task, finding.runs, words)
        rows = [table_row(words["dossier.task.row"], *told, less)]
    else:
        rows = [
            table_row(
                words["dossier.row.cycle"],
                shown(before.cycle_s, "1"),
                shown(tried.cycle_s, "1"),
                difference("cycle_s", "1"),
            ),
            table_row(
                words["dossier.row.scrap"],
                shown(before.scrap_share, "%"),
                shown(finding.inference.scrap_share, "%"),
                difference("scrap_share", POINTS),
            ),
        ]
    money = content.money
    if money is not None and money.effect.hours_before.estimate is not None:
        effect = money.effect
        saved = whole_hours_saved(effect).estimate
        rows.append(
            table_row(
                words["dossier.row.hours"],
                number(effect.hours_before, words),
                number(effect.hours_after, words),
                none if saved is None else minus(f"{-saved:,.0f}"),
            )
        )
    names = ("", words["dossier.before"], finding.condition, words["dossier.difference"])
    yield table_block("LRRR", list(names), rows)
    yield from notes.block()


def _grants(content: DossierContent, words: Words) -> Iterator[Block]:
    counted = [each for each in content.subsidies if not each.refused]
    if content.sheet is not None and not content.sheet.purposes:
        yield text_block(words["dossier.no_purpose"])
        return
    if not counted:
        if content.subsidies:
            count = len(content.subsidies)
            yield small(words["dossier.no_grant_fits"].format(count=count))
        return
    rows = [_grant_row(each, words) for each in counted[:MOST_GRANTS]]
    names = ("grant", "grant_yen", "own_yen", "payback", "grant_status")
    header = [words[f"dossier.column.{name}"] for name in names]
    more = len(counted) - MOST_GRANTS
    note = words["subsidy.no_offer"]
    if more > 0:
        note += words["dossier.more_grants"].format(count=more)
    yield together([table_block("LrrrL", header, rows), small(note)])


def _grant_row(variant: SubsidyVariant, words: Words) -> Block:
    language = words["report.language"]
    payback = variant.payback
    return table_row(
        variant.name[language],
        yen(variant.subsidy_yen, words),
        yen(variant.own_yen, words),
        words["report.none"] if payback is None else years(payback, words),
        words[f"subsidy.status.{variant.status}"],
    )
