"""`machikoba report`: make a trial's report and fetch its files."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from lab_controller.cli.door import REFUSED, ask, complain, refusal, shared, show
from lab_controller.client import LabClient
from lab_controller.spoken_of import FolderTaken, keep_others
from trial_logs.exports.folder import FILES, PDF


@click.command()
@click.argument("trial")
@click.option("--out", type=click.Path(path_type=Path), default=".", show_default=True)
@shared
def command(trial: str, out: Path, data_dir: Path, lang: str, as_json: bool) -> None:
    """Make the report of a TRIAL: PDF, XLSX and CSV."""
    try:
        keep_others(out, (PDF, *FILES), trial)
    except FolderTaken as error:
        complain(refusal(lang, error.code, error.params))
        sys.exit(REFUSED)

    async def fetch(lab: LabClient) -> list[Path]:
        await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
        made = await lab.make_report(trial)
        paths = []
        for name in made.files:
            path = out / name
            path.write_bytes(await lab.report_file(trial, name))
            paths.append(path)
        return paths

    paths = ask(data_dir, lang, fetch)
    if as_json:
        show({"files": [str(path) for path in paths]}, True)
        return
    for path in paths:
        click.echo(path)
