"""How things look: colours, marks for states, and columns counted in terminal cells.

A state is always symbol + word + colour. Only ASCII and wide Japanese are drawn: glyphs whose
width a terminal may see differently would shift every column after them.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

PLAIN = Style(color="#d6dbe2")
BOLD = Style(color="#f2f5f8", bold=True)
DIM = Style(color="#8a94a3")
FAINT = Style(color="#596474")
GOOD = Style(color="#6fd08c")
WARN = Style(color="#f0c04e")
BAD = Style(color="#ff7a70", bold=True)
CALM = Style(color="#7db7ff")
KEY = Style(color="#ffd479", bold=True)
ALARM = Style(color="#ffffff", bgcolor="#b3201c", bold=True)


@dataclass(frozen=True, slots=True)
class Mark:
    """The symbol and colour of a state; its word is in the texts."""

    symbol: str
    style: Style


UNKNOWN = Mark("?", WARN)

LINK = {
    "online": Mark("+", GOOD),
    "degraded": Mark("~", WARN),
    "connecting": Mark(".", CALM),
    "syncing": Mark(".", CALM),
    "backoff": Mark("x", BAD),
    "offline": Mark("x", BAD),
    "config_error": Mark("!", BAD),
    "auth_error": Mark("!", BAD),
    "identity_error": Mark("!", BAD),
}
OPERATION = {
    "unknown": UNKNOWN,
    "idle": Mark("-", DIM),
    "ready": Mark("=", CALM),
    "busy": Mark(">", GOOD),
    "paused": Mark(":", WARN),
    "stopping": Mark("v", WARN),
    "fault": Mark("!", BAD),
    "maintenance": Mark("m", WARN),
}
SAFETY = {
    "none": Mark("-", DIM),
    "unknown": UNKNOWN,
    "normal": Mark("+", GOOD),
    "reduced": Mark("~", WARN),
    "protective_stop": Mark("!", BAD),
    "safeguard_stop": Mark("!", BAD),
    "device_estop": Mark("!", BAD),
    "lab_latched": Mark("#", BAD),
}
AXES = {"link": LINK, "operation": OPERATION, "safety": SAFETY}

BOOKING = {
    "requested": Mark("?", Style(color="#fff3d0", bgcolor="#8a6400")),
    "waitlisted": Mark("~", Style(color="#d6dbe2", bgcolor="#5c4a18")),
    "confirmed": Mark("=", Style(color="#ffffff", bgcolor="#27589c")),
    "checked_in": Mark(">", Style(color="#ffffff", bgcolor="#1f7a45")),
    "armed": Mark("#", Style(color="#04140a", bgcolor="#58d07f", bold=True)),
    "completed": Mark("v", Style(color="#b6bec9", bgcolor="#39424f")),
    "declined": Mark("x", DIM),
    "cancelled": Mark("x", DIM),
    "no_show": Mark("x", WARN),
}
RUN = {
    "planned": Mark("-", DIM),
    "running": Mark(">", GOOD),
    "paused": Mark(":", WARN),
    "finished": Mark("v", CALM),
    "aborted": Mark("x", WARN),
    "interrupted": Mark("!", BAD),
}
COMMAND = {
    "accepted": DIM,
    "sent": CALM,
    "done": GOOD,
    "failed": BAD,
    "refused": WARN,
    "unknown": BAD,
}
OUTCOME = {
    "SENDING": Mark(".", CALM),
    "SENT": Mark(">", WARN),
    "CONFIRMED": Mark("v", GOOD),
    "FAILED": Mark("!", ALARM),
}


def fit(text: str, width: int) -> str:
    """Exactly `width` cells: cut without cutting a wide character in two, or filled up."""
    if cell_len(text) > width > 2:
        return set_cell_size(text, width - 1).rstrip() + _filled("~", text, width)
    return set_cell_size(text, width)


def _filled(mark: str, text: str, width: int) -> str:
    """The cut mark and what is missing to the width behind it."""
    used = cell_len(set_cell_size(text, width - 1).rstrip())
    return mark + " " * (width - used - 1)


def halves(text: str, width: int) -> tuple[str, str]:
    """A text on two lines of `width` cells, cut between characters."""
    used = 0
    for place, char in enumerate(text):
        used += cell_len(char)
        if used > width:
            return text[:place], fit(text[place:].strip(), width).rstrip()
    return text, ""


def column(text: str, width: int, style: Style = PLAIN) -> Text:
    """One column of a row."""
    return Text(fit(text, width), style)


def right(text: str, width: int, style: Style = PLAIN) -> Text:
    """One column, its text at the right edge."""
    missing = width - cell_len(text)
    return Text(" " * missing + text if missing >= 0 else fit(text, width), style)


def bar(fraction: float, width: int) -> str:
    """A progress bar in ASCII."""
    full = round(max(0.0, min(1.0, fraction)) * width)
    return "[" + "#" * full + "-" * (width - full) + "]"


def joined(parts: list[Text], gap: str = " ") -> Text:
    """Columns side by side."""
    return Text(gap).join(parts)
