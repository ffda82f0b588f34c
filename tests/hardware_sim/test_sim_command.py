"""`machikoba sim fault|faults|clear` on a running simulated lab."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lab_controller.cli.main import main

PROFILE = """
[[sim]]
id = "one"
kind = "gcode_printer"
[sim.options]
fault = ["mute:after_s=10000"]

[[sim]]
id = "two"
kind = "home_assistant_hub"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("sims")
    (home / "profile.toml").write_text(PROFILE, encoding="utf-8")
    command = [sys.executable, "-m", "hardware_sim", "--profile", str(home / "profile.toml")]
    with subprocess.Popen([*command, "--dir", str(home)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            assert process.stdout.readline()
            yield home
        finally:
            process.terminate()


def sim(folder: Path, *words: str) -> Result:
    command = ["sim", *words, "--dir", str(folder)]
    return CliRunner().invoke(main, command, catch_exceptions=False)


def state_of(folder: Path, name: str, fault: str) -> dict[str, Any]:
    rows = json.loads(sim(folder, "faults", name, "--json").stdout)
    return next(row for row in rows if row["fault"] == fault)


def test_every_fault_of_every_simulator_is_listed_with_a_line(folder: Path) -> None:
    rows = json.loads((sim(folder, "faults", "--json")).stdout)
    assert {row["sim"] for row in rows} == {"one", "two"}
    assert all(row["does"] for row in rows)
    assert "stays connected" in sim(folder, "faults", "two").stdout


def test_a_fault_of_the_profile_may_begin_later(folder: Path) -> None:
    params = (state_of(folder, "one", "mute"))["params"]
    assert params["after_s"] == 10_000


def test_raise_and_clear(folder: Path) -> None:
    raised = json.loads(sim(folder, "fault", "two", "hang", "for_s=500", "--json").stdout)
    assert (raised["sim"], raised["fault"], raised["params"]["for_s"]) == ("two", "hang", 500.0)
    assert (state_of(folder, "two", "hang"))["state"] == "on"
    assert (sim(folder, "clear", "two", "hang")).exit_code == 0
    assert (state_of(folder, "two", "hang"))["state"] == "-"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fault", "two", "hung"), "no fault 'hung'"),
        (("fault", "two", "hang", "seconds=x"), "has no ['seconds']"),
        (("fault", "two", "hang", "for_s=x"), "ValueError"),
        (("fault", "three", "hang"), "one, two"),
    ],
)
def test_a_mistake_is_told_and_raises_nothing(
    folder: Path, words: tuple[str, ...], said: str
) -> None:
    done = sim(folder, *words, "--lang", "en")
    assert done.exit_code == 1
    assert said in done.stderr
    assert (state_of(folder, "two", "hang"))["state"] == "-"


def test_without_a_running_lab_it_says_what_to_do(folder: Path) -> None:
    done = sim(folder / "nowhere", "faults", "--lang", "en")
    assert done.exit_code == 1
    assert "machikoba sim --dir" in done.stderr
