"""`machikoba lease`: who holds which equipment, and staff taking it over."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import click

from lab_controller.cli.door import ask, shared, show
from lab_controller.client import LabClient, Refused
from lab_controller.wire import DeviceShape
from lab_controller.wire_ledger import LeaseShape

Held = TypeVar("Held", LeaseShape, DeviceShape)

COLUMNS = ("number", "equipment", "kind", "holder", "granted", "until", "by", "why")
ENDED = ("ended", "end_text", "ended_by", "note")


async def spoken(lab: LabClient, rows: Sequence[Held], column: str) -> list[Held]:
    """The rows with the number of a booking in a column instead of its id; for people."""
    numbers: dict[str, str] = {}
    for holder in {getattr(row, column) for row in rows} - {None}:
        with suppress(Refused):  # held by staff, not by a booking
            numbers[holder] = (await lab.booking(holder)).number
    return [
        row.model_copy(update={column: numbers.get(getattr(row, column), getattr(row, column))})
        for row in rows
    ]


@click.group()
def command() -> None:
    """Look at leases; take equipment over for maintenance or a demo."""


@command.command("list")
@click.argument("equipment", required=False)
@shared
def list_leases(equipment: str | None, data_dir: Path, lang: str, as_json: bool) -> None:
    """Who held which equipment, newest first."""

    async def question(lab: LabClient) -> list[LeaseShape]:
        rows = await lab.leases(equipment)
        return rows if as_json else await spoken(lab, rows, "holder")

    show(ask(data_dir, lang, question), as_json, (*COLUMNS, *ENDED))


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
