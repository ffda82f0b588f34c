"""`machikoba device conform`: prove a driver on its bench, in a process of its own.

The suite needs pytest, which the product itself does without.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import click

from lab_controller.cli.door import REFUSED, complain, refusal
from lab_controller.cli.language import in_language

SUITE = "equipment_drivers.conformance"
NEEDED = ("pytest", "pytest_asyncio", "pytest_timeout")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("driver")
@click.option("--bench", default="", help="MODULE:CLASS (default: the bench registered for it).")
@in_language
@click.argument("more", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST OPTION]...")
def conform(driver: str, bench: str, lang: str, more: tuple[str, ...]) -> None:
    """Prove a driver by the conformance suite: every check, over the real wire."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        complain(refusal(lang, "cli.conform_needs", {"missing": ", ".join(missing)}))
        sys.exit(REFUSED)
    options = ["--bench", bench] if bench else []
    done = subprocess.run([sys.executable, "-m", SUITE, driver, *options, *more], check=False)
    sys.exit(1 if done.returncode else 0)
