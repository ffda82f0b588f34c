"""What every subcommand shares: where the lab is, how to ask it, how to say what came back.

Exit codes: 0 ok, 1 refused or failed, 2 usage, 3 no controller.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from unicodedata import east_asian_width
from zoneinfo import ZoneInfo

import click

from lab_controller.cli.options import NO_CONTROLLER as NO_CONTROLLER
from lab_controller.cli.options import REFUSED as REFUSED
from lab_controller.cli.options import shared as shared
from lab_controller.client import LabClient, Refused, Unreachable
from lab_controller.i18n import text
from lab_controller.wire import Refusal, Shape

T = TypeVar("T")

ZONE = "machikoba.zone"
WORDS = {
    "link": ("link.",),
    "operation": ("operation.",),
    "safety": ("safety.",),
    "state": ("booking.state.", "run_state."),
}
"""Columns of codes that people read as a word, each with what the names of its texts begin with."""


def ask(data_dir: Path, language: str, question: Callable[[LabClient], Awaitable[T]]) -> T:
    """Ask the running lab; say refusals and end with the right exit code."""

    async def run(client: LabClient) -> T:
        async with client as lab:
            answer = await question(lab)
            if not wants_json():
                click.get_current_context().meta[ZONE] = ZoneInfo((await lab.lab()).timezone)
            return answer

    try:
        url = (data_dir / "controller.url").read_text(encoding="ascii").strip()
        client = LabClient.for_lab(url, data_dir / "staff.token", language=language)
    except OSError:
        no_controller(data_dir, language)
    try:
        return asyncio.run(run(client))
    except Refused as error:
        complain(error.refusal)
    except OSError as error:
        params = {"file": error.filename, "cause": error.strerror}
        complain(refusal(language, "cli.file_failed", params))
    except Unreachable:
        no_controller(data_dir, language)
    sys.exit(REFUSED)


def write_new(path: Path, content: str, language: str) -> None:
    """Write a file that is not there yet; one that is may hold somebody's work."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        complain(refusal(language, "cli.file_exists", {"file": path}))
        sys.exit(REFUSED)
    except OSError as error:
        params = {"file": path, "cause": error.strerror}
        complain(refusal(language, "cli.file_failed", params))
        sys.exit(REFUSED)


def wants_json() -> bool:
    """Whether the subcommand was called with --json."""
    context = click.get_current_context(silent=True)
    return bool(context and context.params.get("as_json"))


def zone() -> tzinfo:
    """The lab's zone, once it has been asked; times are only shown in it."""
    known: tzinfo = click.get_current_context().meta.get(ZONE, UTC)
    return known


def refusal(language: str, code: str, params: Mapping[str, object]) -> Refusal:
    """A no of the command line itself."""
    shown = {key: str(value) for key, value in params.items()}
    return Refusal(code=code, text=text(language, code, shown), params=shown)


def no_controller(data_dir: Path, language: str) -> NoReturn:
    """Nobody answers."""
    complain(refusal(language, "cli.no_controller", {"dir": data_dir}))
    sys.exit(NO_CONTROLLER)


def complain(why: Refusal) -> None:
    """Say on stderr why not, every problem on its own line; with --json the whole refusal."""
    if wants_json():
        click.echo(json.dumps(why.model_dump(mode="json"), ensure_ascii=False), err=True)
        return
    click.echo(why.text, err=True)
    for problem in why.problems:
        where = f"{problem.field}: " if problem.field else ""
        click.echo(f"  - {where}{problem.text}", err=True)


def show(
    found: Shape | Iterable[Shape | Mapping[str, Any]] | Mapping[str, Any],
    as_json: bool,
    columns: Iterable[str] = (),
) -> None:
    """Print what came back: JSON, a table with headings, or for one thing a line per column."""
    single = isinstance(found, Shape | Mapping)
    rows: list[Any] = [found] if single else list(found)
    if as_json:
        tables = [row.model_dump(mode="json") if isinstance(row, Shape) else row for row in rows]
        click.echo(json.dumps(tables[0] if single else tables, ensure_ascii=False, indent=2))
        return
    tables = [row.model_dump() if isinstance(row, Shape) else dict(row) for row in rows]
    names = list(columns) or list(tables[0] if tables else ())
    heads = [heading(name) for name in names]
    if single:
        for head, name in zip(heads, names, strict=True):
            click.echo(f"{fill(head, max(map(cells, heads)))}  {worded(name, tables[0].get(name))}")
        return
    lines = [heads, *([worded(name, row.get(name)) for name in names] for row in tables)]
    widths = [max(cells(line[at]) for line in lines) for at in range(len(names))]
    for line in lines:
        filled = (fill(cell, width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(filled).rstrip())


def heading(name: str) -> str:
    """A column's name in the reader's language."""
    language = click.get_current_context().params.get("lang", "ja")
    key = f"cli.column.{name}"
    found = text(language, key)
    return name if found == key else found


def worded(column: str, value: object) -> str:
    """One value of a column; a code people have a word for as that word."""
    language = click.get_current_context().params.get("lang", "ja")
    keys = (f"{kind}{value}" for kind in WORDS.get(column, ()))
    return next((found for key in keys if (found := text(language, key)) != key), plain(value))


def plain(value: object) -> str:
    """One value; times in the lab's zone."""
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        language = click.get_current_context().params.get("lang", "ja")
        return text(language, "export.yes" if value else "export.no")
    if isinstance(value, datetime):
        return f"{value.astimezone(zone()):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).replace("\n", " ")


def cells(words: str) -> int:
    """How many cells the words take on a terminal; Japanese takes two for each sign."""
    return sum(2 if east_asian_width(char) in "FW" else 1 for char in words)


def fill(words: str, width: int) -> str:
    """The words with blanks behind them."""
    return words + " " * max(0, width - cells(words))
