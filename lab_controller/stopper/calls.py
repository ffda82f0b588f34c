"""The calls of a stop plan: a class and a parser per kind.

What the payloads hold is said by `equipment_drivers.contract.StopStep`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

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
class SocketCall:
    """Bytes for a TCP server, what it says first, what it answers, and what keeps it awake."""

    host: str
    port: int
    data: bytes
    expect: re.Pattern[bytes] | None
    greeting: re.Pattern[bytes] | None
    keep: bytes

    @property
    def address(self) -> tuple[str, int]:
        """Where its connection goes; all calls to one address share it."""
        return self.host, self.port


@dataclass(frozen=True, slots=True)
class HttpConfirm:
    """A resource whose JSON `key` equals `equals` once the device has stopped."""

    target: str
    key: str
    equals: Any


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One request. `target` is path and query; the confirmation is on the same server.

    Its headers hold a token, so they are not shown.
    """

    secure: bool
    host: str
    port: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes
    confirm: HttpConfirm | None


@dataclass(frozen=True, slots=True)
class OpcuaConfirm:
    """A variable that takes one of these values once the device has stopped."""

    path: BrowsePath
    equals: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Security:
    """How a session is secured; the server's certificate has to lie in `trust_dir`."""

    policy: str
    mode: str
    certificate_file: str
    private_key_file: str
    trust_dir: str


@dataclass(frozen=True, slots=True)
class OpcuaServer:
    """Where a session goes and as whom; all calls to one server share it."""

    endpoint: str
    security: Security | None = None
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class OpcuaCall:
    """One method call, found by browse path; `args` are (variant type, plain value) pairs."""

    server: OpcuaServer
    object: BrowsePath
    method: tuple[str, str]
    confirm: OpcuaConfirm | None
    args: tuple[tuple[str, str | int | float | bool], ...] = ()


Call = DescriptorCall | SocketCall | HttpCall | OpcuaCall


def _descriptor(payload: Mapping[str, Any]) -> DescriptorCall:
    text_of(payload, "write_hex")
    return DescriptorCall(_bytes(payload, "write_hex"), _pattern(payload, "expect"))


def _socket(payload: Mapping[str, Any]) -> SocketCall:
    text_of(payload, "write_hex")
    port = payload.get("port")
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise BadPlan("port: not a TCP port")
    return SocketCall(
        host=text_of(payload, "host"),
        port=port,
        data=_bytes(payload, "write_hex"),
        expect=_pattern(payload, "expect"),
        greeting=_pattern(payload, "greeting"),
        keep=_bytes(payload, "keep_hex"),
    )


def _bytes(payload: Mapping[str, Any], key: str) -> bytes:
    try:
        return bytes.fromhex(payload.get(key, ""))
    except (ValueError, TypeError) as problem:
        raise BadPlan(f"{key}: {problem}") from problem


def _pattern(payload: Mapping[str, Any], key: str) -> re.Pattern[bytes] | None:
    pattern = payload.get(key, "")
    try:
        return re.compile(pattern.encode()) if pattern else None
    except (ValueError, AttributeError, re.error) as problem:
        raise BadPlan(f"{key}: {problem}") from problem


def _http(payload: Mapping[str, Any]) -> HttpCall:
    secure, host, port, target = _url(text_of(payload, "url"))
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
    *other, target = _url(text_of(data, "url"))
    if tuple(other) != server:
        raise BadPlan("confirm.url: another server than url")
    if not isinstance(data, dict) or "equals" not in data:
        raise BadPlan("confirm.equals: missing")
    if isinstance(data["equals"], list | dict):
        raise BadPlan("confirm.equals: not a plain value")
    return HttpConfirm(target, text_of(data, "key"), data["equals"])


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
    method = _pair(payload.get("method"), "method")
    confirm = payload.get("confirm")
    wanted = None
    if confirm is not None:
        path = _names(list_of(confirm, "path"), "confirm.path")
        values = tuple(list_of(confirm, "equals"))
        if any(isinstance(value, list | dict) for value in values):
            raise BadPlan("confirm.equals: not plain values")
        wanted = OpcuaConfirm(path, values)
    arguments = tuple(map(_argument, list_of(payload, "args") if "args" in payload else []))
    path = _names(list_of(payload, "object"), "object")
    return OpcuaCall(_server(payload), path, method, wanted, arguments)


def _server(payload: Mapping[str, Any]) -> OpcuaServer:
    endpoint = text_of(payload, "endpoint")
    if not endpoint.startswith("opc.tcp://"):
        raise BadPlan("endpoint: not opc.tcp://")
    user, password = payload.get("user", ""), payload.get("password", "")
    if not isinstance(user, str) or not isinstance(password, str):
        raise BadPlan("user, password: not texts")
    asked = payload.get("security")
    security = None
    if asked is not None:
        security = Security(**{one.name: text_of(asked, one.name) for one in fields(Security)})
    return OpcuaServer(endpoint, security, user, password)


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


def text_of(data: object, key: str) -> str:
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, str) or not value:
        raise BadPlan(f"{key}: missing or not a text")
    return value


def mapping_of(data: object, key: str) -> dict[str, Any]:
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, dict):
        raise BadPlan(f"{key}: missing or not an object")
    return value


def list_of(data: object, key: str) -> list[Any]:
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, list):
        raise BadPlan(f"{key}: missing or not a list")
    return value


CALLS: Mapping[str, Callable[[Mapping[str, Any]], Call]] = {
    "descriptor": _descriptor,
    "socket": _socket,
    "http": _http,
    "opcua_call": _opcua,
}
