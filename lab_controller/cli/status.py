"""`machikoba status`: the lab at a glance."""

from __future__ import annotations

from pathlib import Path

import click

from lab_controller.cli.door import ask, shared, show


@click.command()
@shared
def command(data_dir: Path, lang: str, as_json: bool) -> None:
    """Show the lab at a glance."""
    found = ask(data_dir, lang, lambda lab: lab.lab())
    show(found, as_json, ("name", "now", "permit", "latch"))
