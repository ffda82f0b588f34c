"""Bad input at each door: the documented code, the HTTP status, and a sentence to act on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from lab_controller.cli.main import main
from tests.system.rig import folder, machikoba
from tests.system.small_lab import door, midnight, small_lab

LANGUAGES = ("ja", "en")
KEY = "0123456789abcdef"
SHORTEST = 12

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def lab() -> Iterator[Path]:
    """A lab whose printer nobody has plugged in: its folder."""
    with small_lab() as home:
        yield home


@dataclass(frozen=True)
class Bad:
    """One bad request and what must come of it."""

    name: str
    path: str
    status: int
    code: str
    problem: str = ""
    body: Mapping[str, Any] | None = None
    files: Mapping[str, Any] | None = None
    token: str | None = None
    method: str = ""
    params: Mapping[str, str] = field(default_factory=dict)

    def send(self, home: Path, language: str) -> httpx.Response:
        method = self.method or ("GET" if self.body is None and self.files is None else "POST")
        with door(home, language, self.token) as client:
            return client.request(
                method, self.path, json=self.body, files=self.files, params=self.params
            )


def wish(**changes: Any) -> dict[str, Any]:
    """A good request for the bench, but for what is changed."""
    start = midnight(3)
    good = {
        "equipment": "bench",
        "start": start.isoformat(),
        "end": (start + timedelta(hours=1)).isoformat(),
        "party": "ota",
        "idempotency_key": KEY,
    }
    return {**good, **changes}


def ask(name: str, problem: str, **changes: Any) -> Bad:
    """A booking refused by the rules, with this problem among its problems."""
    return Bad(name, "/bookings", 409, "booking.refused", problem, wish(**changes))


def say(name: str, status: int, code: str, **command: Any) -> Bad:
    """A command to the printer that is refused."""
    return Bad(name, "/devices/printer1/commands", status, code, body=command)


def gcode(name: str, text: str, problem: str) -> Bad:
    """A job file that is refused."""
    files = {"file": ("part.gcode", text.encode(), "text/x.gcode")}
    return Bad(name, "/gcode", 422, "gcode.refused", problem, files=files)


YESTERDAY, THREE_DAYS = midnight(-1), midnight(3)
WINDOW = {"device": "printer1", "signal": "bed_temp"}

REQUESTS = (
    ask(
        "a booking in the past",
        "booking.in_past",
        start=YESTERDAY.isoformat(),
        end=(YESTERDAY + timedelta(hours=1)).isoformat(),
    ),
    ask(
        "an end before its start",
        "booking.end_before_start",
        end=(THREE_DAYS - timedelta(hours=1)).isoformat(),
    ),
    ask("a time without a zone", "booking.naive_time", start="2027-01-15T10:00:00"),
    ask("equipment nobody has", "booking.unknown_equipment", equipment="laser"),
    ask("a party nobody knows", "booking.unknown_party", party="nobody"),
    ask("too many people", "booking.head_count_too_big", head_count=99),
    ask("an operator nobody knows", "booking.unknown_operator", operator="nobody"),
    Bad(
        "words for a time", "/bookings", 422, "lab.bad_request", "lab.bad_field", wish(start="ten")
    ),
    Bad("a strange key", "/bookings", 422, "lab.bad_request", "lab.bad_field", wish(colour="red")),
    Bad("a booking nobody made", "/bookings/none", 404, "booking.unknown_booking"),
    Bad("a step of none", "/bookings/none/confirm", 404, "booking.unknown_booking", body={}),
    Bad("a step there is not", "/bookings/none/jump", 422, "lab.bad_request", body={}),
    Bad("a device nobody has", "/devices/laser", 404, "lab.unknown_device"),
    Bad("a trial nobody planned", "/trials/none", 404, "trial.unknown"),
    Bad("a run nobody planned", "/runs/none", 404, "trial.unknown_run"),
    Bad("a command nobody sent", "/commands/none", 404, "lab.unknown_command"),
    Bad("an address there is not", "/nothing", 404, "lab.not_found"),
    Bad("stop of a device nobody has", "/stop", 404, "lab.unknown_device", body={"device": "x"}),
    Bad("a reset without a reason", "/stop/reset", 422, "lab.bad_request", body={"reason": ""}),
    say("a verb the printer has not", 404, "lab.unknown_command", verb="dance"),
    say(
        "a file nobody uploaded",
        404,
        "lab.unknown_gcode",
        verb="print_file",
        arguments={"file": "0" * 16},
    ),
    say("no lease", 409, "lease.missing", verb="home"),
    Bad("no token", "/devices", 401, "auth.token_missing", token=""),
    Bad("a wrong token", "/devices", 401, "auth.token_wrong", token="guessed"),
    gcode("a line outside the allowed set", "G28\nM502\n", "gcode.not_allowed"),
    gcode("hotter than any hotend", "M104 S900\n", "gcode.too_hot"),
    gcode("a file with nothing in it", "; only words\n", "gcode.no_commands"),
    Bad(
        "a window without a zone",
        "/telemetry",
        422,
        "lab.bad_window",
        params={**WINDOW, "start": "2027-01-15T10:00:00", "end": "2027-01-15T11:00:00"},
    ),
    Bad(
        "a window that ends before it starts",
        "/telemetry",
        422,
        "lab.bad_window",
        params={
            **WINDOW,
            "start": THREE_DAYS.isoformat(),
            "end": (THREE_DAYS - timedelta(hours=1)).isoformat(),
        },
    ),
    Bad(
        "a signal the printer has not",
        "/telemetry",
        404,
        "lab.unknown_signal",
        params={
            **WINDOW,
            "signal": "noise",
            "start": "2027-01-15T10:00:00Z",
            "end": "2027-01-15T11:00:00Z",
        },
    ),
)


@pytest.mark.parametrize("bad", REQUESTS, ids=lambda bad: bad.name)
def test_refused_with_its_code_and_a_sentence(bad: Bad, lab: Path) -> None:
    told = {}
    for language in LANGUAGES:
        answer = bad.send(lab, language)
        refusal = answer.json()
        assert (answer.status_code, refusal["code"]) == (bad.status, bad.code), refusal
        told[language] = [refusal["text"], *(one["text"] for one in refusal["problems"])]
        codes = [refusal["code"], *(one["code"] for one in refusal["problems"])]
        for code, sentence in zip(codes, told[language], strict=True):
            assert code not in sentence
            assert "{" not in sentence, sentence
            assert len(sentence) >= SHORTEST
        if bad.problem:
            assert bad.problem in codes
    for ja, en in zip(told["ja"], told["en"], strict=True):
        assert ja != en
        assert not ja.isascii()


def test_all_that_is_wrong_is_told_at_once(lab: Path) -> None:
    start = YESTERDAY + timedelta(minutes=7)
    asked = wish(
        start=start.isoformat(),
        end=(start + timedelta(minutes=1)).isoformat(),
        head_count=99,
        party="nobody",
    )
    with door(lab) as client:
        refusal = client.post("/bookings", json=asked).json()
    codes = {problem["code"] for problem in refusal["problems"]}
    assert codes >= {
        "booking.in_past",
        "booking.too_short",
        "booking.off_step",
        "booking.head_count_too_big",
        "booking.unknown_party",
    }


def test_every_bad_line_of_a_file_is_named(lab: Path) -> None:
    bad = gcode("", "G28\nM502\nG1 X10\nM104 S900\nG1 X9999\n", "")
    refusal = bad.send(lab, "en").json()
    assert [(one["field"], one["code"]) for one in refusal["problems"]] == [
        ("line 2", "gcode.not_allowed"),
        ("line 4", "gcode.too_hot"),
        ("line 5", "gcode.out_of_reach"),
    ]


def test_nothing_of_it_was_kept(lab: Path) -> None:
    with door(lab) as client:
        params = {"start": midnight(-30).isoformat(), "end": midnight(60).isoformat()}
        assert client.get("/bookings", params=params).json() == []
        assert client.get("/gcode").json() == []
        assert client.get("/commands").json() == []
        assert client.get("/lab").json()["latch"]["latched"] is False


SIX_MISTAKES = """\
[lab]
name = { ja = "ラボ", en = "lab" }
data_dir = "data"
timezone = "Asia/Tokio"

