"""`machikoba lease`: who holds which equipment, and staff taking it over."""

from __future__ import annotations

from pathlib import Path

import click

from lab_controller.cli.door import ask, shared, show

COLUMNS = ("number", "equipment", "kind", "holder", "granted", "until", "by", "why")
ENDED = ("ended", "end_text", "ended_by", "note")


@click.group()
def command() -> None:
    """Look at leases; take equipment over for maintenance or a demo."""


@command.command("list")
@click.argument("equipment", required=False)
@shared
def list_leases(equipment: str | None, data_dir: Path, lang: str, as_json: bool) -> None:
    """Who held which equipment, newest first."""
    rows = ask(data_dir, lang, lambda lab: lab.leases(equipment))
    show(rows, as_json, (*COLUMNS, *ENDED))


@command.command()
@click.argument("equipment")
@click.option("--reason", required=True, help="Why; it is written down.")
@click.option("--minutes", default=60, show_default=True, type=click.IntRange(1, 24 * 60))
@click.option("--demo", is_flag=True, help="For a demo: switch everything on.")
@shared
def take(
    equipment: str,
    reason: str,
    minutes: int,
    demo: bool,
    data_dir: Path,
    lang: str,
    as_json: bool,
) -> None:
    """Take EQUIPMENT for staff. Whoever has it loses it: what runs ends, in safe state."""
    kind = "demo" if demo else "maintenance"
    found = ask(data_dir, lang, lambda lab: lab.take(equipment, reason, minutes=minutes, kind=kind))
    show(found, as_json, COLUMNS)


@command.command()
@click.argument("equipment")
@shared
def release(equipment: str, data_dir: Path, lang: str, as_json: bool) -> None:
    """Give EQUIPMENT back; every device of it is brought to rest."""
    found = ask(data_dir, lang, lambda lab: lab.release(equipment))
    show(found, as_json, (*COLUMNS, *ENDED))
