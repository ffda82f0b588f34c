"""The options and the exit codes of every subcommand that asks a lab; light, for `stop` waits."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lab_controller.cli.language import in_language

F = TypeVar("F", bound=Callable[..., Any])

REFUSED, NO_CONTROLLER = 1, 3


def shared(command: F) -> F:
    """The options every client subcommand takes: data folder, language, JSON."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        in_language,
        click.option(
            "--data",
            "data_dir",
            type=click.Path(path_type=Path, file_okay=False),
            default=lambda: os.environ.get("MACHIKOBA_DATA", "data"),
            help="The lab's data folder (or MACHIKOBA_DATA).",
        ),
    ):
        command = option(command)
    return command
