"""The command `machikoba`: thin, and quick to start – each subcommand imports what it needs."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    # name: module below this package; each has a click command called `command`
    "booking": "bookings",
    "config": "configs",
    "demo": "demos",
    "device": "devices",
    "report": "reports",
    "serve": "serving",
    "serve-controller": "controller",
    "sim": "simulating",
    "status": "status",
    "stop": "stopping",
    "trial": "trials",
    "tui": "console",
    "verify": "verifying",
}
HIDDEN = {"serve-controller"}


class Lazy(click.Group):
    """Imports a subcommand's module only when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        found = import_module(f"lab_controller.cli.{COMMANDS[name]}").command
        assert isinstance(found, click.Command)
        found.hidden = name in HIDDEN
        return found


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="machikoba-lab")
def main() -> None:
    """Machi-koba DX Lab: run the lab, its devices, bookings and trials.

    Software stop is not a safety function: in an emergency press the button at the machine.
    """
