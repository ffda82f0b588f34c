"""`machikoba trial correct`: a later word on a part or a measurement; the first one stays."""

from __future__ import annotations

from pathlib import Path

import click

from lab_controller.cli.door import ask, shared, show
from lab_controller.wire_operator import CorrectionRequest

ABOUT = {"part": "part_event", "measurement": "measurement"}
VERDICTS = ("good", "scrap", "rework", "unjudged", "void")


@click.command()
@click.argument("run")
@click.argument("about", type=click.Choice(tuple(ABOUT)))
@click.argument("number", type=click.IntRange(min=1))
@click.option("--verdict", type=click.Choice(VERDICTS), help="What the part is worth after all.")
@click.option("--value", type=float, help="What the gauge really showed.")
@click.option("--by", required=True, help="Who says so.")
@click.option("--why", required=True, help="Why; both stand in the record.")
@shared
def correct(
    run: str,
    about: str,
    number: int,
    verdict: str | None,
    value: float | None,
    by: str,
    why: str,
    data_dir: Path,
    lang: str,
    as_json: bool,
) -> None:
    """Correct part or measurement NUMBER of a RUN; `void` takes it back."""
    if (verdict is None) == (value is None):
        raise click.UsageError("--verdict or --value")
    words = {"row": number, "by": by, "why": why, "verdict": verdict, "value": value}
    fix = CorrectionRequest.model_validate({"about": ABOUT[about], **words})
    found = ask(data_dir, lang, lambda lab: lab.correct(run, fix))
    show(found, as_json, ("id", "state", "good", "scrap", "rework", "unjudged"))
