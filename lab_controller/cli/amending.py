"""`machikoba trial amend|versions`: another plan for a trial; the one before stays, and is told."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lab_controller.cli.door import REFUSED, ask, complain, shared, show
from lab_controller.cli.planning import at_their_lines, refusal_of
from lab_controller.client import LabClient
from lab_controller.plan_files import PlanFileInvalid, read_plan
from lab_controller.wire_trials import AmendRequest, TrialShape

COLUMNS = ("number", "made", "by", "why", "changed", "runs_before")


@click.command()
@click.argument("trial")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--why", required=True, help="Why; it stands in the record and in every report.")
@click.option(
    "--after-runs", is_flag=True, help="Although runs have been made; every report will say so."
)
@shared
def amend(
    trial: str, file: Path, why: str, after_runs: bool, data_dir: Path, lang: str, as_json: bool
) -> None:
    """Put the plan in FILE in force for a TRIAL (`trial plan TRIAL --export` writes one)."""

    try:
        wanted, lines = read_plan(file)
    except PlanFileInvalid as error:
        complain(refusal_of(error, lang))
        sys.exit(REFUSED)
    request = AmendRequest(plan=wanted, why=why, after_runs=after_runs)

    async def amended(lab: LabClient) -> TrialShape:
        with at_their_lines(lines, lang):
            return await lab.amend_plan(trial, request)

    found = ask(data_dir, lang, amended)
    show(found, as_json, ("id", "title", "plan_version"))


@click.command()
@click.argument("trial")
@shared
def versions(trial: str, data_dir: Path, lang: str, as_json: bool) -> None:
    """Every version of a TRIAL's plan: who changed what, why, and which runs came before."""
    found = ask(data_dir, lang, lambda lab: lab.plan_versions(trial))
    show(found, as_json, COLUMNS)
