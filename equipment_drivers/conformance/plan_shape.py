"""Whether a stop plan is what `contract.StopStep` says: data the stopper can carry out.

Checked against the contract's words, not by the stopper's own parser: this room does not know it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from equipment_drivers.contract import StopPlan, StopStep

LONGEST_DEADLINE_S = 10.0
Check = Callable[[object], bool]


def _text(value: object) -> bool:
    return isinstance(value, str)


def _some_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _port(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536


def _bytes(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"([0-9a-fA-F]{2})*", value) is not None


def _some_bytes(value: object) -> bool:
    return _bytes(value) and value != ""


def _pattern(value: object) -> bool:
    try:
        re.compile(value if isinstance(value, str) else "(")
    except re.error:
        return False
    return True


def _url(*schemes: str) -> Check:
    beginning = re.compile(rf"({'|'.join(schemes)})://[^/\s]+\S*")
    return lambda value: isinstance(value, str) and beginning.fullmatch(value) is not None


def _method(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Z]{3,10}", value) is not None


def _path(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(_name(one) for one in value)


def _name(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_text, value))


def _headers(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(one, str) and not re.search(r"[\r\n\0]", one)
        for pair in value.items()
        for one in pair
    )


def _plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _plains(value: object) -> bool:
    return isinstance(value, list) and all(map(_plain, value))


def _arguments(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, list) and len(one) == 2 and _text(one[0]) and _plain(one[1])
        for one in value
    )


def _fields(given: object, needed: Mapping[str, Check], more: Mapping[str, Check]) -> list[str]:
    """The names of keys that are missing, strange or wrong."""
    if not isinstance(given, dict):
        return ["not a table"]
    known = {**needed, **more}
    wrong = [f"{key}: missing" for key in needed if key not in given]
    wrong += [f"{key}: not in the contract" for key in given if key not in known]
    for key in known.keys() & given.keys():
        if not known[key](given[key]):
            wrong.append(f"{key}: {given[key]!r}")
    return wrong


def _or_none(needed: Mapping[str, Check]) -> Check:
    return lambda value: value is None or not _fields(value, needed, {})


SECURITY: Mapping[str, Check] = dict.fromkeys(
    ("policy", "mode", "certificate_file", "private_key_file", "trust_dir"), _some_text
)
KINDS: Mapping[str, tuple[Mapping[str, Check], Mapping[str, Check]]] = {
    "descriptor": ({"write_hex": _some_bytes, "expect": _pattern}, {}),
    "socket": (
        {"host": _some_text, "port": _port, "write_hex": _some_bytes, "expect": _pattern},
        {"greeting": _pattern, "keep_hex": _bytes},
    ),
    "opcua_call": (
        {"endpoint": _url("opc.tcp"), "object": _path, "method": _name, "args": _arguments},
        {
            "confirm": _or_none({"path": _path, "equals": _plains}),
            "security": _or_none(SECURITY),
            "user": _text,
            "password": _text,
        },
    ),
    "http": (
        {"method": _method, "url": _url("http", "https"), "headers": _headers, "body": _text},
        {"confirm": _or_none({"url": _url("http", "https"), "key": _some_text, "equals": _plain})},
    ),
}
"""By kind: the keys a payload needs, and those it may have."""


def problems(plan: StopPlan, device: str, connection: str) -> list[str]:
    """Everything wrong with a plan; empty: the stopper can carry it out."""
    found = [] if plan.device == device else [f"device: {plan.device}"]
    if not _some_text(plan.means):
        found.append(f"means: {plan.means!r}")
    for number, step in enumerate(plan.steps):
        found += [f"step {number}: {wrong}" for wrong in _step(step, connection)]
    return found


def _step(step: StopStep, connection: str) -> list[str]:
    if step.kind not in KINDS:
        return [f"kind: {step.kind!r} is not one of {', '.join(KINDS)}"]
    found = [] if step.connection == connection else [f"connection: {step.connection!r}"]
    if not 0 < step.deadline_s <= LONGEST_DEADLINE_S:
        found.append(f"deadline_s: not in (0, {LONGEST_DEADLINE_S:g}]")
    try:
        sent = json.loads(json.dumps(dict(step.payload)))
    except (TypeError, ValueError) as error:
        return [*found, f"payload: {error}"]
    return found + _fields(sent, *KINDS[step.kind])
