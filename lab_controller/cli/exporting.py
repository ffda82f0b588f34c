"""`machikoba export`: a trial's files, made from the lab's files whether it runs or not."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lab_controller.cli.configs import tell_problems
from lab_controller.cli.door import REFUSED
from lab_controller.cli.language import in_language
from lab_controller.cli.verifying import ask_files
from lab_controller.database import Database
from lab_controller.spoken_of import keep_others
from trial_logs.exports.folder import FILES, FORMATS, PDF

NAMES = (*FORMATS, "pdf")


def formats_of(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    """The names between the commas, each once; a usage error for any other."""
    names = tuple(dict.fromkeys(each.strip() for each in value.split(",") if each.strip()))
    unknown = [name for name in names if name not in NAMES]
    if unknown or not names:
        raise click.BadParameter(f"{', '.join(unknown) or value!r} ({', '.join(NAMES)})")
    return names


@click.command()
@click.argument("trial")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option(
    "--format",
    "formats",
    default="csv,json,xlsx,package",
    callback=formats_of,
    help="csv, json, xlsx, parquet, package, pdf; commas between.",
    show_default=True,
)
@click.option("--config", type=click.Path(path_type=Path), default="lab.toml", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@in_language
def command(
    trial: str, out: Path, formats: tuple[str, ...], config: Path, lang: str, as_json: bool
) -> None:
    """Export a TRIAL: csv, json, xlsx, parquet, package (CSV with datapackage.json), pdf."""
    from lab_controller import config as configs
    from lab_controller.services.reports import order_of, write_files

    try:
        settings = configs.load(config)
    except configs.ConfigInvalid as error:
        tell_problems(error, lang)
        raise SystemExit(REFUSED) from error

    def make(lab: Database) -> tuple[Path, ...]:
        keep_others(out, (PDF, *FILES), trial)
        return write_files(order_of(lab, settings, trial, lang, out, formats)).files

    files = ask_files(settings.lab.data_dir, lang, make)
    if as_json:
        click.echo(json.dumps([str(file) for file in files], ensure_ascii=False))
        return
    for file in files:
        click.echo(file)
