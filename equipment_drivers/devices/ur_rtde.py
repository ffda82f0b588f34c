"""RTDE packages of Universal Robots controllers: from bytes and back, no I/O.

A package is a big-endian header (uint16 size of the whole package, uint8 type) and a payload. A
recipe names the fields of the data packages to come; the controller answers with their types, or
NOT_FOUND and IN_USE in the place of a type. Protocol version 2, by the RTDE guide:
https://docs.universal-robots.com/tutorials/communication-protocol-tutorials/rtde-guide.html
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from equipment_drivers.errors import ProtocolFault

PROTOCOL = 2

REQUEST_PROTOCOL = ord("V")
CONTROLLER_VERSION = ord("v")
TEXT_MESSAGE = ord("M")
DATA = ord("U")
SETUP_OUTPUTS = ord("O")
SETUP_INPUTS = ord("I")
START = ord("S")

KNOWN = frozenset(
    {REQUEST_PROTOCOL, CONTROLLER_VERSION, TEXT_MESSAGE, DATA, SETUP_OUTPUTS, SETUP_INPUTS, START}
)
LEVELS = ("exception", "error", "warning", "info")
NOT_FOUND = "NOT_FOUND"

FORMATS: Mapping[str, str] = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT32": "I",
    "UINT64": "Q",
    "INT32": "i",
    "DOUBLE": "d",
    "VECTOR3D": "3d",
    "VECTOR6D": "6d",
    "VECTOR6INT32": "6i",
    "VECTOR6UINT32": "6I",
}
"""The field types and how they lie on the wire."""

HEADER = struct.Struct(">HB")
VERSION = struct.Struct(">IIII")

Value = float | int | bool | tuple[float | int, ...]
Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Package:
    """One package: its type and what follows the header."""

    type: int
    payload: bytes

    def to_bytes(self) -> bytes:
        """As it goes out."""
        return HEADER.pack(HEADER.size + len(self.payload), self.type) + self.payload


class Unpacker:
    """Cuts a stream of bytes into packages, however the bytes arrive."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Package]:
        """The packages that are whole now. Raises ProtocolFault on a size no package can have."""
        buffer, start = self._rest + data, 0
        packages: list[Package] = []
        while len(buffer) - start >= HEADER.size:
            size, kind = HEADER.unpack_from(buffer, start)
            if size < HEADER.size:
                raise ProtocolFault(cause=f"RTDE package of {size} bytes")
            if len(buffer) - start < size:
                break
            packages.append(Package(kind, buffer[start + HEADER.size : start + size]))
            start += size
        self._rest = buffer[start:]
        return packages


@dataclass(frozen=True, slots=True)
class Recipe:
    """The fields of one kind of data package, in order, as the controller agreed to them."""

    id: int
    names: tuple[str, ...]
    types: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether the controller has every field; if not it sends and takes nothing of it."""
        return all(kind in FORMATS for kind in self.types)

    def refused(self) -> dict[str, str]:
        """The fields it does not give, and why: NOT_FOUND, IN_USE, or a type nobody knows."""
        return {
            name: kind
            for name, kind in zip(self.names, self.types, strict=True)
            if kind not in FORMATS
        }

    def unpack(self, payload: bytes) -> dict[str, Value]:
        """The values of a data package. Raises ProtocolFault when it is not of this recipe."""
        layout = _layout(self.types)
        if not payload or payload[0] != self.id or len(payload) != 1 + layout.size:
            raise ProtocolFault(cause=f"RTDE data package of {len(payload)} bytes")
        flat = layout.unpack_from(payload, 1)
        values: dict[str, Value] = {}
        at = 0
        for name, kind in zip(self.names, self.types, strict=True):
            count = _count(kind)
            values[name] = flat[at] if count == 1 else flat[at : at + count]
            at += count
        return values

    def pack(self, values: Values) -> Package:
        """A data package with these values."""
        flat: list[float | int | bool] = []
        for name in self.names:
            value = values[name]
            flat.extend(value if isinstance(value, tuple) else (value,))
        return Package(DATA, bytes([self.id]) + _layout(self.types).pack(*flat))


@lru_cache(maxsize=64)
def _layout(types: tuple[str, ...]) -> struct.Struct:
    return struct.Struct(">" + "".join(FORMATS[kind] for kind in types))


def _count(kind: str) -> int:
    digits = FORMATS[kind][:-1]
    return int(digits) if digits else 1


# -- what the host asks --------------------------------------------------------------------------


def request_protocol() -> Package:
    """Ask for protocol version 2."""
    return Package(REQUEST_PROTOCOL, struct.pack(">H", PROTOCOL))


def setup_outputs(hz: float, names: Sequence[str]) -> Package:
    """Ask to be sent these fields so many times a second."""
    return Package(SETUP_OUTPUTS, struct.pack(">d", hz) + ",".join(names).encode("ascii"))


def setup_inputs(names: Sequence[str]) -> Package:
    """Ask to be the one who writes these fields."""
    return Package(SETUP_INPUTS, ",".join(names).encode("ascii"))


# -- what the controller answers -----------------------------------------------------------------


def accepted(answer: Package) -> bool:
    """The answer to a protocol version or a start."""
    if len(answer.payload) != 1:
        raise ProtocolFault(cause=f"RTDE answer {answer.type} of {len(answer.payload)} bytes")
    return answer.payload[0] != 0


def controller_version(answer: Package) -> tuple[int, int, int, int]:
    """Major, minor, bugfix, build."""
    if len(answer.payload) != VERSION.size:
        raise ProtocolFault(cause=f"RTDE version of {len(answer.payload)} bytes")
    major, minor, bugfix, build = VERSION.unpack(answer.payload)
    return major, minor, bugfix, build


def recipe(answer: Package, names: Sequence[str]) -> Recipe:
    """What became of a setup of these fields."""
    types = tuple(answer.payload[1:].decode("ascii", "replace").split(","))
    if not answer.payload or len(types) != len(names):
        raise ProtocolFault(cause=f"RTDE recipe of {len(types)} types for {len(names)} fields")
    return Recipe(answer.payload[0], tuple(names), types)


def text_message(package: Package) -> tuple[str, str]:
    """Level (exception, error, warning, info) and text; never raises, whatever is in it."""
    text, rest = _counted(package.payload)
    source, rest = _counted(rest)
    level = LEVELS[rest[0]] if rest and rest[0] < len(LEVELS) else "info"
    return level, ": ".join(part for part in (source, text) if part)


def _counted(data: bytes) -> tuple[str, bytes]:
    length = data[0] if data else 0
    return data[1 : 1 + length].decode("utf-8", "replace").strip(), data[1 + length :]
