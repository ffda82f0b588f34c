"""`machikoba trial recompute`: the numbers once more from the record, to the byte."""

from __future__ import annotations

from pathlib import Path

import click

from lab_controller.cli.door import shared
from lab_controller.cli.verifying import Found, ask_files, tell
from lab_controller.database import Database


@click.command()
@click.argument("what", metavar="TRIAL|RUN")
@shared
def recompute(what: str, data_dir: Path, lang: str, as_json: bool) -> None:
    """Compute a trial's or run's numbers again from its record and compare them to the byte."""
    from lab_controller.services import proofs

    def question(lab: Database) -> Found:
        runs = proofs.runs_of(lab, what)
        return {run: proofs.recompute(lab, data_dir, run) for run in runs}

    tell(ask_files(data_dir, lang, question), lang, as_json, "cli.recomputed")
