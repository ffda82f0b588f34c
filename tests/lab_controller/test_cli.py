"""The command line: thin over the client, with exit codes a script can rely on."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from equipment_drivers.errors import AuthRejected, OutcomeUnknown
from equipment_drivers.model import Link
from lab_controller.cli.main import COMMANDS, main
from tests.lab_controller.bench import BY, Bench
from tests.lab_controller.test_config import GOOD
from tests.lab_controller.test_stream import TOKEN, Served

OK, REFUSED, USAGE, NO_CONTROLLER = 0, 1, 2, 3


@pytest.fixture
async def data(bench: Bench) -> AsyncIterator[Path]:
    """The data folder of a lab that is being served."""
    served = Served(bench)
    folder = bench.lab.settings.lab.data_dir
    (folder / "controller.url").write_text(served.url + "\n", encoding="ascii")
    (folder / "staff.token").write_text(TOKEN + "\n", encoding="ascii")
    yield folder
    await served.stop()


async def machikoba(*arguments: object) -> Result:
    """The command as a person types it, beside the loop that serves it."""
    words = [str(one) for one in arguments]
    return await asyncio.to_thread(CliRunner().invoke, main, words, catch_exceptions=False)


async def table(*arguments: object) -> list[dict[str, object]]:
    done = await machikoba(*arguments, "--json")
    assert done.exit_code == OK, done.stderr
    return json.loads(done.stdout)


def rows_of(done: Result) -> list[list[str]]:
    """The cells of what was printed, line by line."""
    return [re.split(r" {2,}", line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("lang", "words"), [("ja", "別のプログラム"), ("en", "Another program")])
def test_a_port_in_use_is_told_with_what_to_do(tmp_path: Path, lang: str, words: str) -> None:
    config = tmp_path / "lab.toml"
    config.write_text(GOOD, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        started = [sys.executable, "-m", "lab_controller", "serve-controller", "--lang", lang]
        done = subprocess.run(
            [*started, "--config", str(config), "--port", port],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == REFUSED
    assert words in done.stderr
    assert port in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("group", ["device", "sim"])
def test_no_short_help_ends_in_the_middle(group: str) -> None:
    assert "e.g.\n" not in CliRunner().invoke(main, [group, "--help"]).stdout


async def test_the_lab_at_a_glance(data: Path) -> None:
    done = await machikoba("status", "--data", data, "--lang", "en")
    first, second, *_ = rows_of(done)
    assert (done.exit_code, first) == (OK, ["name", "Test lab"])
    assert second == ["time", "2026-11-20 10:00:00"]  # the lab's zone, not UTC
    assert ["stop", "not stopped"] in rows_of(done)
    known = await table("status", "--data", data)
    assert (known["name"], known["latch"]["latched"]) == ("試験ラボ", False)


async def test_devices(data: Path, bench: Bench) -> None:
    bench.driver("usb").measure("printer", "heat", 205.5)
    rows = await table("device", "list", "--data", data)
    assert {row["id"]: row["link"] for row in rows} == dict.fromkeys(
        ("printer", "robot", "plug", "room"), "online"
    )
    done = await machikoba("device", "show", "printer", "--data", data)
    assert ["停止ボタンの場所", "正面の赤いボタン"] in rows_of(done)
    assert ["信号", "値", "単位", "質", "経過(秒)", "古い"] in rows_of(done)
    assert ["heat", "205.5", "Cel", "GOOD"] in [row[:4] for row in rows_of(done)]
    assert (await table("device", "show", "printer", "--data", data))["id"] == "printer"
    done = await machikoba("device", "send", "room", "look", "--data", data)
    assert ["状態", "done"] in rows_of(done)
    (row,) = await table("device", "log", "--data", data)
    assert (row["device"], row["verb"]) == ("room", "look")


async def test_arguments_are_read_as_json_or_as_text(data: Path, bench: Bench) -> None:
    await bench.armed("cell")
    done = await machikoba("device", "send", "robot", "move", "x=1.5", "--data", data)
    assert done.exit_code == OK
    assert bench.driver("lan").done[-1] == ("robot", "move", {"x": 1.5})
    done = await machikoba("device", "send", "robot", "move", "x=far", "--data", data)
    assert (done.exit_code, "x" in done.stderr) == (REFUSED, True)
    done = await machikoba("device", "send", "robot", "move", "x", "--data", data)
    assert done.exit_code == USAGE


async def test_bookings_and_their_steps(data: Path, bench: Bench) -> None:
    await bench.people()
    booking = await bench.book("cell", operator=None)
    (row,) = await table("booking", "list", "--data", data)
    assert (row["id"], row["state"]) == (booking.id, "confirmed")
    bench.clock.go(1800)
    for step, state in (
        ("check-in", "checked_in"),
        ("arm", "checked_in"),
        ("disarm", "checked_in"),
    ):
        found = await table("booking", "step", step, booking.number, "--data", data)
        assert found["state"] == state
    done = await machikoba("booking", "list", "--data", data)
    assert [row[0] for row in rows_of(done)] == ["番号", booking.number]
    assert "来館中" in rows_of(done)[1]
    done = await machikoba("booking", "step", "cancel", booking.number[:-1], "--data", data)
    assert (done.exit_code, booking.number in done.stderr) == (REFUSED, True)
    done = await machikoba("booking", "step", "cancel", booking.id, "--data", data)
    assert done.exit_code == REFUSED
    assert done.stderr.strip()
    done = await machikoba("booking", "step", "fly", booking.id, "--data", data)
    assert done.exit_code == USAGE


async def test_trials_and_their_record(data: Path, bench: Bench) -> None:
    booking = await bench.armed()
    run = await bench.run(booking)
    (trial,) = await table("trial", "list", "--data", data)
    prove = ("verify", trial["id"], "--data", data, "--json")
    assert json.loads((await machikoba(*prove)).stdout) == {}  # nothing recorded, nothing proved
    await bench.lab.trials.start(run, by=BY)
    bench.clock.go(1)
    done = await machikoba(*prove)
    assert (done.exit_code, "evidence.not_closed" in done.stdout) == (REFUSED, True)
    await bench.lab.trials.finish(run, by=BY)
    (trial,) = await table("trial", "list", "--data", data)
    done = await machikoba("trial", "show", trial["id"], "--data", data)
    assert [run, "標準", "終了"] in [row[:3] for row in rows_of(done)]
    assert (await table("trial", "numbers", run, "--data", data)) != {}
    verify = ("verify", trial["id"], "--data", data, "--lang", "en")
    done = await machikoba(*verify)
    assert (done.exit_code, run in done.stdout) == (OK, True)
    path = bench.lab.recorder.path(run)
    whole = path.read_bytes()
    path.write_bytes(whole.replace("佐倉 花".encode(), "別人 花".encode()))
    done = await machikoba(*verify)
    assert (done.exit_code, run in done.stderr) == (REFUSED, True)
    path.unlink()
    done = await machikoba(*verify)
    assert (done.exit_code, "backup" in done.stderr) == (REFUSED, True)


async def test_a_trial_is_exported_from_the_files_alone(bench: Bench, tmp_path: Path) -> None:
    booking = await bench.armed()
    run = await bench.run(booking)
    await bench.lab.trials.start(run, by=BY)
    await bench.lab.trials.finish(run, by=BY)
    trial, config = run.rpartition("-")[0], bench.lab.settings.lab.data_dir.parent / "lab.toml"
    asked = ("export", trial, "--config", config, "--out", tmp_path / "out", "--lang", "en")
    done = await machikoba(*asked, "--format", "json,package")
    assert done.exit_code == OK, done.stderr
    files = [Path(line) for line in done.stdout.splitlines()]
    assert {"results.json", "datapackage.json", "parts.csv"} < {path.name for path in files}
    assert all(path.exists() for path in files)
    found = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert (found["trial"], found["lab"], len(found["runs"])) == (trial, "Test lab", 1)
    done = await machikoba(*asked, "--format", "doc")
    assert (done.exit_code, "parquet" in done.stderr) == (USAGE, True)
    done = await machikoba("export", "T20261119-01", *asked[2:])
    assert (done.exit_code, f"holds files of trial {trial}" in done.stderr) == (REFUSED, True)
    done = await machikoba("export", "T1", *asked[2:4], "--out", tmp_path / "new", "--lang", "en")
    assert (done.exit_code, "T1" in done.stderr) == (REFUSED, True)


async def test_refusals_are_said_in_the_readers_language(data: Path) -> None:
    said = {}
    for language in ("ja", "en"):
        done = await machikoba("device", "show", "lathe", "--data", data, "--lang", language)
        assert (done.exit_code, done.stdout) == (REFUSED, "")
        said[language] = done.stderr
    assert said["ja"] != said["en"]
    assert all("lathe" in text for text in said.values())


async def test_refusals_are_json_where_json_was_asked_for(data: Path, tmp_path: Path) -> None:
    done = await machikoba("device", "show", "lathe", "--data", data, "--json")
    assert (done.exit_code, done.stdout) == (REFUSED, "")
    assert json.loads(done.stderr)["code"] == "lab.unknown_device"
    done = await machikoba("device", "list", "--data", tmp_path, "--json")
    assert done.exit_code == NO_CONTROLLER
    assert json.loads(done.stderr)["code"] == "cli.no_controller"


async def test_who_did_what_to_which_machine_and_when(data: Path, bench: Bench) -> None:
    await bench.armed("cell")
    await machikoba("device", "send", "room", "look", "--data", data)
    bench.driver("lan").command_faults["move"] = OutcomeUnknown(device="robot")
    await machikoba("device", "send", "robot", "move", "x=1", "--data", data)
    heads, *rows = rows_of(await machikoba("device", "log", "--data", data, "--lang", "en"))
    assert heads == ["time", "device", "command", "by", "state", "what it said", "id"]
    assert [row[:5] for row in rows] == [
        ["2026-11-20 10:30:00", "robot", "move", "staff", "unknown"],
        ["2026-11-20 10:30:00", "room", "look", "staff", "done"],
    ]

    async def ids(*more: object) -> list[str]:
        found = await table("device", "log", *more, "--data", data)
        return [str(row["verb"]) for row in found]

    assert await ids("robot") == ["move"]
    assert await ids("--state", "unsettled") == ["move"]
    assert await ids("--state", "done") == ["look"]
    assert await ids("--since", "10:30") == ["move", "look"]
    assert await ids("--since", "5m") == ["move", "look"]
    assert await ids("--since", "2026-11-20T10:31") == []
    assert await ids("--limit", 1) == ["move"]
    done = await machikoba("device", "log", "--since", "noon", "--data", data)
    assert done.exit_code == USAGE
    done = await machikoba("device", "log", "lathe", "--data", data)
    assert done.exit_code == REFUSED


async def test_a_lost_outcome_is_settled_by_hand(data: Path, bench: Bench) -> None:
    await bench.armed("cell")
    bench.driver("lan").command_faults["move"] = OutcomeUnknown(device="robot")
    await machikoba("device", "send", "robot", "move", "x=1", "--data", data)
    command = bench.lab.board["robot"].outcome_unknown
    note = ("--note", "arm has not moved")
    done = await machikoba("device", "settle", command, *note, "--data", data)
    assert done.exit_code == USAGE  # done or not: nobody else can know
    done = await machikoba("device", "settle", command, "--not-done", *note, "--data", data)
    assert (done.exit_code, "arm has not moved" in done.stdout) == (OK, True)
    assert bench.lab.board["robot"].outcome_unknown == ""
    (row,) = await table("device", "log", "robot", "--data", data)
    assert (row["state"], row["settlement"]["outcome"]) == ("unknown", "not_carried_out")


async def test_the_log_of_a_job_is_at_hand(data: Path, bench: Bench) -> None:
    await bench.armed("cell")
    row = await bench.lab.coordinator.command("robot", "run_job", {}, by=BY)
    log = data / "job_logs" / f"{row.id}.log"
    log.write_text("N1 G28*18\nN2 G1 X1*3\n", encoding="utf-8")
    done = await machikoba("device", "log", "--job", row.id, "--lines", 1, "--data", data)
    assert done.stdout.splitlines()[-1] == "N2 G1 X1*3"
    assert "N1 G28" not in done.stdout
    found = await machikoba("device", "log", "--job", row.id, "--data", data, "--json")
    assert json.loads(found.stdout)["log"] == ["N1 G28*18", "N2 G1 X1*3"]


async def test_staff_take_equipment_and_give_it_back(data: Path, bench: Bench) -> None:
    booking = await bench.armed("cell")
    done = await machikoba("lease", "take", "cell", "--reason", "fan is loud", "--data", data)
    assert done.exit_code == OK
    assert bench.lab.leases.held_by(booking.id) is None
    new, old = await table("lease", "list", "cell", "--data", data)
    assert old["holder"] == booking.id
    shown = rows_of(await machikoba("lease", "list", "cell", "--data", data))
    assert shown[2][3] == booking.number  # and what people know it by
    assert (new["kind"], new["why"], new["ended"]) == ("maintenance", "fan is loud", None)
    assert (old["end_reason"], old["note"], old["ended_by"]) == ("preempted", "fan is loud", BY)
    assert (await machikoba("lease", "release", "cell", "--data", data)).exit_code == OK
    assert (await machikoba("lease", "release", "cell", "--data", data)).exit_code == REFUSED
    assert (await machikoba("lease", "take", "cell", "--data", data)).exit_code == USAGE


async def test_every_problem_is_on_its_own_line(data: Path, bench: Bench) -> None:
    await bench.people()
    await bench.book("bench", operator=(await bench.lab.bookings.people("sakura"))[0][0].id)
    (row,) = await table("booking", "list", "--data", data)
    bench.clock.go(-7200)  # long before the door opens
    done = await machikoba("booking", "step", "check-in", row["id"], "--data", data)
    assert done.exit_code == REFUSED
    assert any(line.startswith("  - ") for line in done.stderr.splitlines())


async def test_a_wrong_token_is_refused(data: Path) -> None:
    (data / "staff.token").write_text("other\n", encoding="ascii")
    done = await machikoba("device", "list", "--data", data)
    assert done.exit_code == REFUSED


async def test_a_file_that_cannot_be_written_is_no_missing_lab(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lab_controller.client import LabClient
    from lab_controller.wire_trials import (
        ReportShape,
    )

    async def made(self: LabClient, trial: str) -> ReportShape:
        return ReportShape(trial=trial, files={"report.pdf": 1})

    async def content(self: LabClient, trial: str, name: str) -> bytes:
        return b"x"

    monkeypatch.setattr(LabClient, "make_report", made)
    monkeypatch.setattr(LabClient, "report_file", content)
    out = tmp_path / "out"
    (out / "report.pdf").mkdir(parents=True)
    done = await machikoba("report", "T1", "--out", out, "--data", data)
    assert (done.exit_code, "report.pdf" in done.stderr) == (REFUSED, True)


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("device", "list"),
        ("booking", "list"),
        ("trial", "list"),
        ("report", "T1"),
        ("stop",),
        ("stop", "--reset", "--reason", "x"),
        ("tui",),
    ],
)
@pytest.mark.parametrize("left_behind", [False, True])
async def test_no_controller_has_its_own_exit_code(
    tmp_path: Path, command: tuple[str, ...], left_behind: bool
) -> None:
    if left_behind and command != ("tui",):
        (tmp_path / "controller.url").write_text("http://127.0.0.1:1\n", encoding="ascii")
        (tmp_path / "staff.token").write_text(TOKEN, encoding="ascii")
    out = ("--out", tmp_path) if command[0] == "report" else ()
    done = await machikoba(*command, *out, "--data", tmp_path)
    assert done.exit_code == NO_CONTROLLER
    assert done.stderr.strip()


async def test_verifying_without_a_lab_is_said(tmp_path: Path) -> None:
    done = await machikoba("verify", "T1", "--data", tmp_path)
    assert (done.exit_code, "lab.db" in done.stderr) == (REFUSED, True)


@pytest.mark.parametrize(
    "command", [("fly",), ("device",), ("device", "send"), ("status", "--lang", "fr"), ("report",)]
)
async def test_what_is_typed_wrong_is_usage(command: tuple[str, ...]) -> None:
    assert (await machikoba(*command)).exit_code == USAGE


async def test_a_configuration_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(GOOD, encoding="utf-8")
    done = await machikoba("config", "check", path, "--lang", "en")
    assert (done.exit_code, "no problems" in done.stdout) == (OK, True)
    assert (await machikoba("config", "check", path, "--json")).stdout.strip() == "[]"
    path.write_text(GOOD.replace('"09:00-17:00"', '"9-5"'), encoding="utf-8")
    done = await machikoba("config", "check", path, "--lang", "en")
    assert (done.exit_code, "lab.hours" in done.stderr) == (REFUSED, True)
    (row,) = json.loads((await machikoba("config", "check", path, "--json")).stdout)
    assert (row["code"], row["line"]) == ("config.bad_hours", 6)
    missing = await machikoba("config", "check", tmp_path / "none.toml")
    assert (missing.exit_code, missing.stderr.strip() != "") == (REFUSED, True)


def test_every_subcommand_can_be_asked_for_help() -> None:
    for name in COMMANDS:
        assert CliRunner().invoke(main, [name, "--help"]).exit_code == OK


HEAVY = ("asyncua", "textual", "fastapi", "uvicorn", "sqlite3", "serial", "typst", "matplotlib")


@pytest.mark.parametrize("arguments", [["--help"], ["stop", "--help"], ["status", "--help"]])
def test_help_comes_without_the_heavy_libraries(arguments: list[str]) -> None:
    heavy = HEAVY if arguments == ["--help"] else ("asyncua", "textual", "fastapi", "typst")
    program = (
        "import sys\n"
        "from lab_controller.cli.main import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        f"print(sorted(set({heavy!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "Usage" in done.stdout
    assert done.stderr.strip() == "[]"


async def test_days_ahead(data: Path, bench: Bench) -> None:
    await bench.people()
    await bench.book("cell", operator=None)
    bench.clock.go(timedelta(days=3).total_seconds())
    assert await table("booking", "list", "--data", data) == []
    bench.clock.go(-timedelta(days=3).total_seconds())
    assert len(await table("booking", "list", "--days", 2, "--data", data)) == 1


async def test_a_reset_asks_for_its_reason_before_anybody_is_asked(tmp_path: Path) -> None:
    done = await machikoba("stop", "--reset", "--data", tmp_path, "--lang", "en")
    assert (done.exit_code, "--reason" in done.stderr) == (USAGE, True)


async def test_a_stop_says_who_why_and_where_each_button_is(data: Path, bench: Bench) -> None:
    door = {"socket": str(data.parent / "s.sock")}
    (data / "stopper.lock").write_text(json.dumps(door), encoding="utf-8")
    done = await machikoba("stop", "--reason", "smoke", "--data", data, "--lang", "en")
    assert done.exit_code == OK
    head, *lines = done.stdout.splitlines()
    assert head.startswith("Stop sent to the whole lab by cli:")
    assert "because: smoke" in head
    printer = next(n for n, line in enumerate(lines) if "printer" in line)
    assert "stop sent, not confirmed" in lines[printer]
    assert lines[printer + 1].strip() == "stop button: red button at the front"
    report = json.loads((await machikoba("stop", "--data", data, "--json")).stdout)
    assert report["devices"]["printer"]["estop"]["en"] == "red button at the front"
    assert report["cause"] == "pressed"
    await bench.lab.stop_desk.settled()


async def test_with_nobody_to_stop_the_lab_the_buttons_are_named(data: Path) -> None:
    (data / "stopper.lock").write_text('{"socket": "/nowhere/s.sock"}', encoding="utf-8")
    done = await machikoba("stop", "--data", data, "--lang", "en")
    assert done.exit_code == NO_CONTROLLER
    assert "red button at the front" in done.stderr


async def test_a_connection_is_tried_again_from_the_command_line(data: Path, bench: Bench) -> None:
    calls = bench.driver("lan").calls
    bench.driver("lan").lose(AuthRejected(connection="lan"))
    await bench.when(lambda: bench.lab.board["robot"].link is Link.AUTH_ERROR)
    assert "auth" in str(await table("device", "list", "--data", data))
    connects = calls.count("connect")
    done = await machikoba("device", "reconnect", "robot", "--data", data, "--lang", "en")
    assert done.exit_code == OK
    await bench.when(lambda: calls.count("connect") > connects)


def test_every_command_speaks_the_language_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MACHIKOBA_LANG", "en")
    done = CliRunner().invoke(main, ["config", "check", str(tmp_path / "none.toml")])
    assert "The file cannot be read" in done.stderr
