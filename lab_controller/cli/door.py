"""What every subcommand shares: where the lab is, how to ask it, how to say what came back.

Exit codes: 0 ok, 1 refused or failed, 2 usage, 3 no controller.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from lab_controller.client import LabClient, Refused, Unreachable
from lab_controller.i18n import text
from lab_controller.wire import ProblemShape, Shape

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

REFUSED, NO_CONTROLLER = 1, 3


def shared(command: F) -> F:
    """The options every client subcommand takes: data folder, language, JSON."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option(
            "--lang",
            type=click.Choice(["ja", "en"]),
            default=lambda: os.environ.get("MACHIKOBA_LANG", "ja"),
            help="Language of the texts.",
        ),
        click.option(
            "--data",
            "data_dir",
            type=click.Path(path_type=Path, file_okay=False),
            default=lambda: os.environ.get("MACHIKOBA_DATA", "data"),
            help="The lab's data folder (or MACHIKOBA_DATA).",
        ),
    ):
        command = option(command)
    return command


def ask(data_dir: Path, language: str, question: Callable[[LabClient], Awaitable[T]]) -> T:
    """Ask the running lab; say refusals and end with the right exit code."""

    async def run(client: LabClient) -> T:
        async with client as lab:
            return await question(lab)

    try:
        url = (data_dir / "controller.url").read_text(encoding="ascii").strip()
        client = LabClient.for_lab(url, data_dir / "staff.token", language=language)
    except OSError:
        no_controller(data_dir, language)
    try:
        return asyncio.run(run(client))
    except Refused as error:
        complain(error.refusal.text, error.refusal.problems)
    except OSError as error:
        complain(
            text(language, "cli.file_failed", {"file": error.filename, "cause": error.strerror})
        )
    except Unreachable:
        no_controller(data_dir, language)
    sys.exit(REFUSED)


def no_controller(data_dir: Path, language: str) -> NoReturn:
    """Nobody answers."""
    click.echo(text(language, "cli.no_controller", {"dir": data_dir}), err=True)
    sys.exit(NO_CONTROLLER)


def complain(sentence: str, problems: Iterable[ProblemShape] = ()) -> None:
    """Say on stderr why not, every problem on its own line."""
    click.echo(sentence, err=True)
    for problem in problems:
        where = f"{problem.field}: " if problem.field else ""
        click.echo(f"  - {where}{problem.text}", err=True)


def show(
    found: Shape | Iterable[Shape] | Mapping[str, Any], as_json: bool, columns: Iterable[str] = ()
) -> None:
    """Print what came back: JSON, or one line per row with the named columns."""
    rows = list(found) if not isinstance(found, Shape | Mapping) else [found]
    tables = [row.model_dump(mode="json") if isinstance(row, Shape) else dict(row) for row in rows]
    if as_json:
        body = tables[0] if isinstance(found, Shape | Mapping) else tables
        click.echo(json.dumps(body, ensure_ascii=False, indent=2))
        return
    names = list(columns) or list(tables[0] if tables else ())
    for row in tables:
        click.echo("\t".join(_plain(row.get(name)) for name in names))


def _plain(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
