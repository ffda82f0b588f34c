"""Samples as Home Assistant's recorder stores them: a mapped object for each state, on SQLite.

Written from the shape of its recorder (components/recorder: db_schema, core, util, const): a thread
of one session that is never expired on commit, a `States` object for each change with the one
before it as `old_state`, attributes as shared JSON looked up in a cache, metadata by entity, five
indexes besides the key; a commit each five seconds, WAL, synchronous NORMAL, a cache of 16 MB.
Everything expires after 120 commits. Its events, statistics and purging are left out, and so are
its queue and the columns it no longer fills; all of that would only make it slower.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from trial_logs.model import Sample, Series

EXPIRE_AFTER_COMMITS = 120
PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = -16384",
    "PRAGMA foreign_keys = ON",
)


class Base(DeclarativeBase):
    """The tables of a recorder."""


class StateAttributes(Base):
    """What many states share: unit, class, name."""

    __tablename__ = "state_attributes"
    attributes_id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[int | None] = mapped_column(BigInteger, index=True)
    shared_attrs: Mapped[str | None]


class StatesMeta(Base):
    """The name of an entity."""

    __tablename__ = "states_meta"
    metadata_id: Mapped[int] = mapped_column(primary_key=True)
    entity_id: Mapped[str | None] = mapped_column(String(255), index=True, unique=True)


class States(Base):
    """A state from when it was set."""

    __tablename__ = "states"
    __table_args__ = (
        Index("ix_states_metadata_id_last_updated_ts", "metadata_id", "last_updated_ts"),
        Index("ix_states_context_id_bin", "context_id_bin"),
    )
    state_id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str | None] = mapped_column(String(255))
    last_changed_ts: Mapped[float | None]
    last_reported_ts: Mapped[float | None]
    last_updated_ts: Mapped[float | None] = mapped_column(index=True)
    old_state_id: Mapped[int | None] = mapped_column(ForeignKey("states.state_id"), index=True)
    attributes_id: Mapped[int | None] = mapped_column(
        ForeignKey("state_attributes.attributes_id"), index=True
    )
    origin_idx: Mapped[int | None]
    context_id_bin: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    context_user_id_bin: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    context_parent_id_bin: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    metadata_id: Mapped[int | None] = mapped_column(ForeignKey("states_meta.metadata_id"))
    old_state: Mapped[States | None] = relationship(remote_side=[state_id])
    state_attributes: Mapped[StateAttributes | None] = relationship()
    states_meta_rel: Mapped[StatesMeta | None] = relationship()


class Recorder:
    """One file and its one session; `take` stores what came in five seconds and commits it.

    What a state refers to is given as an object while that waits for the commit, later by number.
    """

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _prepared)
        Base.metadata.create_all(self._engine)
        self._session = Session(self._engine, expire_on_commit=False)
        self._attributes: dict[str, StateAttributes] = {}
        self._names: dict[Series, StatesMeta] = {}
        self._waiting: dict[Series, States] = {}
        self._committed: dict[Series, int] = {}
        self._commits = 0

    def take(self, samples: list[Sample]) -> None:
        """Store these states."""
        for sample in samples:
            self._session.add(self._state(sample))
        self._session.commit()
        self._committed |= {series: one.state_id for series, one in self._waiting.items()}
        self._waiting.clear()
        self._commits += 1
        if self._commits % EXPIRE_AFTER_COMMITS == 0:
            self._session.expire_all()

    def close(self) -> None:
        """Let go of the file."""
        self._session.close()
        self._engine.dispose()

    def _state(self, sample: Sample) -> States:
        series = sample.series
        state = States(
            state=str(sample.value),
            last_updated_ts=sample.t_us / 1e6,
            origin_idx=0,
            context_id_bin=sample.t_us.to_bytes(16, "big"),
        )
        attributes, name = self._attributes_of(series), self._name_of(series)
        if attributes.attributes_id is None:
            state.state_attributes = attributes
        else:
            state.attributes_id = attributes.attributes_id
        if name.metadata_id is None:
            state.states_meta_rel = name
        else:
            state.metadata_id = name.metadata_id
        if series in self._waiting:
            state.old_state = self._waiting[series]
        else:
            state.old_state_id = self._committed.get(series)
        self._waiting[series] = state
        return state

    def _attributes_of(self, series: Series) -> StateAttributes:
        shown = {
            "state_class": "measurement",
            "unit_of_measurement": series.unit,
            "device_class": "temperature",
            "friendly_name": f"{series.device} {series.signal}",
        }
        shared = json.dumps(shown)  # for every state, as it comes: only then it can be looked up
        if shared not in self._attributes:
            new = StateAttributes(hash=hash(shared) & 0xFFFFFFFF, shared_attrs=shared)
            self._attributes[shared] = new
            self._session.add(new)
        return self._attributes[shared]

    def _name_of(self, series: Series) -> StatesMeta:
        if series not in self._names:
            new = StatesMeta(entity_id=f"sensor.{series.device}_{series.signal}")
            self._names[series] = new
            self._session.add(new)
        return self._names[series]


def _prepared(connection: sqlite3.Connection, record: object) -> None:
    for pragma in PRAGMAS:
        connection.execute(pragma)
