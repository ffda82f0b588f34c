"""`machikoba trial rehearse`: a plan played on simulated equipment before anybody comes."""

from __future__ import annotations

import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab_controller.cli.demos import GCODE
from lab_controller.cli.door import REFUSED, complain, refusal, show
from lab_controller.cli.language import in_language
from lab_controller.cli.planning import refusal_of
from lab_controller.i18n import say, text
from lab_controller.plan_files import PlanFileInvalid, read_plan

if TYPE_CHECKING:  # what a rehearsal needs is imported when there is one
    from lab_controller.demo.rehearsal import Rehearsed

RUNS = ("condition", "state", "good", "scrap", "rework")


@click.command()
@click.argument("plan", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="rehearsal-out",
    show_default=True,
    help="Where the simulated lab lies and its report is left.",
)
@click.option("--parts", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option("--factor", type=click.FloatRange(1.0, 1000.0), default=100.0, show_default=True)
@click.option(
    "--gcode",
    type=click.Path(path_type=Path, file_okay=False),
    default=GCODE,
    show_default="examples/gcode",
    help="Where the sliced files for a printing plan lie.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@in_language
def rehearse(
    plan: Path, out: Path, parts: int, factor: float, gcode: Path, lang: str, as_json: bool
) -> None:
    """Play a PLAN file in a simulated lab; a few PARTS for each condition."""
    from lab_controller.demo import rehearsal
    from lab_controller.demo.setup import DemoFailed

    try:
        wanted, _ = read_plan(plan, "rehearsal")
    except PlanFileInvalid as error:
        complain(refusal_of(error, lang))
        sys.exit(REFUSED)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(REFUSED))

    def begin(name: str, now: datetime, about: str) -> None:
        said = text(lang, f"demo.step.{name}", {"condition": about})
        click.echo(f"{now.astimezone(rehearsal.ZONE):%H:%M}  {said}", err=as_json)

    try:
        played = rehearsal.rehearse(
            wanted, out, gcode, language=lang, parts=parts, factor=factor, begin=begin
        )
    except DemoFailed as error:
        click.echo(say(lang, error), err=True)
        sys.exit(REFUSED)
    except OSError as error:
        found = {"file": error.filename, "cause": error.strerror}
        complain(refusal(lang, "cli.file_failed", found))
        sys.exit(REFUSED)
    tell(played, out, lang, as_json)


def tell(played: Rehearsed, out: Path, lang: str, as_json: bool) -> None:
    """What was tried, what came of it, and what was not as the plan has it."""
    if as_json:
        told = {
            "simulated": True,
            "files": [str(file) for file in played.files],
            "runs": [run.model_dump(mode="json", include=set(RUNS)) for run in played.runs],
            "departures": [each._asdict() for each in played.departures],
        }
        show(told, True)
        return
    show(played.runs, False, RUNS)
    if played.departures:
        click.echo(text(lang, "rehearsal.departs"))
    for each in played.departures:
        click.echo(f"  - {text(lang, each.code, each.params)}")
    click.echo(text(lang, "rehearsal.done", {"dir": out, "count": len(played.files)}))
