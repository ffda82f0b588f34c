"""`machikoba dossier`: the investment sheet of a trial, and the grant packs it is set against."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from lab_controller.cli.door import REFUSED, ask, complain, refusal, shared, show, write_new
from lab_controller.cli.importing import decoded
from lab_controller.cli.language import in_language
from lab_controller.client import LabClient
from lab_controller.i18n import text
from lab_controller.toml_lines import key_of, line_of
from lab_controller.wire import ProblemShape
from lab_controller.wire_trials import DossierRequest
from trial_logs import texts
from trial_logs.dossier import investment
from trial_logs.errors import Invalid, Problem

PACK_COLUMNS = (
    "id", "name", "validity_text", "valid_from", "valid_until", "status_text", "source",
)  # fmt: skip
MAKE = "make"


class OrTrial(click.Group):
    """`machikoba dossier TRIAL` is short for `machikoba dossier make TRIAL`."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        short = MAKE in self.commands and args[0] not in self.commands
        return super().resolve_command(context, [MAKE, *args] if short else args)


@click.group(cls=OrTrial)
def command() -> None:
    """Prepare and make the purchase dossier of a trial."""


@command.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default="sheet.toml")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@in_language
def sheet(out: Path, lang: str, as_json: bool) -> None:
    """Write an investment sheet to fill in."""
    write_new(out, investment.template(texts.load(lang)), lang)
    if as_json:
        show({"file": str(out)}, True)
        return
    click.echo(out)


@command.command()
@click.argument("trial")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@shared
def enter(trial: str, file: Path, data_dir: Path, lang: str, as_json: bool) -> None:
    """Enter the investment sheet FILE of a TRIAL; the newest counts, older ones stay."""
    try:
        written = decoded(file.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or error
        complain(refusal(lang, "cli.file_failed", {"file": file, "cause": cause}))
        sys.exit(REFUSED)
    try:
        table = investment.table_of(investment.parse(written))
    except Invalid as error:
        lines = written.splitlines()
        problems = [_with_line(problem, lines, lang) for problem in error.problems]
        said = refusal(lang, error.code, error.params)
        complain(said.model_copy(update={"problems": problems}))
        sys.exit(REFUSED)
    show(ask(data_dir, lang, lambda lab: lab.enter_sheet(trial, table)), as_json, SHEET_COLUMNS)


SHEET_COLUMNS = ("trial", "entered", "by")


@command.command(MAKE)
@click.argument("trial")
@click.option("--with", "others", multiple=True, metavar="TRIAL", help="A trial set beside it.")
@click.option("--condition", default="", help="The condition to buy.")
@click.option("--out", type=click.Path(path_type=Path), default=".", show_default=True)
@shared
def make(
    trial: str,
    others: tuple[str, ...],
    condition: str,
    out: Path,
    data_dir: Path,
    lang: str,
    as_json: bool,
) -> None:
    """Make the purchase dossier of a TRIAL (導入検討書) as a PDF."""
    wanted = DossierRequest(others=list(others), condition=condition)

    async def fetch(lab: LabClient) -> tuple[list[Path], list[str]]:
        await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
        made = await lab.make_dossier(trial, wanted)
        paths = []
        for name in made.files:
            path = out / f"{trial}-{name}"
            path.write_bytes(await lab.dossier_file(trial, name))
            paths.append(path)
        return paths, made.warnings

    paths, warnings = ask(data_dir, lang, fetch)
    if as_json:
        show({"files": [str(path) for path in paths], "warnings": warnings}, True)
        return
    for path in paths:
        click.echo(path)
    for warning in warnings:
        click.echo(warning, err=True)


@command.command()
@shared
def packs(data_dir: Path, lang: str, as_json: bool) -> None:
    """The packs of grant rules: whether they count today, and how good their source is."""
    show(ask(data_dir, lang, lambda lab: lab.grant_packs()), as_json, PACK_COLUMNS)


def _with_line(problem: Problem, lines: list[str], language: str) -> ProblemShape:
    """A problem of a file as it is shown: with the line its key stands on."""
    line = line_of(key_of(problem.field), lines) if problem.field else None
    place = text(language, "cli.at_line", {"line": line, "key": ""}).strip() if line else ""
    return ProblemShape(
        code=problem.code,
        text=text(language, problem.code, problem.params),
        field=place,
        params=problem.params,
    )
