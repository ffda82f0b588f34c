"""How a run stands for the one who works at it, in words: mode, a stop without its cause, rules."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from lab_controller.wire_operator import FloorShape, StoodShape
from lab_controller.wire_trials import RunShape
from tui.look import BAD, BOLD, DIM, KEY, PLAIN, WARN
from tui.texts import Texts
from tui.trial_words import clock

MODES = ("production", "setup", "trial", "maintenance")


def waiting_stop(floor: FloorShape) -> StoodShape | None:
    """The newest stop nobody has explained yet."""
    open_ones = [stop for stop in floor.stops if not stop.explained_by]
    return max(open_ones, key=lambda stop: stop.at, default=None)


def stood_words(stop: StoodShape, at: datetime, t: Texts) -> str:
    """Which machine stood, since when, how long, and what its state was."""
    key = "stop.stood" if stop.ended else "stop.stands"
    took = clock(stop.seconds)
    return t(key, device=stop.device_name, at=f"{at:%H:%M:%S}", took=took, kind=stop.kind_text)


def floor_lines(run: RunShape, floor: FloorShape | None, t: Texts) -> list[Text]:
    """What the operator should know and the keys that answer it; the most urgent first."""
    lines = [Text(f"!{met.text}", BAD) for met in run.stop_rules_met]
    if floor is None or floor.run != run.id:
        return lines
    waiting = [stop for stop in floor.stops if not stop.explained_by]
    stop = waiting_stop(floor)
    if stop is not None:
        key = "floor.stood" if stop.ended else "floor.stands"
        told = t(key, device=stop.device_name, took=clock(stop.seconds), n=len(waiting))
        lines.append(Text.assemble(("k ", KEY), (told, WARN if stop.ended else BAD)))
    mode = Text.assemble(("e ", KEY), (floor.mode_text, PLAIN))
    now = t("floor.element", element=t.word("element", floor.element))
    lines.append(mode + Text(f"   {now}", BOLD))
    hints = Text()
    for key, name in (("i", "scan"), ("u", "undo"), ("y", "consumable")):
        hints.append(f"{key} ", KEY)
        hints.append(f"{t(f'key.run.{name}')}  ", DIM)
    return [*lines, hints]
