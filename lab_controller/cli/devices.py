"""`machikoba device`: what the machines do, and one command to one of them."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from lab_controller.cli.browsing import browse, certificate
from lab_controller.cli.conforming import conform
from lab_controller.cli.door import ask, heading, plain, shared, show
from lab_controller.cli.importing import import_file
from lab_controller.cli.leases import spoken
from lab_controller.client import LabClient
from lab_controller.wire import CommandShape, DeviceShape

STATES = ("accepted", "sent", "done", "failed", "refused", "unknown", "unsettled")
LOG = ("issued", "device", "verb", "issuer", "state", "said", "id")
ONE = ("id", "issued", "device", "verb", "arguments", "issuer", "lease", "state", "closed", "said")
AGO = re.compile(r"(?P<number>\d+)(?P<unit>[mhd])")
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@click.group()
def command() -> None:
    """Look at devices and send them commands."""


command.add_command(browse)
command.add_command(certificate)
command.add_command(conform)

command.add_command(import_file)


@command.command("list")
@shared
def list_devices(data_dir: Path, lang: str, as_json: bool) -> None:
    """All devices on their three axes."""

    async def question(lab: LabClient) -> list[DeviceShape]:
        rows = await lab.devices()
        return rows if as_json else await spoken(lab, rows, "lease_holder")

    found = ask(data_dir, lang, question)
    show(found, as_json, ("id", "name", "link", "operation", "safety", "lease_holder", "estop"))


@command.command("show")
@click.argument("device")
@shared
def show_device(device: str, data_dir: Path, lang: str, as_json: bool) -> None:
    """One device with its values, their quality and their age."""
    found = ask(data_dir, lang, lambda lab: lab.device(device))
    if as_json:
        show(found, True)
        return
    axes = ("id", "name", "link", "link_text", "operation", "safety", "lease", "lease_holder")
    show(found, False, (*axes, "outcome_unknown", "stop_means", "estop"))
    for rows, columns in (
        (found.readings, ("signal", "value", "unit", "quality", "age_s", "stale")),
        (found.interlocks, ("name", "limit", "ok", "why")),
        (found.messages, ("at", "text")),
    ):
        if rows:
            click.echo()
            show(rows, False, columns)


@command.command()
@click.argument("device")
@shared
def reconnect(device: str, data_dir: Path, lang: str, as_json: bool) -> None:
    """Try a device's connection again now, also one given up for a wrong token or setting."""
    found = ask(data_dir, lang, lambda lab: lab.reconnect(device))
    show(found, as_json, ("id", "name", "link", "link_text"))


@command.command()
@click.argument("device")
@click.argument("verb")
@click.argument("arguments", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end of a long command.")
@shared
def send(
    device: str,
    verb: str,
    arguments: tuple[str, ...],
    no_wait: bool,
    data_dir: Path,
    lang: str,
    as_json: bool,
) -> None:
    """Send one command: `device send printer1 set_bed celsius=60`."""
    given = dict(_pair(one) for one in arguments)
    row = ask(data_dir, lang, lambda lab: lab.command(device, verb, given, wait=not no_wait))
    tell(row, as_json)


@command.command()
@click.argument("device", required=False)
@click.option("--state", type=click.Choice(STATES), help="Only these; unsettled: not looked into.")
@click.option("--since", default="", help="From when: 30m, 2h, 1d, 09:00 or 2026-11-20[T09:00].")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--job", default="", metavar="ID", help="One command and the end of its job's log.")
@click.option("--lines", default=40, show_default=True, type=click.IntRange(1, 1000))
@shared
def log(
    device: str | None,
    state: str | None,
    since: str,
    limit: int,
    job: str,
    lines: int,
    data_dir: Path,
    lang: str,
    as_json: bool,
) -> None:
    """Who did what to which machine, when, and what it said; newest first."""
    if job:
        _job(job, lines, data_dir, lang, as_json)
        return

    async def question(lab: LabClient) -> list[CommandShape]:
        start = None
        if since:
            about = await lab.lab()
            start = begin_of(since, about.now.astimezone(ZoneInfo(about.timezone)))
        return await lab.command_log(device, state=state, since=start, limit=limit)

    rows = ask(data_dir, lang, question)
    show(rows if as_json else [_row(one) for one in rows], as_json, LOG)


def _job(command: str, lines: int, data_dir: Path, lang: str, as_json: bool) -> None:
    row = ask(data_dir, lang, lambda lab: lab.command_row(command))
    found = ask(data_dir, lang, lambda lab: lab.job_log(command, lines))
    if as_json:
        show(row.model_dump(mode="json") | {"log": found.lines}, True)
        return
    tell(row, False)
    click.echo()
    for line in found.lines:
        click.echo(line)


@command.command()
@click.argument("command_id", metavar="COMMAND")
@click.option("--done/--not-done", "done", required=True, help="What you saw at the machine.")
@click.option("--note", required=True, help="What you saw, in your words; it is written down.")
@shared
def settle(
    command_id: str, done: bool, note: str, data_dir: Path, lang: str, as_json: bool
) -> None:
    """Say what became of a COMMAND whose outcome is unknown. Look at the machine first.

    Nothing is sent again; the command itself stays in the ledger as it is.
    """
    row = ask(data_dir, lang, lambda lab: lab.settle(command_id, carried_out=done, note=note))
    tell(row, as_json)


def tell(row: CommandShape, as_json: bool) -> None:
    """One command with what is known of it."""
    if as_json:
        show(row, True)
        return
    found = row.settlement
    show(_row(row) | {"closed": row.closed, "arguments": row.arguments}, False, ONE)
    if found is not None:
        words = f"{found.text} ({found.by} {plain(found.at)}) {found.note}"
        click.echo(f"{heading('settlement')}  {words}")


def _row(row: CommandShape) -> dict[str, Any]:
    """A command as people read it: one column for what was said of it."""
    settled = f"[{row.settlement.text}]" if row.settlement else ""
    said = " ".join(one for one in (row.text or row.answer, settled) if one)
    return row.model_dump() | {"said": said}


def begin_of(since: str, now: datetime) -> datetime:
    """The moment `since` means, seen from `now` in the lab's zone."""
    ago = AGO.fullmatch(since)
    if ago is not None:
        return now - int(ago["number"]) * UNITS[ago["unit"]]
    try:
        text = f"{now:%Y-%m-%d}T{since}" if re.fullmatch(r"\d\d:\d\d", since) else since
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{since}: 30m, 2h, 1d, 09:00, 2026-11-20[T09:00]") from error
    return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text}: KEY=VALUE")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value
