"""Which G-code files may be sent to a printer: a strict lexer and a list of what is allowed.

Everything not on the list is refused: a file is a stranger's program. Lengths in mm, °C.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

LONGEST_LINE = 96
"""Marlin's default MAX_CMD_SIZE, in bytes, for the whole line as it is sent."""
NUMBERING = len("N1234567 *255\n")


@dataclass(frozen=True, slots=True)
class GcodeLimits:
    """How hot and how far; each axis as (lowest, highest) reachable place."""

    hotend_c: float = 300.0
    bed_c: float = 120.0
    x: tuple[float, float] = (0.0, 220.0)
    y: tuple[float, float] = (0.0, 220.0)
    z: tuple[float, float] = (0.0, 250.0)
    dwell_s: float = 60.0


@dataclass(frozen=True, slots=True)
class GcodeProblem:
    """Why a line (counted from 1) may not be sent: a stable code and its text's parameters.

    `text` among them is the line's beginning; line 0 is the file as a whole.
    """

    line: int
    code: str
    params: dict[str, str] = field(default_factory=dict)


class NotPassed(Exception):
    """Ends the check of one line with the problem's code and parameters."""

    def __init__(self, code: str, **params: object) -> None:
        self.code, self.params = code, {key: str(value) for key, value in params.items()}
        super().__init__(code, self.params)


NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
CODE = re.compile(r"([A-Za-z])(\d*\.?\d*)")
WORDS = re.compile(rf"(?:\s*[A-Z](?:{NUMBER})?)*")
WORD = re.compile(rf"([A-Z])({NUMBER})?")
MACRO = re.compile(r"[\[\]{}#]")

Values = dict[str, float | None]

ALLOWED = {
    **dict.fromkeys(("G0", "G1"), "XYZEF"),
    "G4": "SP",
    "G10": "",
    "G11": "",
    "G21": "",
    "G28": "XYZWO",
    "G29": "",
    "G90": "",
    "G91": "",
    "G92": "E",
    "M17": "XYZE",
    "M18": "SXYZE",
    "M73": "PR",
    "M82": "",
    "M83": "",
    "M84": "SXYZE",
    "M104": "ST",
    "M105": "",
    "M106": "SP",
    "M107": "P",
    "M109": "SRT",
    "M114": "",
    "M117": "",
    "M140": "S",
    "M190": "SR",
    "M201": "XYZE",
    "M203": "XYZE",
    "M204": "PRST",
    "M205": "XYZEJS",
    "M220": "S",
    "M221": "ST",
    "M300": "SP",
    "M400": "",
    "M420": "SZ",
    "M486": "TSPUC",
    "M900": "KT",
    "T0": "",
}
"""Each allowed command with the letters it may carry."""


def bare(line: str) -> str:
    """The command in a line of a file, without comment and surrounding blanks."""
    return line.partition(";")[0].strip()


def lines(text: str) -> list[str]:
    """The commands of a file in order: exactly what is numbered and sent."""
    return [command for line in text.split("\n") if (command := bare(line))]


def check(text: str, limits: GcodeLimits) -> list[GcodeProblem]:
    """Every line that may not be sent, with its first reason; empty: the whole file may."""
    gate = Gate(limits)
    found = [gate.look(number, line) for number, line in enumerate(text.split("\n"), start=1)]
    return [problem for problem in (*found, gate.end()) if problem]