[[equipment]]
id = "bench"
name = { ja = "作業台", en = "bench" }
category = "printer3d"
devices = ["printer9"]
[equipment.policy]
min_minutes = -5

[[connection]]
id = "wire"
driver = "marlin"
options = { port = "/dev/ttyUSB0" }

[[device]]
id = "printer1"
name = { ja = "プリンター", en = "printer" }
connection = "wire"

[[device]]
id = "printer2"
name = { ja = "プリンター", en = "printer" }
connection = "wyre"
colour = "red"
"""
MISTAKES = {
    ("lab.timezone", "config.no_such_zone", 4),
    ("equipment[1].devices", "config.unknown_reference", 10),
    ("equipment[1].policy.min_minutes", "config.too_small", 12),
    ("device[1].estop", "config.estop_missing", 19),
    ("device[2].connection", "config.unknown_reference", 27),
    ("device[2].colour", "config.unknown_key", 28),
}


@pytest.fixture
def config() -> Iterator[Path]:
    """A lab.toml with six mistakes."""
    with folder() as home:
        path = home / "lab.toml"
        path.write_text(SIX_MISTAKES, encoding="utf-8")
        yield path


def in_this_process(*arguments: str) -> CompletedProcess[str]:
    """The same command without a process of its own."""
    done = CliRunner().invoke(main, arguments)
    return CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


COMMAND = {"ja": machikoba, "en": in_this_process}
"""Once for real; the other language differs by a text."""


def test_six_mistakes_of_a_config_are_all_named(config: Path) -> None:
    told = {}
    for language in LANGUAGES:
        done = COMMAND[language]("config", "check", str(config), "--lang", language, "--json")
        assert done.returncode == 1
        rows = json.loads(done.stdout)
        assert {(row["key"], row["code"], row["line"]) for row in rows} == MISTAKES
        told[language] = [row["text"] for row in rows]
        assert all(row["key"] in row["text"] and row["code"] not in row["text"] for row in rows)
    assert not set(told["ja"]) & set(told["en"])


def test_nothing_is_served_from_a_bad_config(config: Path) -> None:
    done = machikoba("serve", "--config", str(config), "--lang", "en")
    assert done.returncode == 1
    assert "5" in done.stderr
    for key, _, line in MISTAKES:
        assert f"{line}: " in done.stderr
        assert key in done.stderr
    assert not (config.parent / "data").exists()


def test_no_controller_is_told_and_has_its_own_exit_code(config: Path) -> None:
    for language in LANGUAGES:
        data = str(config.parent / "data")
        done = COMMAND[language]("status", "--data", data, "--lang", language)
        assert done.returncode == 3
        assert str(config.parent / "data") in done.stderr
        assert done.stderr.isascii() is (language == "en")
