"""lab.db to be read from outside the controller, as this release knows its tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from booking import migrations as booking_tables
from lab_controller import migrations
from lab_controller.database import Database, connect, copy_of, storage_of
from trial_logs import migrations as trial_tables

SCHEMAS = (migrations.migrations, booking_tables.MIGRATIONS, trial_tables.lab)


@contextmanager
def lab_books(data_dir: Path) -> Iterator[Database]:
    """lab.db, to be read; one that an earlier release left, as a copy brought up to date.

    The file itself is never written: that is for the controller's next start. Raises StorageFailed.
    """
    path = data_dir / "lab.db"
    with storage_of(path), ExitStack() as stack:
        kept = stack.enter_context(closing(connect(path, read_only=True)))
        if not any(schema.pending(kept) for schema in SCHEMAS):
            yield kept
            return
        copy = stack.enter_context(closing(copy_of(kept)))
        for schema in SCHEMAS:
            schema.apply(copy)
        yield copy
