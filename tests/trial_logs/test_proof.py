"""Whatever is changed in a run's record is found: 1,000 of 1,000, and the place is told."""

# ruff: noqa: S608
from __future__ import annotations

import json
import random
import sqlite3
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from sqlite_utils import Database

from trial_logs.chain import TABLES, Rows, canonical, extend, last_segment, link, read_ranges
from trial_logs.chain import rows_digest as digest_of
from trial_logs.migrations import evidence as migrations
from trial_logs.proof import cut, first_cell, heads_of, verify

TAMPERINGS = 1_000
ROWS = 4
SEGMENTS = 3


@dataclass(frozen=True, slots=True)
class Sealed:
    """A record with rows in every table, as the bytes of its file, and the head taken of it."""

    image: bytes
    head: str


def record(seed: int) -> Sealed:
    """Every table of the chain filled with values nobody else has, in a few segments."""
    db = Database(memory=True)
    migrations.apply(db)
    db.execute("PRAGMA ignore_check_constraints = on")
    randomness = random.Random(seed)
    for n in range(SEGMENTS):
        extend(db, {table: _rows_for(db, table, randomness) for table in TABLES}, n)
    end = last_segment(db)
    assert end is not None
    sealed = Sealed(db.conn.serialize(), end.head)
    db.close()
    return sealed


def _rows_for(db: Database, table: str, randomness: random.Random) -> list[tuple[object, ...]]:
    types = {column.name: column.type for column in db.table(table).columns}
    make: dict[str, Callable[[], object]] = {
        "TEXT": lambda: f"値{randomness.randrange(10**9):09}",
        "INTEGER": lambda: randomness.randrange(10**12, 10**13),
        "REAL": lambda: round(randomness.uniform(1, 100), 9),
    }
    return [tuple(make[types[name]]() for name in TABLES[table][1:]) for _ in range(ROWS)]


def opened(image: bytes) -> Database:
    """The record from the bytes of its file."""
    db = Database(memory=True)
    db.conn.deserialize(image)
    db.execute("PRAGMA ignore_check_constraints = on")
    return db


def a_place(db: Database, chance: random.Random) -> tuple[str, str, int, object]:
    """A table, a column of it, a row, and what stands there."""
    table = chance.choice([*TABLES])
    column = chance.choice(TABLES[table][1:])
    row = chance.randint(1, ROWS * SEGMENTS)
    (old,) = db.execute(f"SELECT [{column}] FROM [{table}] WHERE id = ?", [row]).fetchone()
    return table, column, row, old


def another_digit(old: object, chance: random.Random) -> object:
    """The value with one of its digits changed."""
    text = str(old)
    at = chance.choice([n for n, sign in enumerate(text) if sign.isdecimal()])
    digit = chance.choice([each for each in "123456789" if each != text[at]])
    changed = text[:at] + digit + text[at + 1 :]
    kinds: dict[type, Callable[[str], object]] = {int: int, float: float, str: str}
    return kinds[type(old)](changed)


def change_a_digit(db: Database, chance: random.Random) -> None:
    table, column, row, old = a_place(db, chance)
    new = another_digit(old, chance)
    db.execute(f"UPDATE [{table}] SET [{column}] = ? WHERE id = ?", [new, row])


def change_and_forge(db: Database, chance: random.Random) -> None:
    """As one who knows the chain: every hash after the change is made right again."""
    change_a_digit(db, chance)
    previous = ""
    for n, at, text in db.execute("SELECT n, at_us, ranges FROM segment ORDER BY n").fetchall():
        body = (n, at, text, digest_of(db, read_ranges(text)), previous)
        previous = link(body)
        db.execute("UPDATE segment SET sha256=?, previous=?, head=? WHERE n=?",
                   [body[3], body[4], previous, n])  # fmt: skip
    assert verify(db) == []


def change_the_chain(db: Database, chance: random.Random) -> None:
    column = chance.choice(["at_us", "ranges", "sha256", "previous", "head"])
    n = chance.randint(2, SEGMENTS)
    (old,) = db.execute(f"SELECT [{column}] FROM segment WHERE n = ?", [n]).fetchone()
    db.execute(f"UPDATE segment SET [{column}] = ? WHERE n = ?", [another_digit(old, chance), n])


def delete_a_row(db: Database, chance: random.Random) -> None:
    table, _, row, _ = a_place(db, chance)
    db.execute(f"DELETE FROM [{table}] WHERE id = ?", [row])


def slip_in_a_row(db: Database, chance: random.Random) -> None:
    table, _, row, _ = a_place(db, chance)
    names = ", ".join(f"[{name}]" for name in TABLES[table][1:])
    values = [*_rows_for(db, table, chance)[0]]
    marks = ", ".join("?" * len(values))
    new = chance.choice([-row, 0, ROWS * SEGMENTS + row])
    db.execute(f"INSERT INTO [{table}] (id, {names}) VALUES (?, {marks})", [new, *values])


def swap_two_rows(db: Database, chance: random.Random) -> None:
    table = chance.choice([*TABLES])
    one, two = chance.sample(range(1, ROWS * SEGMENTS + 1), 2)
    for old, new in ((one, -1), (two, one), (-1, two)):
        db.execute(f"UPDATE [{table}] SET id = ? WHERE id = ?", [new, old])


def cut_off_the_end(db: Database, chance: random.Random) -> None:
    cut(db, chance.randint(1, SEGMENTS - 1))
    assert verify(db) == []


