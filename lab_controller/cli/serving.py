"""`machikoba serve`: the stopper, which starts the controller as its child."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from lab_controller import wiring
from lab_controller.cli.configs import tell_problems
from lab_controller.cli.language import in_language
from lab_controller.config import ConfigInvalid


@click.command()
@click.option("--config", type=click.Path(path_type=Path), default="lab.toml", show_default=True)
@click.option("--port", default=8700, type=int, show_default=True)
@in_language
@click.option("--no-restart", is_flag=True, help="Do not start a dead controller again.")
def command(config: Path, port: int, lang: str, no_restart: bool) -> None:
    """Run the lab: stopper, controller, web doors on this machine only."""
    try:
        settings = wiring.check(config)
    except ConfigInvalid as error:
        tell_problems(error, lang)
        sys.exit(1)
    settings.lab.data_dir.mkdir(parents=True, exist_ok=True)
    stopper = [sys.executable, "-m", "lab_controller.stopper", "--dir", str(settings.lab.data_dir)]
    controller = [sys.executable, "-m", "lab_controller", "serve-controller"]
    options = ["--config", str(config), "--port", str(port), "--lang", lang]
    # The stopper takes this process over: what is stopped by Ctrl-C or systemd is the stopper.
    extra = ["--no-restart"] if no_restart else []
    os.execv(sys.executable, [*stopper, *extra, "--", *controller, *options])
