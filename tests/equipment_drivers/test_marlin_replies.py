"""Lines of the printer, whole and damaged."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipment_drivers.devices.marlin_replies import (
    Kind,
    Position,
    Temperatures,
    classify,
    identity,
    position,
    prints_from_card,
    temperatures,
)


@pytest.mark.parametrize(
    ("line", "kind", "number"),
    [
        ("ok", Kind.OK, None),
        ("ok T:20.00 /0.00 B:20.00 /0.00 @:0 B@:0", Kind.OK, None),
        ("ok N12 P15 B3", Kind.OK, 12),
        ("ok 12", Kind.OK, 12),
        ("oj", Kind.TORN_OK, None),
        ("ok\ufffd", Kind.TORN_OK, None),
        ("open failed, File: x.gco", Kind.REPORT, None),
        ("Resend: 13", Kind.RESEND, 13),
        ("Resend:13", Kind.RESEND, 13),
        ("rs N13", Kind.RESEND, 13),
        ("Resend: 1x", Kind.RESEND, None),
        ("Rezend: 13", Kind.RESEND, None),
        ("Error:checksum mismatch, Last Line: 12", Kind.REJECTED, 12),
        ("Error:Line Number is not Last Line Number+1, Last Line: 12", Kind.REJECTED, 12),
        ("Error:checksum mismatch, Last Line: x2", Kind.REJECTED, None),
        ("Error:Printer halted. kill() called!", Kind.HALTED, None),
        ("Error:Printer hXlted. kill() called!", Kind.HALTED, None),
        ("Error:Thermal Runaway, system stopped! Heater_ID: 0", Kind.HALTED, None),
        ("Error:Heating failed, system stopped! Heater_ID: bed", Kind.HALTED, None),
        ("Error:MAXTEMP triggered, system stopped! Heater_ID: 0", Kind.HALTED, None),
        ("Error:MINTEMP triggered, system stopped! Heater_ID: 0", Kind.HALTED, None),
        ("Error:Probing Failed", Kind.ERROR, None),
        ("echo:busy: processing", Kind.BUSY, None),
        ("echo:busy: paused for user", Kind.BLOCKED, None),
        ("wait", Kind.WAIT, None),
        ("start", Kind.START, None),
        ("\ufffd\ufffdstart", Kind.START, None),
        ("External Reset", Kind.START, None),
        ("echo: Brown out Reset", Kind.START, None),
        ('echo:Unknown command: "M4711"', Kind.REPORT, None),
        ("//action:pause", Kind.REPORT, None),
    ],
)
def test_what_a_line_means(line: str, kind: Kind, number: int | None) -> None:
    reply = classify(line)
    assert (reply.kind, reply.number) == (kind, number)


@pytest.mark.parametrize(
    ("line", "report"),
    [
        ("T:201.3 /210.0 B:60.1 /60.0 @:127 B@:0", Temperatures(201.3, 210.0, 60.1, 60.0)),
        ("ok T:21.00 /0.00 B:22.00 /0.00 @:0 B@:0", Temperatures(21, 0, 22, 0)),
        ("ok N3 P15 B3 T:21.00 /0.00 B:22.00 /0.00", Temperatures(21, 0, 22, 0)),
        ("T:21.00 /0.00 @:0", Temperatures(21, 0, None, None)),
        ("T:190.1 /200.0 B:60.0 /60.0 @:127 B@:30 W:?", Temperatures(190.1, 200, 60, 60)),
        ("T:190.1 /200.0 (512.0) T0:190.1 /200.0 B:60 /60", Temperatures(190.1, 200, 60, 60)),
        ("T:2x1.3 /210.0 B:60.1 /60.0 @:127 B@:0", None),
        ("T:201.3 /210.0 B:60.1 /60.0 @:127 B@:0!", None),
        ("FIRMWARE_NAME:Marlin T: none", None),
    ],
)
def test_temperatures(line: str, report: Temperatures | None) -> None:
    assert temperatures(line) == report


@pytest.mark.parametrize("shown", ["nan", "-15.00", "-14.00", "901.00"])
def test_an_absent_or_impossible_sensor_has_no_value(shown: str) -> None:
    report = temperatures(f"T:{shown} /0.00 B:22.00 /0.00 @:0 B@:0")
    assert report is not None
    assert math.isnan(report.hotend)
    assert report.bed == 22.0


def test_position() -> None:
    line = "X:10.00 Y:-0.50 Z:0.30 E:1.00 Count X:800 Y:0 Z:120"
    assert position(line) == Position(10.0, -0.5, 0.3, 1.0, "X:800 Y:0 Z:120")
    assert position("X:10.00 Y:?.50 Z:0.30 E:1.00") is None


def test_identity_takes_names_with_blanks_and_only_caps_that_are_on() -> None:
    found = identity(
        [
            "FIRMWARE_NAME:Marlin 2.1 (Nov 20) SOURCE_CODE_URL:x.y/z PROTOCOL_VERSION:1.0 "
            "MACHINE_TYPE:Big Bench EXTRUDER_COUNT:1 UUID:0a-1b",
            "Cap:AUTOREPORT_TEMP:1",
            "Cap:EMERGENCY_PARSER:0",
        ]
    )
    assert found.firmware == "Marlin 2.1 (Nov 20)"
    assert found.fields["MACHINE_TYPE"] == "Big Bench"
    assert found.fields["UUID"] == "0a-1b"
    assert found.capabilities == {"AUTOREPORT_TEMP"}


def test_a_card_print_is_seen() -> None:
    assert prints_from_card(["SD printing byte 120/4000"])
    assert not prints_from_card(["SD printing byte 0/0"])
    assert not prints_from_card(["Not SD printing"])


@given(st.text(max_size=600))
def test_no_line_breaks_the_reader(line: str) -> None:
    classify(line)
    temperatures(line)
    position(line)
    identity([line])
