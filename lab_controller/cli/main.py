"""The command `machikoba`: thin, and quick to start – each subcommand imports what it needs."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    # name: (module in this package with a click command `command`, its line in the help)
    "booking": ("bookings", "Look at bookings and move them on."),
    "config": ("configs", "Look at the configuration."),
    "demo": ("demos", "A simulated lab on real wires, seeded with a day of bookings."),
    "device": ("devices", "Look at devices and send them commands."),
    "dossier": ("dossiers", "Prepare and make the purchase dossier of a trial."),
    "lease": ("leases", "See who holds equipment; take it over for maintenance or a demo."),
    "doctor": ("examining", "Check configuration, computer and connections; say what to do."),
    "metadata": ("metadata", "Print Datasette metadata for the lab's databases."),
    "export": ("exporting", "Export a trial: CSV, JSON, XLSX, Parquet, data package."),
    "report": ("reports", "Make the report of a trial: PDF, XLSX and CSV."),
    "serve": ("serving", "Run the lab: stopper, controller, web doors."),
    "serve-controller": ("controller", ""),  # what the stopper starts; not for people
    "sim": ("simulating", "Start the simulated lab of a profile."),
    "status": ("status", "Show the lab at a glance."),
    "stop": ("stopping", "Stop the whole lab, or one device. Not a safety function."),
    "trial": ("trials", "Look at trials, their runs and the runs' numbers."),
    "tui": ("console", "Open the staff console on a running lab."),
    "verify": ("verifying", "Prove a trial, a run or a report; show the first difference."),
}


class Lazy(click.Group):
    """Imports a subcommand's module only when it is asked for; the help needs none of them."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        found = import_module(f"lab_controller.cli.{COMMANDS[name][0]}").command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, line) for name, (_, line) in sorted(COMMANDS.items()) if line]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="machikoba-lab")
def main() -> None:
    """Machi-koba DX Lab: run the lab, its devices, bookings and trials.

    Software stop is not a safety function: in an emergency press the button at the machine.
    """
