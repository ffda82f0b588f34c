"""`machikoba metadata`: what Datasette needs to show the lab's databases in words."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click


@click.command()
@click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=lambda: os.environ.get("MACHIKOBA_DATA", "data"),
    help="The lab's data folder (or MACHIKOBA_DATA).",
)
def command(data_dir: Path) -> None:
    """Print Datasette metadata (titles, units, labels) for every database of a data folder."""
    from lab_controller.datasette import databases, fitted

    click.echo(json.dumps(fitted(databases(data_dir)), ensure_ascii=False, indent=2))
