"""The gate: real slicer output passes, everything else says why."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipment_drivers.gcode import ALLOWED, GcodeLimits, check, lines

LIMITS = GcodeLimits()
EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "gcode").glob("*.gcode"))


def codes(text: str, limits: GcodeLimits = LIMITS) -> list[str]:
    return [problem.code for problem in check(text, limits)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_real_slicer_output_passes(path: Path) -> None:
    text = path.read_text("utf-8")
    assert check(text, LIMITS) == []
    assert len(lines(text)) > 2000


def test_lines_are_the_bare_commands_in_order() -> None:
    text = "; 注釈\r\nG28 ; home\r\n\r\n  G1 X1 Y2\t\r\nM107"
    assert lines(text) == ["G28", "G1 X1 Y2", "M107"]


@pytest.mark.parametrize(
    "line",
    [
        "G1 X10.5 Y.5 Z5. E-2 F1800",
        "G1X1Y2E.5",
        "G01 X1",
        "G28 W",
        "G28 X Y",
        "G92 E0",
        "M73 P10 R5",
        "M104 S0",
        "M109 R200",
        "M117 Layer 3/40",
        "M201 X500 Y500 Z100 E5000",
        "M204 P500 R1000 T500",
        "M205 X8.00 Y8.00 Z0.40 E4.50",
        "M221 S95",
        "M900 K0.05",
        "M106 S255",
        "T0",
    ],
)
def test_what_slicers_write_is_allowed(line: str) -> None:
    assert check(line, LIMITS) == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        *((f"M{number}", "gcode.not_allowed") for number in (0, 1, 25, 28, 81, 108, 110, 112)),
        *((f"M{number}", "gcode.not_allowed") for number in (410, 500, 501, 502, 997, 999)),
        ("M862.3 P1", "gcode.not_allowed"),
        ("G20", "gcode.not_allowed"),
        ("G2 X1 Y1 I1 J1", "gcode.not_allowed"),
        ("T1", "gcode.not_allowed"),
        ("g1 x1", "gcode.not_allowed"),
        ("hello", "gcode.not_allowed"),
        ("N5 G1 X1", "gcode.numbered"),
        ("G1 X1*33", "gcode.numbered"),
        ("G1 X#1", "gcode.macro"),
        ("G1 X[first_layer]", "gcode.macro"),
        ("M104 S{temperature}", "gcode.macro"),
        ("M117 ありがとう", "gcode.odd_character"),
        ("G1 X1\rM112", "gcode.odd_character"),
        ("G1 X1\x00", "gcode.odd_character"),
        ("M117 " + "a" * 92, "gcode.too_long"),
        ("G4 P1e3", "gcode.unreadable"),
        ("G1 X1.2.3", "gcode.unreadable"),
        ("G1 X1 (left)", "gcode.unreadable"),
        ("M104 Sinf", "gcode.unreadable"),
        ("G92 X10", "gcode.letter_not_allowed"),
        ("G1 X1 X2", "gcode.letter_twice"),
        ("M104 S301", "gcode.too_hot"),
        ("M109 S-1", "gcode.too_hot"),
        ("M190 R121", "gcode.too_hot"),
        ("M104 T1 S200", "gcode.not_allowed"),
        ("G4 S61", "gcode.dwell_too_long"),
        ("G1 X220.1", "gcode.out_of_reach"),
        ("G1 Y-0.1", "gcode.out_of_reach"),
        ("G0 Z251", "gcode.out_of_reach"),
        ("; nothing", "gcode.no_commands"),
    ],
)
def test_what_is_refused_and_why(line: str, code: str) -> None:
    assert codes(line) == [code]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_refusal_becomes_a_sentence(language: str) -> None:
    source = files("equipment_drivers") / "strings" / f"{language}.toml"
    texts = tomllib.loads(source.read_text(encoding="utf-8"))
    bad = ["M112", "N1 G28", "G1 X#1", "G1 X\u3042", "G4 Pa", "G92 X1", "G1 X1 X1"]
    worse = ["M104 S999", "G4 S99", "G1 X-9", "M117 " + "a" * 99]
    problems = check("\n".join(bad + worse), LIMITS) + check("", LIMITS)
    assert {problem.code for problem in problems} == {
        code for code in texts if code.startswith("gcode.") and code != "gcode.refused"
    }
    for problem in problems:
        assert texts[problem.code].format(**problem.params)


def test_every_bad_line_is_named_with_its_number_and_text() -> None:
    problems = check("G28\nM112\n;ok\nG1 X999 ; far\nG1 X1", LIMITS)
    assert [(problem.line, problem.code) for problem in problems] == [
        (2, "gcode.not_allowed"),
        (4, "gcode.out_of_reach"),
    ]
    assert problems[1].params["text"] == "G1 X999"


def test_relative_moves_are_followed_from_a_known_place() -> None:
    assert codes("G90\nG1 X200\nG91\nG1 X10\nG1 X10") == []
    assert codes("G90\nG1 X200\nG91\nG1 X10\nG1 X11") == ["gcode.out_of_reach"]
    assert codes("G91\nG1 X100\nG1 X100\nG1 X100") == []
    assert codes("G91\nG1 X221") == ["gcode.out_of_reach"]
    assert codes("G90\nG1 X200\nG28 X\nG91\nG1 X30") == []


def test_limits_can_leave_room_for_a_purge_line() -> None:
    wide = GcodeLimits(y=(-4.0, 210.0))
    assert codes("G1 Y-3") == ["gcode.out_of_reach"]
    assert codes("G1 Y-3", wide) == []


@given(st.text("GMTXYZESFN0129.- *#;\r\né", max_size=60))
def test_what_passes_is_one_allowed_plain_ascii_command_per_line(text: str) -> None:
    if check(text, LIMITS):
        return
    for command in lines(text):
        assert command.isascii()
        assert len(command) <= 82
        assert not set(command) & set("*#[]{}\r\n\0")
        assert any(command.startswith(code[0]) for code in ALLOWED)


@given(
    st.sampled_from(["X", "Y", "Z"]),
    st.floats(-2000, 2000, allow_nan=False).map(lambda value: round(value, 3)),
)
def test_an_absolute_move_passes_exactly_within_reach(axis: str, place: float) -> None:
    lowest, highest = {"X": LIMITS.x, "Y": LIMITS.y, "Z": LIMITS.z}[axis]
    assert (codes(f"G1 {axis}{place:.3f}") == []) is (lowest <= place <= highest)


@given(st.lists(st.sampled_from(["G28", "G90", "G91", "M107", "G92 E0", "; x", ""]), min_size=1))
def test_comments_and_blanks_are_never_sent(parts: list[str]) -> None:
    assert lines("\n".join(parts)) == [part for part in parts if part and part[0] != ";"]
