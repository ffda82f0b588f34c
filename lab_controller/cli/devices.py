"""`machikoba device`: what the machines do, and one command to one of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lab_controller.cli.door import ask, shared, show


@click.group()
def command() -> None:
    """Look at devices and send them commands."""


@command.command("list")
@shared
def list_devices(data_dir: Path, lang: str, as_json: bool) -> None:
    """All devices on their three axes."""
    found = ask(data_dir, lang, lambda lab: lab.devices())
    show(found, as_json, ("id", "name", "link", "operation", "safety", "lease_holder"))


@command.command("show")
@click.argument("device")
@shared
def show_device(device: str, data_dir: Path, lang: str, as_json: bool) -> None:
    """One device with its values, their quality and their age."""
    found = ask(data_dir, lang, lambda lab: lab.device(device))
    if as_json:
        show(found, True)
        return
    show(found, False, ("id", "name", "link", "link_text", "operation", "safety", "estop"))
    show(found.readings, False, ("signal", "value", "unit", "quality", "age_s", "stale"))


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
    """Send one command, e.g. `device send printer1 set_bed celsius=60`."""
    given = dict(_pair(one) for one in arguments)
    row = ask(data_dir, lang, lambda lab: lab.command(device, verb, given, wait=not no_wait))
    show(row, as_json, ("id", "device", "verb", "state", "code", "answer"))


@command.command()
@click.argument("device", required=False)
@shared
def log(device: str | None, data_dir: Path, lang: str, as_json: bool) -> None:
    """Who did what to which machine, when, and what it said."""
    rows = ask(data_dir, lang, lambda lab: lab.command_log(device))
    show(rows, as_json, ("issued", "device", "verb", "issuer", "state", "code", "answer"))


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text}: KEY=VALUE")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value
