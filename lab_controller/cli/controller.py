"""`machikoba serve-controller`: what the stopper starts as its child."""

from __future__ import annotations

import errno
import logging
import sys
from pathlib import Path

import click

from lab_controller.cli.configs import tell_problems
from lab_controller.config import ConfigInvalid
from lab_controller.errors import LabError
from lab_controller.i18n import say, text
from lab_controller.stopper.errors import StopFault


@click.command()
@click.option("--config", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--port", default=8700, type=int)
@click.option("--lang", default="ja")
def command(config: Path, port: int, lang: str) -> None:
    """Run the controller under the stopper (use `machikoba serve`)."""
    from lab_controller import serve

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for noisy in (
        "asyncua",
        "apscheduler",
        "httpx",
        "niquests",
        "urllib3_future",
        "homeassistant_api",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        serve.run(config, port=port)
    except ConfigInvalid as error:
        tell_problems(error, lang)
        sys.exit(1)
    except (LabError, StopFault) as error:
        click.echo(say(lang, error), err=True)
        sys.exit(1)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        click.echo(text(lang, "cli.port_taken", {"port": port}), err=True)
        sys.exit(1)
