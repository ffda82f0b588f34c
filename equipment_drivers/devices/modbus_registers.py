"""What lies in a Modbus device's four tables, and how its bits and registers become numbers.

Modbus defines 16-bit registers, high byte first, and nothing wider: how a 32- or 64-bit value or a
float lies in several of them is each maker's choice, hence `word_order` and `byte_order`.
Modbus Application Protocol 1.1b3: https://modbus.org/specs.php
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Table = Literal["coil", "discrete", "input", "holding"]
Order = Literal["big", "little"]
Kind = Literal["bit", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]

FORMATS: Mapping[str, str] = {
    "int16": ">h",
    "uint16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "int64": ">q",
    "uint64": ">Q",
    "float32": ">f",
    "float64": ">d",
}
BIT_TABLES = frozenset({"coil", "discrete"})
MOST_AT_ONCE: Mapping[str, int] = {"coil": 2000, "discrete": 2000, "input": 125, "holding": 125}
"""How much one request may read (section 6.1 to 6.4)."""
LAST_ADDRESS = 0xFFFF


class Unrepresentable(ValueError):
    """The value does not fit the registers it was meant for; the text says which bound it broke."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a quantity lies and how it is written there: quantity = raw · `scale` + `offset`.

    A `little` word order has the lowest register first; a `little` byte order swaps the two bytes
    of every register.
    """

    table: Table
    address: int
    kind: Kind
    word_order: Order = "big"
    byte_order: Order = "big"
    scale: float = 1.0
    offset: float = 0.0

    @property
    def width(self) -> int:
        """How many registers (or bits) it takes."""
        return 1 if self.kind == "bit" else struct.calcsize(FORMATS[self.kind]) // 2

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.width

    def decode(self, words: Sequence[int]) -> float | None:
        """The quantity in these registers; None where they hold no number (NaN, infinity)."""
        value = self.raw(words) * self.scale + self.offset
        return value if math.isfinite(value) else None

    def raw(self, words: Sequence[int]) -> int | float:
        """The number as it lies there, without scale and offset."""
        if self.kind == "bit":
            return int(words[0])
        data = b"".join(word.to_bytes(2, self.byte_order) for word in self._turned(words))
        number: int | float = struct.unpack(FORMATS[self.kind], data)[0]
        return number

    def encode(self, value: float) -> list[int]:
        """The registers that hold `value`, rounded to the nearest step. Raises Unrepresentable."""
        number = (value - self.offset) / self.scale
        if not math.isfinite(number):
            raise Unrepresentable("not a number")
        if self.kind == "bit":
            if number not in (0.0, 1.0):
                raise Unrepresentable("neither 0 nor 1")
            return [int(number)]
        whole = not self.kind.startswith("float")
        try:
            data = struct.pack(FORMATS[self.kind], round(number) if whole else number)
        except (struct.error, OverflowError) as error:
            raise Unrepresentable(f"outside {self.kind}") from error
        pairs = (data[at : at + 2] for at in range(0, len(data), 2))
        return self._turned([int.from_bytes(pair, self.byte_order) for pair in pairs])

    def _turned(self, words: Sequence[int]) -> list[int]:
        return list(reversed(words)) if self.word_order == "little" else list(words)


@dataclass(frozen=True, slots=True)
class Block:
    """One read request: `count` registers or bits of a table from `address` on."""

    table: Table
    address: int
    count: int

    def part(self, place: Place, words: Sequence[int]) -> Sequence[int]:
        """The registers of `place` within what this request brought."""
        first = place.address - self.address
        return words[first : first + place.width]

    def holds(self, place: Place) -> bool:
        """Whether `place` lies wholly within."""
        return (
            place.table == self.table
            and self.address <= place.address
            and place.end <= self.address + self.count
        )


def blocks(places: Sequence[Place], gap: int) -> list[Block]:
    """The fewest requests that read all places, each value wholly within one of them.

    Values up to `gap` unused registers apart are read together: what belongs together is then of
    one moment, and no value is torn between two answers.
    """
    found: list[Block] = []
    for place in sorted(places, key=lambda one: (one.table, one.address, one.end)):
        last = found[-1] if found else None
        if last is not None and last.table == place.table:
            end = max(last.address + last.count, place.end)
            near = place.address <= last.address + last.count + gap
            if near and end - last.address <= MOST_AT_ONCE[place.table]:
                found[-1] = Block(last.table, last.address, end - last.address)
                continue
        found.append(Block(place.table, place.address, place.width))
    return found


@dataclass(frozen=True, slots=True)
class Write:
    """What one request writes: registers (or bits) of a table from `address` on."""

    table: Table
    address: int
    words: tuple[int, ...]


def writes(values: Sequence[tuple[Place, float]]) -> list[Write]:
    """The fewest requests that write all these values. Raises Unrepresentable."""
    found: list[Write] = []
    for place, value in sorted(values, key=lambda one: (one[0].table, one[0].address)):
        words = tuple(place.encode(value))
        last = found[-1] if found else None
        if last and last.table == place.table and last.address + len(last.words) == place.address:
            found[-1] = Write(last.table, last.address, last.words + words)
        else:
            found.append(Write(place.table, place.address, words))
    return found