def put_another_in_its_place(db: Database, chance: random.Random) -> None:
    db.conn.deserialize(record(chance.randrange(10, 12)).image)
    assert verify(db) == []


def flip_a_bit(db: Database, chance: random.Random) -> None:
    """In the file itself, in the bytes of a value (or of its copy in an index)."""
    while True:
        *_, old = a_place(db, chance)
        wanted = struct.pack(">d", old) if isinstance(old, float) else str(old).encode()
        image = bytearray(db.conn.serialize())
        at = image.find(wanted)
        if at >= 0:
            break
    if chance.random() < 0.5:
        at = image.rfind(wanted)
    image[at + chance.randrange(len(wanted))] ^= 1 << chance.randrange(8)
    db.conn.deserialize(bytes(image))


KINDS: dict[Callable[[Database, random.Random], None], int] = {
    change_a_digit: 400,
    change_and_forge: 150,
    change_the_chain: 100,
    flip_a_bit: 100,
    delete_a_row: 75,
    slip_in_a_row: 75,
    swap_two_rows: 75,
    cut_off_the_end: 15,
    put_another_in_its_place: 10,
}


def tamper(rounds: int, seed: int) -> Counter[str]:
    """How many of each kind were found, of `rounds` of the whole table of kinds."""
    sealed, chance = record(1), random.Random(seed)
    found: Counter[str] = Counter()
    for kind, count in KINDS.items():
        for _ in range(count * rounds):
            db = opened(sealed.image)
            kind(db, chance)
            found[kind.__name__] += bool(verify(db, [sealed.head]))
            db.close()
    return found


def test_a_thousand_of_a_thousand_changes_are_found() -> None:
    whole = opened(record(1).image)
    assert verify(whole, heads_of(whole)) == []
    whole.close()
    found = tamper(1, seed=random.randrange(2**32))
    assert found == {kind.__name__: count for kind, count in KINDS.items()}
    assert found.total() == TAMPERINGS


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_fifty_thousand_changes_are_found() -> None:
    assert tamper(50, seed=random.randrange(2**32)).total() == 50 * TAMPERINGS


@pytest.fixture
def two() -> Iterator[tuple[Database, Database]]:
    image = record(1).image
    pair = opened(image), opened(image)
    yield pair
    for db in pair:
        db.close()


@pytest.mark.parametrize("seed", range(10))
def test_with_another_copy_the_very_cell_is_told(two: tuple[Database, Database], seed: int) -> None:
    kept, changed = two
    assert first_cell(kept, changed) is None
    table, column, row, old = a_place(changed, random.Random(seed))
    new = another_digit(old, random.Random(seed))
    changed.execute(f"UPDATE [{table}] SET [{column}] = ? WHERE id = ?", [new, row])
    told = first_cell(kept, changed)
    assert told is not None
    assert told.code == "evidence.cell_changed"
    assert told.params == {
        "table": table, "row": str(row), "column": column,
        "segment": str((row - 1) // ROWS + 1), "recorded": str(old), "found": str(new),
    }  # fmt: skip


def test_a_missing_and_an_added_row_are_told(two: tuple[Database, Database]) -> None:
    kept, changed = two
    changed.execute("DELETE FROM note WHERE id = 5")
    less, more = first_cell(kept, changed), first_cell(changed, kept)
    assert less is not None
    assert (less.code, less.params["table"], less.params["row"]) == (
        "evidence.row_missing", "note", "5",
    )  # fmt: skip
    assert more is not None
    assert (more.code, more.params["row"]) == ("evidence.row_added", "5")


def test_the_segment_and_its_rows_are_told(two: tuple[Database, Database]) -> None:
    two[1].execute("UPDATE reading SET value = 0 WHERE id = 6")
    (told,) = verify(two[1])
    assert told.code == "evidence.rows_changed"
    assert told.params["segment"] == "2"
    assert "reading 5–8" in told.params["rows"]


def test_a_record_cut_back_is_the_record_of_that_time(two: tuple[Database, Database]) -> None:
    cut(two[1], 2)
    end = last_segment(two[1])
    assert end is not None
    assert (end.n, verify(two[1], heads_of(two[0])[:2])) == (2, [])


def test_a_record_from_before_a_table_existed_is_whole() -> None:
    db = Database(memory=True)
    migrations.apply(db)
    only: Rows = {"note": [(1, "x", "y")]}
    extend(db, only, 1)
    db.execute("DROP TABLE gap")
    assert verify(db) == []
    db.close()


def test_an_index_that_lies_is_found(two: tuple[Database, Database]) -> None:
    db = two[1]
    db.execute("PRAGMA writable_schema = on")
    db.execute("UPDATE sqlite_schema SET sql = replace(sql, 't_us', 'id')"
               " WHERE name = 'reading_series'")  # fmt: skip
    image = db.conn.serialize()
    lying = opened(image)
    assert "evidence.unreadable" in [each.code for each in verify(lying)]
    lying.close()


def test_the_proof_reads_only(two: tuple[Database, Database]) -> None:
    before = two[0].conn.serialize()
    two[0].execute("PRAGMA query_only = on")
    verify(two[0])
    with pytest.raises(sqlite3.OperationalError):
        two[0].execute("DELETE FROM note")
    assert two[0].conn.serialize() == before
    assert json.loads(canonical(heads_of(two[0]))) == heads_of(two[0])
