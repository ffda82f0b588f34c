"""`machikoba sim`: a whole lab of simulated hardware on real wires."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


@click.command()
@click.option(
    "--profile", type=click.Path(path_type=Path), default="examples/lab-sim.toml", show_default=True
)
@click.option("--dir", "folder", type=click.Path(path_type=Path), default="sim", show_default=True)
@click.option("--clock", default="", help="A shared lab clock: START/FACTOR/ORIGIN.")
@click.option("--factor", type=float, default=None, help="Run so many times as fast as real time.")
def command(profile: Path, folder: Path, clock: str, factor: float | None) -> None:
    """Start the simulated lab of a profile and keep it until Ctrl-C."""
    folder.mkdir(parents=True, exist_ok=True)
    arguments = ["--profile", str(profile), "--dir", str(folder)]
    arguments += ["--clock", clock] if clock else []
    arguments += ["--factor", str(factor)] if factor else []
    os.execv(sys.executable, [sys.executable, "-m", "hardware_sim", *arguments])
