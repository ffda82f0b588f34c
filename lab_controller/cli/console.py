"""`machikoba tui`: the staff console as its own process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from lab_controller.cli.door import no_controller
from lab_controller.cli.language import in_language


@click.command()
@click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=lambda: os.environ.get("MACHIKOBA_DATA", "data"),
    help="The lab's data folder (or MACHIKOBA_DATA).",
)
@in_language
@click.option("--readonly", is_flag=True, help="Show only; nothing can be changed.")
def command(data_dir: Path, lang: str, readonly: bool) -> None:
    """Open the staff console on a running lab."""
    address = data_dir / "controller.url"
    if not address.exists():
        no_controller(data_dir, lang)
    arguments = ["--url", address.read_text().strip()]
    arguments += ["--token-file", str(data_dir / "staff.token"), "--lang", lang]
    arguments += ["--data", str(data_dir)]
    arguments += ["--readonly"] if readonly else []
    os.execv(sys.executable, [sys.executable, "-m", "tui", *arguments])
