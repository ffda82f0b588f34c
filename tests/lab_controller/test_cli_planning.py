"""Plans from the command line: templates, a file to fill in, its mistakes with their lines."""

from __future__ import annotations

import json
import re
from pathlib import Path

from lab_controller.plan_files import line_of_field
from tests.lab_controller.bench import Bench
from tests.lab_controller.test_cli import OK, REFUSED, data, machikoba, table
from trial_logs.plan_templates import NAMES

__all__ = ["data"]


async def test_a_plan_from_its_template_to_what_is_left(
    data: Path, bench: Bench, tmp_path: Path
) -> None:
    assert [row["name"] for row in await table("trial", "templates")] == list(NAMES)
    booking = await bench.armed()
    file = tmp_path / "計画.toml"
    new = ("trial", "new", booking.number, "--template", "fdm_part", "--out", file, "--data", data)
    written = await machikoba(*new)
    assert (written.exit_code, "machikoba trial plan" in written.stdout) == (OK, True)
    again = await machikoba(*new)
    assert (again.exit_code, "すでにあります" in again.stderr) == (REFUSED, True)
    done = await machikoba("trial", "plan", file, "--data", data, "--json")
    assert done.exit_code == OK, done.stderr
    created = json.loads(done.stdout)
    assert len(created["conditions"]) == 4
    assert created["protocol"]["template"] == "fdm_part"
    assert created["left"]["next_run"]["condition"] == "0.20 mm / PLA"
    assert [row["runs_left"] for row in created["left"]["conditions"]] == [1, 1, 1, 1]
    assert created["booking"] == booking.id
    shared = await machikoba("trial", "release", created["id"], "conditions", "--data", data)
    assert f"{(data / 'controller.url').read_text().strip()}/vendor/" in shared.stdout
    for paper in ("report", "dossier"):
        refused = await machikoba(paper, created["id"], "--out", file / "x", "--data", data)
        assert (refused.exit_code, str(file / "x") in refused.stderr) == (REFUSED, True)
    exported = await machikoba("trial", "plan", created["id"], "--export", "--data", data)
    shown = await table("trial", "plan", created["id"], "--export", "--data", data)
    assert shown["protocol"] == created["protocol"]
    file.with_name("again.toml").write_text(exported.stdout, encoding="utf-8")
    second = await table(
        "trial", "plan", file.with_name("again.toml"), "--booking", booking.id, "--data", data
    )
    assert second["protocol"] == created["protocol"]
    assert second["limits"] == created["limits"]
    assert second["conditions"] == created["conditions"]
    text = exported.stdout.replace('title = "', 'title = "改・')
    file.with_name("amended.toml").write_text(text, encoding="utf-8")
    amend = ("trial", "amend", created["id"], file.with_name("amended.toml"), "--data", data)
    amended = await table(*amend, "--why", "題を分かりやすく")
    assert (amended["plan_version"], amended["title"]) == (2, f"改・{created['title']}")
    same = await machikoba(*amend, "--why", "もう一度")
    assert (same.exit_code, "変わっていません" in same.stderr) == (REFUSED, True)
    versions = await table("trial", "versions", created["id"], "--data", data)
    assert [each["number"] for each in versions] == [1, 2]
    assert (versions[1]["changed"], versions[1]["why"]) == (["title"], "題を分かりやすく")
    assert versions[0]["plan"]["title"] == created["title"]
    shown = await machikoba("trial", "versions", created["id"], "--data", data)
    assert re.search(r"2 +2026-11-20 10:\d\d:\d\d +staff +題を分かりやすく +title", shown.stdout)


BAD_SHAPE = """\
booking = "b"
title = "題"
colour = "red"

[[limits]]
characteristic = "幅"
nominal = "wide"
unit = "mm"

[[protocol.stop_rules]]
kind = "boredom"
"""
BAD_RULES = """\
title = "題"

[[limits]]
characteristic = "幅"
nominal = 20.0
tolerance = 0.1
unit = "ミリ"

[[conditions]]
name = "標準"

[protocol]
microstop_s = -1

[[protocol.stop_rules]]
kind = "minutes"
"""
EMPTY_ROWS = """
[[protocol.stop_rules]]
[[protocol.lots]]
[[protocol.factors]]
[[protocol.stop_causes]]
[[limits]]
[[conditions]]
[[conditions.bands]]
"""


async def test_every_mistake_of_a_file_is_named_with_its_line(
    data: Path, bench: Bench, tmp_path: Path
) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(BAD_SHAPE, encoding="utf-8")
    done = await machikoba("trial", "plan", file, "--data", data)
    assert done.exit_code == REFUSED
    places = [re.split("行目|:", line)[0].strip(" -") for line in done.stderr.splitlines()[1:]]
    assert places == ["7", "11", "3", "conditions"]  # and that no condition is there at all
    file.write_text(BAD_RULES, encoding="utf-8")
    booking = await bench.armed()
    plan = ("trial", "plan", file, "--booking", booking.id, "--data", data)
    done = await machikoba(*plan, "--lang", "en")
    assert done.exit_code == REFUSED
    places = {" ".join(line.split()[1:4]) for line in done.stderr.splitlines()[1:]}
    assert places == {
        "line 7 limits[1].unit:",
        "line 13 protocol.microstop_s:",
        "line 15 protocol.stop_rules[1].value:",
    }
    unread = BAD_RULES.replace('unit = "ミリ"', 'unit = "ミリ"\ncolour = "red"')
    file.write_text(unread.replace("minutes", 'parts"\nvalue = "many'), encoding="utf-8")
    done = await machikoba(*plan, "--lang", "en")
    places = {" ".join(line.split()[1:4]) for line in done.stderr.splitlines()[1:]}
    assert places == {
        "line 7 limits[1].unit:",
        "line 8 limits[1].colour:",
        "line 14 protocol.microstop_s:",
        "line 18 protocol.stop_rules[1].value:",
    }
    hasty = BAD_RULES.replace('title = "題"', "").replace('characteristic = "幅"', "") + EMPTY_ROWS
    file.write_text(hasty, encoding="utf-8")
    done = await machikoba(*plan, "--lang", "en")
    places = {line.split(":")[0].split()[-1] for line in done.stderr.splitlines()[1:]}
    assert places == {
        "title", "conditions[1].settings", "limits[1].characteristic",
        "protocol.microstop_s", "protocol.stop_rules[1].value", "protocol.stop_rules[2].kind",
        "protocol.lots[1].name", "protocol.factors[1].name", "protocol.factors[1].levels",
        "conditions[2].name", "protocol.stop_causes[1].code", "protocol.stop_causes[1].name",
        "limits[2].characteristic", "limits[2].unit",
        "conditions[2].bands[1].device", "conditions[2].bands[1].signal",
    }  # fmt: skip
    assert await bench.lab.trials.trials() == []
    file.write_text("title = \n", encoding="utf-8")
    done = await machikoba(*plan)
    assert done.exit_code == REFUSED
    assert "1 行目" in done.stderr


def test_the_line_of_a_key_the_rules_name() -> None:
    lines = BAD_RULES.splitlines()
    assert line_of_field("protocol.stop_rules[1].kind", lines) == 16
    assert line_of_field("limits[1].unit", lines) == 7
    assert line_of_field("protocol.microstop_s", lines) == 13