class Gate:
    """Looks at the lines of one file in order; it remembers where the moves have led."""

    def __init__(self, limits: GcodeLimits) -> None:
        self._limits = limits
        self._absolute = True
        self._place: dict[str, float | None] = dict.fromkeys("XYZ")
        self._commands = 0
        self._rules: dict[str, Callable[[Values], None]] = {
            "G0": self._move,
            "G1": self._move,
            "G4": self._dwell,
            "G28": self._home,
            "G90": lambda values: self._measure_from(zero=True),
            "G91": lambda values: self._measure_from(zero=False),
            "M104": lambda values: self._heat(values, self._limits.hotend_c),
            "M109": lambda values: self._heat(values, self._limits.hotend_c),
            "M140": lambda values: self._heat(values, self._limits.bed_c),
            "M190": lambda values: self._heat(values, self._limits.bed_c),
        }

    def look(self, number: int, line: str) -> GcodeProblem | None:
        """The first reason why this line may not be sent, or None."""
        command = bare(line)
        if not command:
            return None
        self._commands += 1
        try:
            _demand_plain(command)
            code, rest = _code_of(command)
            values = {} if code == "M117" else _values_of(code, rest)
            if code in self._rules:
                self._rules[code](values)
        except NotPassed as refusal:
            return GcodeProblem(number, refusal.code, {"text": command[:40], **refusal.params})
        return None

    def end(self) -> GcodeProblem | None:
        """What is wrong with the file as a whole."""
        return None if self._commands else GcodeProblem(0, "gcode.no_commands")

    def _measure_from(self, *, zero: bool) -> None:
        self._absolute = zero

    def _home(self, values: Values) -> None:
        """Where the switches are is the printer's own matter: the homed axes are unknown to us."""
        named = [axis for axis in "XYZ" if axis in values]
        self._place.update(dict.fromkeys(named or "XYZ"))

    def _move(self, values: Values) -> None:
        for axis, (lowest, highest) in zip("XYZ", self._reach(), strict=True):
            step = values.get(axis)
            if step is None:
                continue
            start = 0.0 if self._absolute else self._place[axis]
            self._place[axis] = None if start is None else start + step
            place = lowest + abs(step) if start is None else start + step
            if not lowest <= place <= highest:
                raise NotPassed(
                    "gcode.out_of_reach", axis=axis, value=place, lowest=lowest, highest=highest
                )

    def _reach(self) -> tuple[tuple[float, float], ...]:
        return (self._limits.x, self._limits.y, self._limits.z)

    def _dwell(self, values: Values) -> None:
        seconds = (values.get("S") or 0.0) + (values.get("P") or 0.0) / 1000.0
        if not 0.0 <= seconds <= self._limits.dwell_s:
            raise NotPassed("gcode.dwell_too_long", value=seconds, highest=self._limits.dwell_s)

    @staticmethod
    def _heat(values: Values, highest: float) -> None:
        if values.get("T"):
            raise NotPassed("gcode.not_allowed", command=f"T{values['T']:g}")
        for letter in "SR":
            celsius = values.get(letter) or 0.0
            if not 0.0 <= celsius <= highest:
                raise NotPassed("gcode.too_hot", value=celsius, highest=highest)


def _demand_plain(command: str) -> None:
    """Bytes that could mean something else to a firmware than to this lexer are refused."""
    odd = next((mark for mark in command if not " " <= mark <= "~" and mark != "\t"), None)
    if odd is not None:
        raise NotPassed("gcode.odd_character", character=repr(odd)[1:-1])
    if len(command) + NUMBERING > LONGEST_LINE:
        raise NotPassed("gcode.too_long", value=len(command), highest=LONGEST_LINE - NUMBERING)
    if "*" in command or command.upper().startswith("N"):
        raise NotPassed("gcode.numbered")
    if MACRO.search(command):
        raise NotPassed("gcode.macro")


def _code_of(command: str) -> tuple[str, str]:
    """The allowed command this line starts with, and the rest of the line."""
    found = CODE.match(command)
    named = found[0] if found else command
    code = f"{found[1]}{int(found[2])}" if found and found[2].isdigit() else named
    if code not in ALLOWED:
        raise NotPassed("gcode.not_allowed", command=named)
    return code, command[len(named) :]


def _values_of(code: str, rest: str) -> Values:
    """The letters of an allowed command with their numbers; a letter without one has None."""
    if WORDS.fullmatch(rest) is None:
        raise NotPassed("gcode.unreadable", command=code)
    values: Values = {}
    for letter, number in WORD.findall(rest):
        if letter not in ALLOWED[code]:
            raise NotPassed("gcode.letter_not_allowed", command=code, letter=letter)
        if letter in values:
            raise NotPassed("gcode.letter_twice", command=code, letter=letter)
        values[letter] = float(number) if number else None
    return values
