"""`machikoba verify`: prove records and reports against what lab.db took; works offline."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import click

from lab_controller.cli.door import REFUSED, complain, refusal, shared
from lab_controller.database import Database, StorageFailed
from lab_controller.errors import LabError
from lab_controller.i18n import say, text
from lab_controller.lab_books import lab_books
from trial_logs.errors import TrialError
from trial_logs.proof import Difference

Found = dict[str, list[Difference]]
T = TypeVar("T")


@click.command()
@click.argument("what")
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Another copy of the RUN's record: tells the very row and column that differ.",
)
@shared
def command(what: str, against: Path | None, data_dir: Path, lang: str, as_json: bool) -> None:
    """Verify WHAT: a trial, a run, a report's file or folder, or the code printed on a report."""
    from lab_controller.services.proofs import compare, prove

    def question(lab: Database) -> Found:
        if against is None:
            return prove(lab, data_dir, what)
        return {what: compare(lab, data_dir, what, against)}

    found = ask_files(data_dir, lang, question)
    # a number of a trial or run has no dot
    good = {name: "cli.verified_file" if "." in name else "cli.verified" for name in found}
    tell(found, lang, as_json, good)


def ask_files(data_dir: Path, lang: str, question: Callable[[Database], T]) -> T:
    """Ask the lab's files, whether a controller runs or not; say refusals and end."""
    try:
        with lab_books(data_dir) as lab:
            return question(lab)
    except (TrialError, LabError) as error:
        if isinstance(error, StorageFailed):
            click.echo(say(lang, error), err=True)
        else:
            complain(refusal(lang, error.code, error.params))
    except OSError as error:
        params = {"file": error.filename, "cause": error.strerror}
        complain(refusal(lang, "cli.file_failed", params))
    sys.exit(REFUSED)


def tell(found: Found, lang: str, as_json: bool, good: Mapping[str, str]) -> None:
    """Print what was found, of each thing the first difference, and end with the right code.

    `good` is what is said of each where nothing differs.
    """
    if as_json:
        rows = {
            name: [{"code": one.code, "params": dict(one.params)} for one in differences]
            for name, differences in found.items()
        }
        click.echo(json.dumps(rows, ensure_ascii=False))
    else:
        for name, differences in found.items():
            if not differences:
                click.echo(text(lang, good[name], {"run": name}))
                continue
            first, more = differences[0], len(differences) - 1
            click.echo(f"{name}: {text(lang, first.code, first.params)}", err=True)
            if more:
                click.echo(text(lang, "cli.verify_more", {"run": name, "count": more}), err=True)
    sys.exit(REFUSED if any(found.values()) else 0)
