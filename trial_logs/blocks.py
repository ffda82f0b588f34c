"""The building blocks of a report: JSON-able dicts that the typesetting template knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trial_logs.content import RunSection
from trial_logs.inference.interval import Interval
from trial_logs.model import Limit
from trial_logs.shown import cause, plain, with_interval, with_unit

Block = dict[str, Any]
Words = Mapping[str, str]


def heading(text: str) -> Block:
    """A heading of a chapter."""
    return {"kind": "heading", "text": text}


def small(text: str) -> Block:
    """A remark in small type."""
    return {"kind": "small", "text": text}


def caption(text: str) -> Block:
    """A heading within a chapter."""
    return {"kind": "caption", "text": text}


def points(items: list[str]) -> Block:
    """Short sentences, each its own point."""
    return {"kind": "points", "items": items}


def callout(tone: str, title: str, text: str) -> Block:
    """A box that must not be overlooked; tones: answer, note, alarm."""
    return {"kind": "callout", "tone": tone, "title": title, "text": text}


def capped(
    columns: str, header: list[str], rows: list[Block], most: int, words: Words
) -> Iterator[Block]:
    """A table of at most so many rows, and how many more stand in the files beside the document."""
    yield table_block(columns, header, rows[:most])
    if len(rows) > most:
        yield small(words["report.more_rows"].format(count=len(rows) - most))


class Footnotes:
    """What to know about numbers of a table: a mark behind each, the words once below it."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._codes: list[str] = []

    def marked(self, text: str, *codes: str) -> str:
        """The text with the marks of its codes behind it."""
        for code in filter(None, codes):
            if code not in self._codes:
                self._codes.append(code)
            text = f"{text} *{self._codes.index(code) + 1}"
        return text

    def interval(self, number: Interval, write: str) -> str:
        """A number with its interval and the mark of what to know about it."""
        return self.marked(with_interval(number, write, self._words), number.code)

    def block(self) -> list[Block]:
        """The footnotes, if there are any."""
        lines = [f"*{n} {self._words.get(code, code)}" for n, code in enumerate(self._codes, 1)]
        return [small("　".join(lines))] if lines else []


def together(blocks: list[Block]) -> Block:
    """Blocks that stay on one page."""
    return {"kind": "together", "blocks": blocks}


def table_block(columns: str, header: list[str], rows: list[Block]) -> Block:
    """`columns`: a letter each, l(eft) r(ight) c(entre); capitals share the rest; N: the names."""
    return {"kind": "table", "columns": list(columns), "header": header, "rows": rows}


def table_row(*cells: str) -> Block:
    """One line of a table."""
    return {"cells": list(cells)}


def table_group(name: str) -> Block:
    """A heading within a table, above the lines it is about."""
    return {"group": name}


def run_name(run: RunSection, words: Words) -> str:
    """What a run is called in the report."""
    return words["report.run"].format(number=run.number)


def run_state(run: RunSection, words: Words) -> str:
    """How a run stands or ended, with the reason where one was given."""
    state = words[f"run_state.{run.state}"]
    why = cause(run.cause, words)
    return words["report.state_why"].format(state=state, cause=why) if why else state


def text_block(text: str) -> Block:
    """A paragraph."""
    return {"kind": "text", "text": text}


def limit_text(limit: Limit) -> str:
    """An acceptance limit as people write it: 20 ± 0.1 mm, 19.9–20.1 mm, ≤ 3.2 µm."""
    if limit.nominal is not None and limit.tolerance is not None:
        return with_unit(f"{plain(limit.nominal)} ± {plain(limit.tolerance)}", limit.unit)
    if limit.lower is None or limit.upper is None:
        sign, side = ("≤", limit.upper) if limit.lower is None else ("≥", limit.lower)
        return with_unit(f"{sign} {'' if side is None else plain(side)}", limit.unit)
    return with_unit(f"{plain(limit.lower)}–{plain(limit.upper)}", limit.unit)
