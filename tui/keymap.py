"""Every key of the console, with an id: texts `key.<id>`, `help.<id>` and `roma.<id>` name it.

The ids are what footer, help, command palette and a person's own key settings go by.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Key:
    """One key and what it does. `shown`: as it is printed; `footer`: whether it has a place there.

    `{key}` in the action stands for the key that was pressed. A priority key works everywhere,
    also while a dialog is open or a field is being filled in.
    """

    id: str
    keys: str
    action: str
    shown: str
    footer: bool = False
    priority: bool = False


STOP_KEY = "F12"

SCOPES: dict[str, tuple[Key, ...]] = {
    "global": (
        Key("stop", "f12", "stop", STOP_KEY, priority=True),
        Key("today", "1", "go('today')", "1"),
        Key("devices", "2", "go('devices')", "2"),
        Key("trial", "3", "go('trial')", "3"),
        Key("bookings", "4", "go('bookings')", "4"),
        Key("log", "5", "go('log')", "5"),
        Key("reset", "f8", "reset", "F8"),
        Key("refresh", "f5", "refresh_all", "F5"),
        Key("palette", "ctrl+p", "command_palette", "Ctrl+P"),
        Key("help", "question_mark,f1", "help", "?", footer=True),
        Key("quit", "ctrl+q", "quit", "Ctrl+Q"),
    ),
    "today": (
        Key("day.earlier", "left_square_bracket", "day(-1)", "["),
        Key("day.later", "right_square_bracket", "day(1)", "]"),
        Key("day.now", "0", "day(0)", "0"),
    ),
    "board": (
        Key("board.up", "up", "move(0,-1)", "Up"),
        Key("board.down", "down", "move(0,1)", "Down"),
        Key("board.left", "left", "move(-1,0)", "Left"),
        Key("board.right", "right", "move(1,0)", "Right"),
    ),
    "steps": (
        Key("step.next", "enter", "next_step", "Enter", footer=True),
        Key("step.confirm", "c", "step('confirm')", "c"),
        Key("step.check_in", "i", "step('check-in')", "i", footer=True),
        Key("step.arm", "a", "step('arm')", "a", footer=True),
        Key("step.disarm", "d", "step('disarm')", "d"),
        Key("step.check_out", "o", "step('check-out')", "o"),
        Key("step.operator", "p", "step('operator')", "p"),
        Key("step.decline", "x", "step('decline')", "x"),
        Key("step.cancel", "k", "step('cancel')", "k"),
        Key("step.trial", "t", "open_trial", "t", footer=True),
        Key("step.request", "n", "request", "n", footer=True),
    ),
    "devices": (
        Key("device.stop", "x", "stop_device", "x", footer=True),
        Key("device.reconnect", "r", "reconnect", "r", footer=True),
        Key("device.command", "v", "command", "v", footer=True),
        Key("device.take", "m", "take", "m", footer=True),
        Key("device.release", "u", "release", "u"),
        Key("device.earlier", "left_square_bracket", "scroll(-1)", "["),
        Key("device.later", "right_square_bracket", "scroll(1)", "]"),
    ),
    "log": (
        Key("log.details", "enter", "details", "Enter", footer=True),
        Key("log.state", "f", "state", "f", footer=True),
        Key("log.device", "d", "device", "d", footer=True),
        Key("log.settle", "s", "settle", "s", footer=True),
    ),
    "trial": (
        Key("trial.choose", "t", "choose", "t", footer=True),
        Key("run.begin", "b", "begin", "b", footer=True),
        Key("run.plan", "p", "plan", "p"),
        Key("run.pause", "z", "run_step('pause')", "z"),
        Key("run.resume", "c", "run_step('resume')", "c"),
        Key("run.finish", "f", "run_step('finish')", "f", footer=True),
        Key("run.abort", "x", "abort", "x"),
        Key("part.good", "g", "count('good')", "g"),
        Key("part.scrap", "s", "count('scrap')", "s"),
        Key("part.rework", "r", "count('rework')", "r"),
        Key("run.measure", "m", "measure", "m", footer=True),
        Key("run.note", "n", "note", "n"),
        Key("run.job", "j", "job", "j", footer=True),
        Key("run.replay", "v", "replay", "v"),
        Key("run.mode", "e", "mode", "e"),
        Key("run.cause", "k", "cause", "k"),
        Key("run.undo", "u", "undo", "u"),
        Key("run.scan", "i", "scan", "i"),
        Key("run.consumable", "y", "consumable", "y"),
        Key("trial.amend", "a", "amend", "a"),
        Key("plot.signal", "w", "signal", "w"),
        Key("trial.report", "o", "report", "o"),
        Key("trial.dossier", "d", "dossier", "d"),
    ),
    "bookings": (
        Key("list.search", "slash", "search", "/"),
        Key("list.filter", "f", "filter", "f"),
    ),
    "replay": (
        Key("replay.next", "right", "step(1)", "Right", footer=True),
        Key("replay.previous", "left", "step(-1)", "Left"),
        Key("replay.play", "space", "play", "Space", footer=True),
        Key("replay.speed", "s", "speed", "s", footer=True),
        Key("replay.earlier", "pageup", "by(-60)", "PgUp"),
        Key("replay.later", "pagedown", "by(60)", "PgDn"),
        Key("replay.first", "home", "tenth(0)", "Home"),
        Key("replay.last", "end", "tenth(10)", "End"),
        Key("replay.tenth", "0,1,2,3,4,5,6,7,8,9", "tenth({key})", "0-9"),
        Key("replay.time", "slash", "time", "/", footer=True),
        Key("replay.curve", "w", "curve", "w"),
        Key("replay.keys", "question_mark,f1", "keys", "?", footer=True),
        Key("replay.leave", "escape", "leave", "Esc", footer=True),
    ),
    "rows": (
        Key("rows.up", "up", "move(-1)", "Up"),
        Key("rows.down", "down", "move(1)", "Down"),
        Key("rows.page_up", "pageup", "page(-1)", "PgUp"),
        Key("rows.page_down", "pagedown", "page(1)", "PgDn"),
        Key("rows.first", "home", "edge(0)", "Home"),
        Key("rows.last", "end", "edge(-1)", "End"),
    ),
    "form": (
        Key("form.send", "f2", "send", "F2", footer=True),
        Key("form.back", "escape", "back", "Esc", footer=True),
    ),
    "choice": (
        Key("choice.previous", "left", "turn(-1)", "Left"),
        Key("choice.next", "right,space", "turn(1)", "Right"),
        Key("choice.open", "enter", "open", "Enter"),
    ),
    "search": (Key("search.leave", "escape,enter", "leave", "Esc"),),
    "confirm": (
        Key("confirm.yes", "y", "answer(True)", "y", footer=True),
        Key("confirm.no", "n,escape", "answer(False)", "n", footer=True),
        Key("confirm.other", "left,right", "app.focus_next", "Left"),
    ),
    "one_key": (
        Key("one_key.take", "1,2,3,4,5,6,7,8,9", "take({key})", "1-9", footer=True),
        Key("one_key.back", "escape", "back", "Esc", footer=True),
    ),
    "scan": (Key("scan.leave", "escape", "leave", "Esc", footer=True),),
    "pick": (
        Key("pick.take", "enter", "take", "Enter", footer=True),
        Key("pick.back", "escape", "back", "Esc", footer=True),
    ),
    "close": (Key("close", "enter,escape", "close", "Esc", footer=True),),
}


def bindings(*scopes: str) -> list[Binding | tuple[str, str] | tuple[str, str, str]]:
    """The bindings of some scopes, for a class; their words are chosen when they are shown."""
    return [
        Binding(keys, action, key.id, show=key.footer, priority=key.priority, id=key.id)
        for key in keys_of(scopes)
        for keys, action in _pressed(key)
    ]


def _pressed(key: Key) -> list[tuple[str, str]]:
    """Keys and action; an action that is told which key it was has one binding for each."""
    if "{key}" not in key.action:
        return [(key.keys, key.action)]
    return [(one, key.action.format(key=one)) for one in key.keys.split(",")]


def keys_of(scopes: Iterable[str]) -> list[Key]:
    """The keys of some scopes in order."""
    return [key for scope in scopes for key in SCOPES[scope]]
