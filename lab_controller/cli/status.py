"""`machikoba status`: the lab at a glance."""

from __future__ import annotations

from pathlib import Path

import click

from lab_controller.cli.door import ask, plain, shared, show
from lab_controller.i18n import text
from lab_controller.wire import LatchShape


@click.command()
@shared
def command(data_dir: Path, lang: str, as_json: bool) -> None:
    """Show the lab at a glance."""
    found = ask(data_dir, lang, lambda lab: lab.lab())
    if as_json:
        show(found, True)
        return
    told = {
        "permit": text(lang, "cli.stopper_there" if found.permit else "stop.no_permit"),
        "latch": latch_words(found.latch, lang),
    }
    show(found.model_dump() | told, False, ("name", "now", "permit", "latch"))


def latch_words(latch: LatchShape, lang: str) -> str:
    """Whether a stop stands: on what, by whom, since when, why, and how to go on."""
    if not latch.latched:
        return text(lang, "cli.not_latched")
    scopes = [text(lang, "cli.whole_lab") if each == "lab" else each for each in latch.scopes]
    why = latch.reason or text(lang, f"stop.cause.{latch.cause}")
    told = {"scopes": ", ".join(scopes), "by": latch.by, "at": plain(latch.at), "why": why}
    return text(lang, "cli.latched", told)
