"""`machikoba trial`: trials, their runs and the runs' numbers."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lab_controller.cli.amending import amend, versions
from lab_controller.cli.correcting import correct
from lab_controller.cli.door import ask, shared, show
from lab_controller.cli.planning import new, plan, templates
from lab_controller.cli.recomputing import recompute
from lab_controller.cli.rehearsing import rehearse
from lab_controller.cli.replaying import replay
from lab_controller.cli.sharing import attach, attachments, release


@click.group()
def command() -> None:
    """Look at trials."""


for each in (amend, correct, new, plan, recompute, replay, templates, versions):
    command.add_command(each)
for each in (attach, attachments, rehearse, release):
    command.add_command(each)


@command.command("list")
@shared
def list_trials(data_dir: Path, lang: str, as_json: bool) -> None:
    """All trials, newest first."""
    show(ask(data_dir, lang, lambda lab: lab.trials()), as_json, ("id", "equipment", "title"))


@command.command("show")
@click.argument("trial")
@shared
def show_trial(trial: str, data_dir: Path, lang: str, as_json: bool) -> None:
    """One trial with its runs."""
    found = ask(data_dir, lang, lambda lab: lab.trial(trial))
    if as_json:
        show(found, True)
        return
    show(found, False, ("id", "title", "question"))
    show(found.runs, False, ("id", "condition", "state", "good", "scrap", "unjudged"))


@command.command()
@click.argument("run")
@shared
def numbers(run: str, data_dir: Path, lang: str, as_json: bool) -> None:
    """The numbers of a RUN, computed from its evidence."""
    found = ask(data_dir, lang, lambda lab: lab.run_numbers(run))
    click.echo(json.dumps(found, ensure_ascii=False, indent=None if as_json else 2))
