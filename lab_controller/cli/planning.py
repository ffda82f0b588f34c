"""`machikoba trial templates|new|plan`: plans as files people can read, fill in and register."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from lab_controller.cli.door import REFUSED, ask, complain, refusal, shared, show, write_new
from lab_controller.cli.language import in_language
from lab_controller.client import LabClient, Refused
from lab_controller.config import ConfigProblem
from lab_controller.i18n import catalogue, text
from lab_controller.plan_files import PlanFileInvalid, line_of_field, read_plan
from lab_controller.wire import ProblemShape, Refusal
from lab_controller.wire_trials import TrialRequest, TrialShape
from trial_logs import plan_templates
from trial_logs.errors import TrialError
from trial_logs.plan_file import plan_text

LEFT = ("condition", "runs_planned", "runs_done", "runs_left", "parts_missing")


@click.command()
@in_language
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def templates(lang: str, as_json: bool) -> None:
    """Plans to begin with."""
    found = [plan_templates.template(name, lang) for name in plan_templates.NAMES]
    rows = [{"name": one.name, "title": one.title, "summary": one.summary} for one in found]
    show(rows, as_json, ("name", "title", "summary"))


@click.command()
@click.argument("booking")
@click.option("--template", "name", required=True, help="One of `machikoba trial templates`.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None)
@shared
def new(
    booking: str, name: str, out: Path | None, data_dir: Path, lang: str, as_json: bool
) -> None:
    """Write a commented plan file for a BOOKING to fill in."""
    try:
        found = plan_templates.template(name, lang)
    except TrialError as error:
        complain(refusal(lang, error.code, error.params))
        sys.exit(REFUSED)
    booked = ask(data_dir, lang, lambda lab: lab.booking(booking))
    plan = {"booking": booked.id, **found.plan}
    words = catalogue(lang)
    content = plan_text(plan, words, bring=found.bring, questions=found.baseline_questions)
    path = out or Path(f"{name}.toml")
    write_new(path, content, lang)
    if as_json:
        show({"file": str(path), "booking": booked.id, "template": name}, True)
        return
    click.echo(text(lang, "cli.plan_written", {"file": path}))


@click.command()
@click.argument("subject", metavar="FILE|TRIAL")
@click.option("--booking", default="", help="The booking the plan is for, if not the file's own.")
@click.option("--export", is_flag=True, help="Print the plan of a TRIAL as a plan file.")
@shared
def plan(
    subject: str, booking: str, export: bool, data_dir: Path, lang: str, as_json: bool
) -> None:
    """Register a plan FILE; with --export print the plan of a TRIAL."""
    if export:
        found = ask(data_dir, lang, lambda lab: lab.trial(subject))
        if as_json:
            show(found, True)
        else:
            click.echo(plan_text(found.model_dump(mode="json"), catalogue(lang)), nl=False)
        return
    try:
        wanted, lines = read_plan(Path(subject), booking)
    except PlanFileInvalid as error:
        complain(refusal_of(error, lang))
        sys.exit(REFUSED)
    created = ask(data_dir, lang, lambda lab: _register(lab, wanted, lines, lang))
    if as_json:
        show(created, True)
        return
    show(created, False, ("id", "title", "equipment"))
    if created.left is not None:
        show(created.left.conditions, False, LEFT)


async def _register(
    lab: LabClient, wanted: TrialRequest, lines: list[str], language: str
) -> TrialShape:
    with at_their_lines(lines, language):
        return await lab.create_trial(wanted)


@contextmanager
def at_their_lines(lines: list[str], language: str) -> Iterator[None]:
    """Problems of a plan come back with the line of the file they are on."""
    try:
        yield
    except Refused as no:
        placed = [
            each.model_copy(update={"field": _placed(each.field, lines, language)})
            for each in no.refusal.problems
        ]
        raise Refused(no.status, no.refusal.model_copy(update={"problems": placed})) from no


def _placed(field: str, lines: list[str], language: str) -> str:
    line = line_of_field(field, lines)
    return text(language, "cli.at_line", {"line": line, "key": field}) if line else field


def refusal_of(error: PlanFileInvalid, language: str) -> Refusal:
    """Every problem of a plan file, each with its line."""
    return refusal(language, error.code, error.params).model_copy(
        update={"problems": [_problem(each, language) for each in error.problems]}
    )


def _problem(found: ConfigProblem, language: str) -> ProblemShape:
    place = text(language, "cli.at_line", {"line": found.line, "key": found.key})
    return ProblemShape(
        code=found.code,
        # the place says the key already
        text=text(language, found.code, {"key": found.key, **found.params}).removeprefix(
            f"{found.key}: "
        ),
        field=place.strip() if found.line else found.key,
        params=dict(found.params),
    )
