"""What happened in a run, in words: one line for each row of its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab_controller.i18n import catalogue, text
from trial_logs.model import RunHeader
from trial_logs.replay import Event

Facts = Mapping[str, Any]
Names = Mapping[str, str]
Details = Callable[[Facts, str], list[str]]

WORDS = {
    # a column whose value is a code, and the kind of text that says it
    "state": "run_state",
    "verdict": "verdict",
    "link": "link",
    "operation": "operation",
    "safety": "safety",
    "mode": "run_mode",
}
ENDS = ("cause", "why", "by")  # said at the end of a line, where they are not empty


def event_words(event: Event, language: str, names: Names) -> str:
    """An event in one line; `names` are what people call the devices and the causes of stops."""
    facts = event.facts
    said = {name: _word(name, value, language) for name, value in facts.items()}
    device = str(facts.get("device", ""))
    said["cause"] = names.get(f"cause.{facts.get('cause')}", said.get("cause", ""))
    said["device"] = text(language, "replay.all") if device == "*" else names.get(device, device)
    line = text(language, _key(event), said | {"no": event.no})
    found = MORE.get(event.kind, _nothing)(facts, language)
    ends = [said[name] for name in ENDS if facts.get(name)]
    return "  ".join([line, *found, *ends])


def cause_names(header: RunHeader) -> dict[str, str]:
    """What the trial's own causes of stops are called, as `event_words` looks them up."""
    return {f"cause.{one.code}": one.name for one in header.stop_causes}


def word(kind: str, code: str, language: str) -> str:
    """The word for a code of a kind, else the code itself; what people wrote stays as it is."""
    known = catalogue(language)
    return known.get(f"{kind}.{code}", known.get(code, code))


def _word(name: str, value: object, language: str) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    return word(WORDS.get(name, name), str(value), language)


def _key(event: Event) -> str:
    """Which sentence says it: some tables hold two kinds of rows."""
    if event.kind == "gap":
        return "replay.gap_opened" if event.facts["opened"] else "replay.gap_closed"
    if event.kind == "order_edge":
        return "replay.order_begun" if event.facts["in_force"] else "replay.order_over"
    if event.kind == "correction":
        return f"replay.corrected_{event.facts['about']}"
    return f"replay.{event.kind}"


def _nothing(facts: Facts, language: str) -> list[str]:
    return []


def _part(facts: Facts, language: str) -> list[str]:
    cycle = facts["cycle_time_s"]
    return [] if cycle is None else [text(language, "replay.cycle", {"s": f"{cycle:.2f}"})]


def _measurement(facts: Facts, language: str) -> list[str]:
    part = facts["part_no"]
    of = [] if part is None else [text(language, "replay.of_part", {"no": part})]
    return [*of, facts["gauge"]] if facts["gauge"] else of


MORE: Mapping[str, Details] = {"part_event": _part, "measurement": _measurement}
