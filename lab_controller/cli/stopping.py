"""`machikoba stop`: straight to the stopper, also with the controller frozen or dead."""

from __future__ import annotations

import json
import sys
from getpass import getuser
from pathlib import Path
from typing import Any

import click

from lab_controller.cli.options import NO_CONTROLLER, REFUSED, shared
from lab_controller.i18n import say, text
from lab_controller.stopper.errors import StopFault, StopperUnreachable
from lab_controller.stopper.press import press


@click.command()
@click.argument("device", required=False)
@click.option("--reset", is_flag=True, help="Lift the stop after every device is verified.")
@click.option("--reason", default="", help="Why; a reset needs one.")
@shared
def command(
    device: str | None, reset: bool, reason: str, data_dir: Path, lang: str, as_json: bool
) -> None:
    """Stop the whole lab, or one DEVICE. Asks nothing. Not a safety function."""
    if reset:
        _reset(device, reason, data_dir, lang, as_json)
        return
    try:
        report = press(data_dir, device, by=f"cli:{getuser()}", reason=reason)
    except StopperUnreachable as error:
        click.echo(say(lang, error), err=True)
        for id, place in buttons_of(data_dir).items():
            click.echo(f"{id}  {text(lang, 'cli.button', {'place': place[lang]})}", err=True)
        click.echo(text(lang, "lab.stop_notice"), err=True)
        sys.exit(NO_CONTROLLER)
    except StopFault as error:
        click.echo(say(lang, error), err=True)
        sys.exit(REFUSED)
    tell(report, lang, as_json)
    failed = [one for one in report["devices"].values() if one["outcome"] == "FAILED"]
    sys.exit(REFUSED if failed else 0)


def _reset(device: str | None, reason: str, data_dir: Path, lang: str, as_json: bool) -> None:
    if not reason.strip():
        raise click.UsageError(text(lang, "cli.reset_reason"))
    from lab_controller.cli.door import ask, show  # a stop does without: it goes out sooner

    latch = ask(data_dir, lang, lambda lab: lab.reset(reason, device))
    if as_json:
        show(latch, True)
        return
    key = "cli.still_latched" if latch.latched else "cli.reset"
    click.echo(text(lang, key, {"scopes": ", ".join(latch.scopes)}))


def buttons_of(data_dir: Path) -> dict[str, dict[str, str]]:
    """Where each device's physical stop button is, as the last controller left it; else nothing."""
    try:
        return dict(json.loads((data_dir / "estop.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}  # what is left to do does not wait for a file that is missing or torn


def head(report: dict[str, Any], lang: str) -> str:
    """Who stopped what, when and why."""
    scope = report["device"] or text(lang, "cli.whole_lab")
    why = report["reason"] or text(lang, f"stop.cause.{report['cause']}")
    said = {"scope": scope, "by": report["by"], "why": why, "at": report["at"]}
    return text(lang, "cli.stopped", said)


def tell(report: dict[str, Any], lang: str, as_json: bool) -> None:
    """Who stopped what and why, what became of it on each device, and where its button is."""
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return
    click.echo(head(report, lang))
    for device, found in report["devices"].items():
        words = [text(lang, f"stop.outcome.{found['outcome']}")]
        if found["detail"]:
            words.append(text(lang, f"stop.detail.{found['detail']}"))
        place = found["estop"].get(lang)
        click.echo(f"{found['outcome']:<10}{device}  {' – '.join(words)}")
        if place:
            click.echo(f"{'':<10}{text(lang, 'cli.button', {'place': place})}")
    click.echo(text(lang, "lab.stop_notice"))
