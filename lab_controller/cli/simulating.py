"""`machikoba sim`: a whole lab of simulated hardware on real wires, and what goes wrong in it."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from lab_controller.cli.door import REFUSED, complain, refusal, show
from lab_controller.cli.language import in_language

F = TypeVar("F", bound=Callable[..., Any])
ANSWER_WITHIN_S = 5.0


def placed(command: F) -> F:
    """The options of the subcommands that speak to a running simulated lab."""
    folder = click.Path(path_type=Path)
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
    command = in_language(command)
    return click.option("--dir", "folder", type=folder, default="sim", show_default=True)(command)


@click.group(invoke_without_command=True)
@click.option(
    "--profile", type=click.Path(path_type=Path), default="examples/lab-sim.toml", show_default=True
)
@click.option("--dir", "folder", type=click.Path(path_type=Path), default="sim", show_default=True)
@click.option("--clock", default="", help="A shared lab clock: START/FACTOR/ORIGIN.")
@click.option("--factor", type=float, default=None, help="Run so many times as fast as real time.")
@click.pass_context
def command(
    context: click.Context, profile: Path, folder: Path, clock: str, factor: float | None
) -> None:
    """Start the simulated lab of a profile and keep it until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    arguments = ["--profile", str(profile), "--dir", str(folder)]
    arguments += ["--clock", clock] if clock else []
    arguments += ["--factor", str(factor)] if factor else []
    os.execv(sys.executable, [sys.executable, "-m", "hardware_sim", *arguments])


@command.command("faults")
@click.argument("sim", required=False)
@placed
def list_faults(sim: str | None, folder: Path, lang: str, as_json: bool) -> None:
    """What can be raised on a simulator (or on all), its parameters, and what is on now.

    Every fault also takes after_s, at (nth message), p (probability), times and for_s.
    """
    rows: list[dict[str, Any]] = []
    for name, port in _ports(folder, sim, lang).items():
        told = _ask(port, name, {"op": "faults"}, lang)
        for fault, about in told["faults"].items():
            on = told["active"].get(fault)
            params = about["params"] if on is None else on
            shown = " ".join(f"{key}={value}" for key, value in params.items() if value not in _OFF)
            state = "-" if on is None else "on"
            row = {"sim": name, "fault": fault, "state": state, "does": about["does"]}
            rows.append({**row, "params": params if as_json else shown})
    show(rows, as_json)


_OFF = (0.0, "")  # a parameter left alone says nothing


@command.command()
@click.argument("sim")
@click.argument("name")
@click.argument("parameters", nargs=-1, metavar="[KEY=VALUE]...")
@placed
def fault(
    sim: str, name: str, parameters: tuple[str, ...], folder: Path, lang: str, as_json: bool
) -> None:
    """Raise a fault: `sim fault cobot1 hang for_s=5`."""
    given = {key: value for key, _, value in (one.partition("=") for one in parameters)}
    for known, port in _ports(folder, sim, lang).items():
        told = _ask(port, known, {"op": "fault", **given, "name": name}, lang)
        show({"sim": known, "fault": told["name"], "params": told["params"]}, as_json)


@command.command()
@click.argument("sim")
@click.argument("name", required=False)
@placed
def clear(sim: str, name: str | None, folder: Path, lang: str, as_json: bool) -> None:
    """End one fault of a simulator, or all of them."""
    for known, port in _ports(folder, sim, lang).items():
        _ask(port, known, {"op": "clear", "name": name}, lang)
        show({"sim": known, "cleared": name}, as_json)


def _ports(folder: Path, sim: str | None, lang: str) -> dict[str, int]:
    """Control ports of the running lab, of one simulator or of all."""
    path = folder / "sim.json"
    try:
        sims = json.loads(path.read_text(encoding="utf-8"))["sims"]
    except OSError as error:
        complain(refusal(lang, "cli.no_sims", {"dir": folder, "cause": error.strerror}))
        sys.exit(REFUSED)
    if sim is not None and sim not in sims:
        complain(refusal(lang, "cli.unknown_sim", {"sim": sim, "known": ", ".join(sorted(sims))}))
        sys.exit(REFUSED)
    return {name: int(one["control"]) for name, one in sims.items() if sim in (None, name)}


def _ask(port: int, sim: str, request: Mapping[str, object], lang: str) -> dict[str, Any]:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_WITHIN_S) as line:
            line.sendall(json.dumps(request).encode() + b"\n")
            said = line.makefile("rb").readline()
    except OSError as error:
        complain(refusal(lang, "cli.sim_silent", {"sim": sim, "cause": error.strerror or error}))
        sys.exit(REFUSED)
    answer: dict[str, Any] = json.loads(said) if said else {"ok": False, "error": "-"}
    if not answer["ok"]:
        complain(refusal(lang, "cli.sim_refused", {"sim": sim, "cause": answer["error"]}))
        sys.exit(REFUSED)
    return answer
