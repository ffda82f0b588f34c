"""The latch: first cause stays, the file follows, an unreadable file counts as stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_controller.stopper import latch_file
from lab_controller.stopper.errors import Refused
from lab_controller.stopper.latch import LATCH_UNREADABLE, LatchState, Press

BY_HANAKO = Press("hanako", "smoke", "pressed", "2026-11-20T01:00:00.000+00:00")
BY_JIRO = Press("jiro", "also smoke", "pressed", "2026-11-20T01:00:05.000+00:00")

texts = st.text(max_size=5)
presses = st.builds(Press, by=texts, reason=texts, cause=texts, at=texts)
scopes = st.sampled_from([None, "a", "b"])


@given(st.lists(st.tuples(scopes, st.one_of(presses, st.none())), max_size=12))
def test_any_sequence_keeps_first_causes_and_survives_json(
    moves: list[tuple[str | None, Press | None]],
) -> None:
    state, firsts = LatchState(), dict[str | None, Press]()
    for scope, press in moves:
        if press is not None:
            state = state.pressed(scope, press)
            firsts.setdefault(scope, press)
        else:
            state = state.cleared(scope)
            firsts = {} if scope is None else {k: v for k, v in firsts.items() if k != scope}
    assert {scope: state.get(scope) is not None for scope in (None, "a", "b")} == {
        scope: scope in firsts for scope in (None, "a", "b")
    }
    for scope, first in firsts.items():
        standing = state.get(scope)
        assert standing is not None
        assert (standing.by, standing.at) == (first.by, first.at)
    assert state.holds("a") == (None in firsts or "a" in firsts)
    assert LatchState.from_json(json.loads(json.dumps(state.to_json()))) == state


@given(st.binary(max_size=40) | st.recursive(st.none() | texts, st.lists).map(repr).map(str.encode))
def test_whatever_stands_in_the_file_it_never_opens_the_latch(content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda path: content)
        state = latch_file.load(Path("stop.latch"))
    assert state.lab is not None
    assert state.lab.cause == LATCH_UNREADABLE


def test_every_torn_prefix_of_a_good_file_counts_as_stopped(tmp_path: Path) -> None:
    path = tmp_path / "stop.latch"
    latch_file.write(path, LatchState().pressed("printer", BY_HANAKO))
    whole = path.read_bytes()
    assert latch_file.load(path).get("printer") == BY_HANAKO
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert latch_file.load(path).holds("anything")


def test_a_file_that_may_not_be_read_counts_as_stopped(tmp_path: Path) -> None:
    (tmp_path / "stop.latch").mkdir()
    assert latch_file.load(tmp_path / "stop.latch").holds("printer")


def test_no_file_is_an_open_latch_and_an_open_latch_no_file(tmp_path: Path) -> None:
    path = tmp_path / "stop.latch"
    assert latch_file.load(path).is_open
    latch_file.write(path, LatchState().pressed(None, BY_HANAKO))
    assert path.exists()
    latch_file.write(path, LatchState())
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk_leaves_the_latch_standing_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = latch_file.LatchKeeper(tmp_path / "stop.latch")
    keeper.press(None, BY_HANAKO)
    with monkeypatch.context() as patch:
        patch.setattr(latch_file, "write", refuse_to_write)
        assert await keeper.save() is False
        assert (keeper.state.saved, keeper.state.lab) == (False, BY_HANAKO)
        with pytest.raises(Refused) as refusal:
            await keeper.clear(None)
        assert refusal.value.code == "stop.latch_not_saved"
    assert keeper.state.lab == BY_HANAKO
    assert await keeper.save() is True
    assert latch_file.load(tmp_path / "stop.latch").lab == BY_HANAKO


def refuse_to_write(path: Path, state: LatchState) -> None:
    raise OSError(28, "No space left on device")


async def test_a_press_during_a_reset_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = latch_file.LatchKeeper(tmp_path / "stop.latch")
    keeper.press(None, BY_HANAKO)
    await keeper.save()
    plain = latch_file.write

    def pressed_meanwhile(path: Path, state: LatchState) -> None:
        plain(path, state)
        if state.is_open:
            keeper.press(None, BY_JIRO)

    monkeypatch.setattr(latch_file, "write", pressed_meanwhile)
    with pytest.raises(Refused) as refusal:
        await keeper.clear(None)

    assert refusal.value.code == "stop.still_stopping"
    standing = latch_file.load(tmp_path / "stop.latch").lab
    assert standing is not None
    assert [one.by for one in standing.again] == ["jiro"]
