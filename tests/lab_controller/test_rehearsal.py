"""A plan played beforehand: in a lab of its own, every run and file marked simulated."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab_controller.cli.main import main
from lab_controller.config import ConfigInvalid, load
from lab_controller.demo.rehearsal import departures, mark
from lab_controller.wire_trials import ProtocolShape
from tests.lab_controller.test_config import GOOD
from tests.papers import pages_of
from tests.tui.fake_lab import FakeLab

PLAN = """\
title = "座金の並べ"
expand = true
[protocol]
template = "pick_and_place"
[[protocol.factors]]
name = "速度"
levels = ["50", "100"]
unit = "%"
"""


def test_a_rehearsals_lab_says_so_and_a_real_one_may_not(tmp_path: Path) -> None:
    config = tmp_path / "lab.toml"
    config.write_text(GOOD.replace("[lab]\n", "[lab]\nsimulated = true  # note\n", 1), "utf-8")
    mark(config)
    assert load(config).lab.rehearsal
    config.write_text(GOOD.replace("[lab]\n", "[lab]\nrehearsal = true\n", 1), "utf-8")
    with pytest.raises(ConfigInvalid) as refused:
        load(config)
    assert [each.code for each in refused.value.problems] == ["config.rehearsal_not_simulated"]


def test_a_plan_with_mistakes_starts_no_lab(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("title = 1\n", "utf-8")
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["trial", "rehearse", str(plan), "--out", str(out)])
    assert (done.exit_code, out.exists()) == (1, False)
    assert "1 行目" in done.stderr


def test_what_was_not_played_as_planned_is_told() -> None:
    lab = FakeLab()
    trial, run = lab.trials["t1"], lab.trials["t1"].runs[0]
    told = {each.code for each in departures(trial, [run])}
    assert told == {"rehearsal.other_order", "rehearsal.not_measured"}
    sample = trial.protocol.sample.model_copy(update={"parts_per_run": 9, "runs_per_condition": 2})
    plain = ProtocolShape(sample=sample)
    short = trial.model_copy(update={"protocol": plain, "limits": []})
    parts, runs = departures(short, [run])
    assert (parts.code, parts.params["made"]) == ("rehearsal.other_parts", run.good + run.scrap)
    assert (runs.code, runs.params["planned"]) == ("rehearsal.one_run", 2)
    varied = trial.conditions[0].model_copy(update={"settings": {"speed": "50"}})
    _, same = departures(short.model_copy(update={"conditions": [varied]}), [])
    assert (same.code, same.params["settings"]) == ("rehearsal.same_job", "speed")


@pytest.mark.soak
def test_a_plan_is_played_and_leaves_a_report_that_says_what_it_is(tmp_path: Path) -> None:
    plan, out, real = tmp_path / "plan.toml", tmp_path / "out", tmp_path / "data"
    plan.write_text(PLAN, "utf-8")
    real.mkdir()
    command = [sys.executable, "-m", "lab_controller", "trial", "rehearse", str(plan)]
    done = subprocess.run(
        [*command, "--out", str(out), "--parts", "2", "--json"],
        cwd=tmp_path, capture_output=True, text=True,
        env={"MACHIKOBA_DATA": str(real), "PATH": "/usr/bin:/bin", "PYTHONPATH": sys.path[0]},
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(real.iterdir()) == []
    told = json.loads(done.stdout)
    assert (told["simulated"], str(out / "report.pdf") in told["files"]) == (True, True)
    assert [run["condition"] for run in told["runs"]] == ["50%", "100%"]
    assert "rehearsal.same_job" in {each["code"] for each in told["departures"]}
    assert "条件「50%」" in done.stderr
    lab = sqlite3.connect(out / "data" / "lab.db")
    runs = lab.execute("SELECT condition, state, simulated, rehearsal FROM trial_run").fetchall()
    lab.close()
    assert runs == [(f"{speed}%", "finished", 1, 1) for speed in (50, 100)]
    assert all("模擬" in page for page in pages_of(out / "report.pdf"))
    assert '"simulated": true' in json.dumps(json.loads((out / "results.json").read_text("utf-8")))
