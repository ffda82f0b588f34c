"""`machikoba trial recompute`: the numbers once more from the record, to the byte."""

from __future__ import annotations

from pathlib import Path

import click

from lab_controller.cli.door import shared
from lab_controller.cli.verifying import ask_files, tell
from lab_controller.database import Database

GOOD = "cli.recomputed"


@click.command()
@click.argument("what", metavar="TRIAL|RUN")
@shared
def recompute(what: str, data_dir: Path, lang: str, as_json: bool) -> None:
    """Compute a trial's or run's numbers again from its record and compare them to the byte."""
    from lab_controller.services import proofs

    def question(lab: Database) -> dict[str, proofs.Recomputed]:
        runs = proofs.runs_of(lab, what)
        return {run: proofs.recompute(lab, data_dir, run) for run in runs}

    found = ask_files(data_dir, lang, question)
    good = {run: "cli.recomputed_older" if each.older else GOOD for run, each in found.items()}
    tell({run: each.differences for run, each in found.items()}, lang, as_json, good)
