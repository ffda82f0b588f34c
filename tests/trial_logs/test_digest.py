"""One digest for a trial: the same for the same record, another for any other."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from trial_logs.digest import RunEnd, grouped, mark_text, read_mark, trial_digest

HEADS = st.text("0123456789abcdef", min_size=64, max_size=64)
ENDS = [RunEnd("T20261120-01-R2", 9, "b" * 64), RunEnd("T20261120-01-R10", 3, "c" * 64)]


def test_the_digest_is_the_one_written_down() -> None:
    body = (
        '["machikoba-trial-1","T20261120-01",[["T20261120-01-R2",9,"{}"],'
        '["T20261120-01-R10",3,"{}"]]]'
    ).format("b" * 64, "c" * 64)
    assert trial_digest("T20261120-01", ENDS) == hashlib.sha256(body.encode()).hexdigest()
    assert trial_digest("T20261120-01", reversed(ENDS)) == trial_digest("T20261120-01", ENDS)


@given(st.integers(0, 1), st.integers(0, 63), st.sampled_from("0123456789abcdef"))
def test_another_digit_in_a_head_is_another_digest(run: int, at: int, digit: str) -> None:
    head = ENDS[run].head
    changed = [*ENDS]
    changed[run] = ENDS[run]._replace(head=head[:at] + digit + head[at + 1 :])
    same = trial_digest("T20261120-01", changed) == trial_digest("T20261120-01", ENDS)
    assert same == (head[at] == digit)


@given(HEADS)
def test_the_printed_code_is_read_back(digest: str) -> None:
    text = mark_text("T20261120-01", digest)
    assert not set(text) - set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    assert read_mark(f" {text}\n") == ("T20261120-01", digest)
    assert digest.startswith(grouped(digest).replace(" ", ""))


@given(st.text(max_size=90))
def test_another_text_is_no_code(text: str) -> None:
    assert read_mark(f"MACHIKOBA2:{text}") is None
    assert read_mark(f"MACHIKOBA1:T1:{text}") is None or len(text.strip()) == 64
