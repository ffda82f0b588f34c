"""`machikoba demo`: the simulated lab with its console, or the whole story without one."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from lab_controller.cli.language import in_language
from lab_controller.demo.setup import DemoFailed
from lab_controller.i18n import say, text

CONSOLE_FACTOR = 5.0
GCODE = Path(__file__).resolve().parents[2] / "examples" / "gcode"
"""The story's sliced files, wherever the command is typed."""


@click.command()
@click.option("--headless", is_flag=True, help="Play the whole story at speed; no console.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="demo-out",
    show_default=True,
    help="Where --headless leaves report, data and ground truth.",
)
@click.option("--factor", type=float, default=None, help="How many times as fast as real time.")
@in_language
@click.option(
    "--gcode",
    type=click.Path(path_type=Path, file_okay=False),
    default=GCODE,
    show_default="examples/gcode",
    help="Where the story's sliced files lie.",
)
def command(headless: bool, out: Path, factor: float | None, lang: str, gcode: Path) -> None:
    """A simulated lab on real wires, seeded with a day of bookings."""
    if not headless and not sys.stdout.isatty():
        raise click.UsageError(text(lang, "demo.no_terminal"))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # a closed window ends the whole demo
    try:
        good = (
            _story(out, gcode, factor, lang)
            if headless
            else _console(factor or CONSOLE_FACTOR, lang)
        )
    except DemoFailed as error:
        click.echo(say(lang, error), err=True)
        sys.exit(1)
    except OSError as error:
        found = {"file": error.filename, "cause": error.strerror}
        click.echo(text(lang, "cli.file_failed", found), err=True)
        sys.exit(1)
    sys.exit(0 if good else 1)


def _story(out: Path, gcode: Path, factor: float | None, lang: str) -> bool:
    from lab_controller.demo import headless

    began = datetime.now(UTC)
    click.echo(text(lang, "demo.begins", {"dir": out}))

    def begin(name: str, now: datetime, _: str) -> None:
        seconds = (datetime.now(UTC) - began).total_seconds()
        shown = now.astimezone(headless.ZONE).strftime("%H:%M")
        click.echo(f"[{seconds:5.1f} s] {shown}  {text(lang, f'demo.step.{name}')}")

    good = headless.play(out, gcode, language=lang, factor=factor or headless.FACTOR, begin=begin)
    click.echo(text(lang, "demo.good" if good else "demo.bad", {"dir": out}))
    return good


def _console(factor: float, lang: str) -> bool:
    from lab_controller.clock import LabClock
    from lab_controller.demo import books, setup

    with tempfile.TemporaryDirectory(prefix="machikoba-") as folder:
        clock = LabClock.beginning(datetime.now(UTC), factor)
        click.echo(text(lang, "demo.starting"))
        with setup.running(Path(folder), clock, language=lang, seed=books.seed_day) as demo:
            where = {"url": demo.url, "dir": demo.data_dir}
            click.echo(text(lang, "demo.where", where))
            arguments = ["--url", demo.url, "--token-file", str(demo.data_dir / "staff.token")]
            arguments += ["--data", str(demo.data_dir), "--lang", lang]
            return subprocess.call([sys.executable, "-m", "tui", *arguments]) == 0
