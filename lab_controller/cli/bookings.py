"""`machikoba booking`: look, and take the steps of a booking's life."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from lab_controller.cli.door import ask, shared, show
from lab_controller.client import LabClient
from lab_controller.wire import BookingShape, Decision

COLUMNS = ("number", "start", "end", "equipment_name", "party_name", "state", "armed")
STEPS = ("confirm", "decline", "cancel", "check-in", "arm", "disarm", "check-out")


@click.group()
def command() -> None:
    """Look at bookings and move them on."""


@command.command("list")
@click.option("--days", default=1, show_default=True, type=click.IntRange(1, 366))
@shared
def list_bookings(days: int, data_dir: Path, lang: str, as_json: bool) -> None:
    """Bookings from now on (and those of the last 24 hours)."""

    async def question(lab: LabClient) -> list[BookingShape]:
        now: datetime = (await lab.lab()).now
        return await lab.bookings(now - timedelta(days=1), now + timedelta(days=days))

    show(ask(data_dir, lang, question), as_json, COLUMNS)


@command.command()
@click.argument("step", type=click.Choice(STEPS))
@click.argument("booking")
@click.option("--reason", default="")
@click.option("--people", type=int, default=None)
@shared
def step(
    step: str,
    booking: str,
    reason: str,
    people: int | None,
    data_dir: Path,
    lang: str,
    as_json: bool,
) -> None:
    """Take one STEP of a BOOKING, named by its number."""
    decision = Decision(reason=reason, head_count=people)
    show(ask(data_dir, lang, lambda lab: lab.decide(booking, step, decision)), as_json, COLUMNS)
