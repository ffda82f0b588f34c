"""Stop plans: data from the drivers, checked here so that a bad one spoils only itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

LONGEST_DEADLINE_S = 10.0

BrowsePath = tuple[tuple[str, str], ...]
"""(namespace URI, browse name) pairs below Objects."""


class BadPlan(ValueError):
    """A plan or a step that cannot be carried out; the text says which key."""


@dataclass(frozen=True, slots=True)
class DescriptorCall:
    """Bytes for a serial line or socket, and what the device answers when it has stopped."""

    data: bytes
    expect: re.Pattern[bytes] | None


@dataclass(frozen=True, slots=True)
class HttpConfirm:
    """A resource whose JSON `key` equals `equals` once the device has stopped."""

    target: str
    key: str
    equals: Any


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One request. `target` is path and query; the confirmation is on the same server."""

    secure: bool
    host: str
    port: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    confirm: HttpConfirm | None


@dataclass(frozen=True, slots=True)
class OpcuaConfirm:
    """A variable that takes one of these values once the device has stopped."""

    path: BrowsePath
    equals: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class OpcuaCall:
    """One method call, found by browse path; `args` are (variant type, plain value) pairs."""

    endpoint: str
    object: BrowsePath
    method: tuple[str, str]
    confirm: OpcuaConfirm | None
    args: tuple[tuple[str, str | int | float | bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a plan. `call` is None when the step is malformed; `problem` says why."""

    kind: str
    connection: str
    deadline_s: float
    call: DescriptorCall | HttpCall | OpcuaCall | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one device is stopped; no steps and no problem: software cannot stop it."""

    device: str
    means: str
    steps: tuple[Step, ...] = ()
    problem: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything wrong with it."""
        found = (self.problem, *(step.problem for step in self.steps))
        return tuple(problem for problem in found if problem)


def parse_plans(data: object) -> tuple[dict[str, Plan], list[str]]:
    """Plans by device, and what could not even be given to a device."""
    plans: dict[str, Plan] = {}
    lost: list[str] = []
    for one in data if isinstance(data, list) else [data]:
        try:
            device = _text(one, "device")
        except BadPlan as problem:
            lost.append(str(problem))
            continue
        repeated = device in plans
        plans[device] = _plan(device, one)
        if repeated:
            plans[device] = Plan(device, plans[device].means, (), "device: given twice")
    return plans, lost


def _plan(device: str, data: Any) -> Plan:
    means = data.get("means")
    steps = data.get("steps", [])
    if not isinstance(means, str) or not isinstance(steps, list):
        return Plan(device, str(means), (), "means: a text, steps: a list")
    return Plan(device, means, tuple(_step(one) for one in steps))


def _step(data: object) -> Step:
    known = data if isinstance(data, dict) else {}
    kind, connection = str(known.get("kind", "")), str(known.get("connection", ""))
    try:
        deadline = _deadline(known.get("deadline_s", 1.0))
        if kind not in CALLS:
            raise BadPlan(f"kind: {kind!r} is not one of {', '.join(CALLS)}")
        return Step(kind, connection, deadline, CALLS[kind](_mapping(data, "payload")))
    except BadPlan as problem:
        return Step(kind, connection, 1.0, None, str(problem))


def _deadline(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadPlan("deadline_s: not a number")
    if not 0 < value <= LONGEST_DEADLINE_S:
        raise BadPlan(f"deadline_s: not in (0, {LONGEST_DEADLINE_S:g}]")
    return float(value)


def _descriptor(payload: Mapping[str, Any]) -> DescriptorCall:
    expect = payload.get("expect", "")
    try:
        data = bytes.fromhex(_text(payload, "write_hex"))
        pattern = re.compile(expect.encode()) if expect else None
    except (ValueError, AttributeError, re.error) as problem:
        raise BadPlan(f"write_hex or expect: {problem}") from problem
    return DescriptorCall(data, pattern)


def _http(payload: Mapping[str, Any]) -> HttpCall:
    secure, host, port, target = _url(_text(payload, "url"))
    method = payload.get("method", "POST")
    headers = payload.get("headers", {})
    body = payload.get("body", "")
    if not isinstance(method, str) or not re.fullmatch(r"[A-Z]{3,10}", method):
        raise BadPlan("method: not an HTTP method")
    if not isinstance(headers, dict) or not isinstance(body, str):
        raise BadPlan("headers: an object, body: a text")
    pairs = tuple((str(name), str(value)) for name, value in headers.items())
    if any(re.search(r"[\r\n\0]", name + value) for name, value in pairs):
        raise BadPlan("headers: a line break")
    confirm = _http_confirm(payload.get("confirm"), (secure, host, port))
    return HttpCall(secure, host, port, method, target, pairs, body.encode(), confirm)


def _http_confirm(data: object, server: tuple[bool, str, int]) -> HttpConfirm | None:
    if data is None:
        return None
    *other, target = _url(_text(data, "url"))
    if tuple(other) != server:
        raise BadPlan("confirm.url: another server than url")
    if not isinstance(data, dict) or "equals" not in data:
        raise BadPlan("confirm.equals: missing")
    if isinstance(data["equals"], list | dict):
        raise BadPlan("confirm.equals: not a plain value")
    return HttpConfirm(target, _text(data, "key"), data["equals"])


def _url(text: str) -> tuple[bool, str, int, str]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as problem:
        raise BadPlan(f"url: {problem}") from problem
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadPlan("url: not http:// or https://")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not re.fullmatch(r"[!-~]+", target):
        raise BadPlan("url: characters that are not allowed")
    secure = parts.scheme == "https"
    return secure, parts.hostname, port or (443 if secure else 80), target


def _opcua(payload: Mapping[str, Any]) -> OpcuaCall:
    endpoint = _text(payload, "endpoint")
    if not endpoint.startswith("opc.tcp://"):
        raise BadPlan("endpoint: not opc.tcp://")
    method = _pair(payload.get("method"), "method")
    confirm = payload.get("confirm")
    wanted = None
    if confirm is not None:
        path = _names(_list(confirm, "path"), "confirm.path")
        values = tuple(_list(confirm, "equals"))
        if any(isinstance(value, list | dict) for value in values):
            raise BadPlan("confirm.equals: not plain values")
        wanted = OpcuaConfirm(path, values)
    arguments = tuple(map(_argument, _list(payload, "args") if "args" in payload else []))
    path = _names(_list(payload, "object"), "object")
    return OpcuaCall(endpoint, path, method, wanted, arguments)


def _argument(data: object) -> tuple[str, str | int | float | bool]:
    match data:
        case [str() as kind, (str() | int() | float() | bool()) as value]:
            return kind, value
    raise BadPlan("args: not a pair of variant type and plain value")


def _names(pairs: object, key: str) -> BrowsePath:
    return tuple(_pair(one, key) for one in (pairs if isinstance(pairs, list) else [pairs]))


def _pair(data: object, key: str) -> tuple[str, str]:
    match data:
        case [str() as uri, str() as name]:
            return uri, name
    raise BadPlan(f"{key}: not a pair of namespace URI and browse name")


def _text(data: object, key: str) -> str:
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, str) or not value:
        raise BadPlan(f"{key}: missing or not a text")
    return value


def _mapping(data: object, key: str) -> dict[str, Any]:
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, dict):
        raise BadPlan(f"{key}: missing or not an object")
    return value


def _list(data: object, key: str) -> list[Any]:
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, list):
        raise BadPlan(f"{key}: missing or not a list")
    return value


CALLS: Mapping[str, Callable[[Mapping[str, Any]], DescriptorCall | HttpCall | OpcuaCall]] = {
    "descriptor": _descriptor,
    "http": _http,
    "opcua_call": _opcua,
}
