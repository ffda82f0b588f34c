"""`machikoba verify`: prove a run's or a trial's evidence against what lab.db took, offline."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from lab_controller.cli.door import REFUSED, shared
from lab_controller.database import Database, StorageFailed, connect, storage_of
from lab_controller.i18n import say, text
from trial_logs import store
from trial_logs.errors import TrialError
from trial_logs.proof import Difference, verify


@click.command()
@click.argument("trial")
@shared
def command(trial: str, data_dir: Path, lang: str, as_json: bool) -> None:
    """Verify the evidence of every run of a TRIAL that has begun."""
    try:
        with storage_of(data_dir / "lab.db"):
            lab = connect(data_dir / "lab.db", read_only=True)
    except StorageFailed as error:
        click.echo(say(lang, error), err=True)
        sys.exit(REFUSED)
    try:
        recorded = [run for run in store.list_runs(lab, trial) if run.started is not None]
        found = {run.id: _check(lab, data_dir, run.id) for run in recorded}
        store.get_trial(lab, trial)
    except TrialError as error:
        click.echo(text(lang, error.code, error.params), err=True)
        sys.exit(REFUSED)
    finally:
        lab.close()
    _tell(found, lang, as_json)
    sys.exit(REFUSED if any(found.values()) else 0)


def _check(lab: Database, data_dir: Path, run: str) -> list[Difference]:
    heads = [head.head for head in store.recorded_heads(lab, run)]
    if not heads:
        return [Difference("evidence.not_closed", {"run": run})]
    path = data_dir / "evidence" / f"{run}.db"
    if not path.exists():
        return [Difference("evidence.missing_file", {"run": run})]
    evidence = connect(path, read_only=True)
    try:
        return verify(evidence, heads)
    finally:
        evidence.close()


def _tell(found: dict[str, list[Difference]], lang: str, as_json: bool) -> None:
    if as_json:
        rows = {
            run: [{"code": one.code, "params": dict(one.params)} for one in differences]
            for run, differences in found.items()
        }
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for run, differences in found.items():
        if not differences:
            click.echo(text(lang, "cli.verified", {"run": run}))
        for one in differences:
            click.echo(f"{run}: {text(lang, one.code, one.params)}", err=True)
