"""A command of the ledger in words: a line of the list, and everything that is known of it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from rich.text import Text

from lab_controller.wire import CommandShape
from tui.lab_view import LabView
from tui.look import BAD, BOLD, COMMAND, DIM, GOOD, PLAIN, WARN, column, joined
from tui.texts import Texts

NARROW = {"at": 14, "device": 18, "verb": 14, "state": 12}
WIDE = {"at": 14, "device": 26, "verb": 18, "state": 14, "issuer": 20}
WIDE_FROM = 100


def widths_for(width: int) -> Mapping[str, int]:
    """The columns there is room for; the last takes the rest."""
    return WIDE if width >= WIDE_FROM else NARROW


def log_headings(widths: Mapping[str, int], t: Texts) -> Text:
    """The columns' names."""
    cells = [column(t(f"log.column.{name}"), width, DIM) for name, width in widths.items()]
    return Text("  ") + joined([*cells, Text(t("log.column.said"), DIM)])


def command_row(row: CommandShape, widths: Mapping[str, int], view: LabView, t: Texts) -> Text:
    """One line of the list."""
    issued = view.local(row.issued)
    word, style = t.word("command", row.state), COMMAND.get(row.state, WARN)
    if row.state == "unknown":
        word = f"{'v' if row.settlement else '!'} {word}"
        style = DIM if row.settlement else BAD
    cells = {
        "at": column(f"{issued.month}/{issued.day} {issued:%H:%M:%S}", widths["at"], DIM),
        "device": column(row.device_name or row.device, widths["device"], BOLD),
        "verb": column(t.word("verb", row.verb), widths["verb"], PLAIN),
        "state": column(word, widths["state"], style),
    }
    if "issuer" in widths:
        cells["issuer"] = column(row.issuer, widths["issuer"], DIM)
    said = settled_text(row, t) or row.text or row.answer
    return joined([*cells.values(), Text(said.replace("\n", " "), DIM)])


def settled_text(row: CommandShape, t: Texts) -> str:
    """What became known of a lost outcome."""
    return t.word("settled", row.settlement.outcome) if row.settlement else ""


def detail_lines(row: CommandShape, view: LabView, t: Texts, *, whole: bool = False) -> list[Text]:
    """Who, what, when, and what the machine said; `whole`: nothing is left out."""
    issued = view.local(row.issued)
    when = f"{t.day(issued)} {issued:%H:%M:%S}"
    if row.closed is not None:
        when += f" - {view.local(row.closed):%H:%M:%S}"
    lease = t("device.lease_number", n=row.lease) if row.lease is not None else ""
    lines = [
        Text.assemble(
            (f"{t.word('verb', row.verb)}  ", BOLD),
            (row.device_name or row.device, BOLD),
            (f"  {t.word('command', row.state)}", COMMAND.get(row.state, WARN)),
        ),
        Text(f"{when}  {row.issuer}  {lease}".rstrip(), DIM),
    ]
    if row.arguments:
        lines.append(Text(json.dumps(row.arguments, ensure_ascii=False), PLAIN))
    if row.text or row.answer:
        lines.append(Text(row.text or row.answer, PLAIN))
    if whole and row.text and row.answer:
        lines.append(Text(row.answer, DIM))
    found = row.settlement
    if found is not None:
        at = view.local(found.at)
        words = f"{t.word('settled', found.outcome)}  {found.by} {t.day(at)} {at:%H:%M}"
        lines.append(Text(f"{words}  {found.note}".rstrip(), GOOD))
    elif row.state == "unknown":
        lines.append(Text(t("log.look"), BAD))
    if whole:
        lines.append(Text(row.id, DIM))
    return lines
