"""What can be wrong on a TCP wire: the table every simulator behind a `Gate` merges into its own.

Use, in a simulator: state `FAULTS = {**WIRE_FAULTS, "own_fault": {"does": …}}`, make the gate with
`Gate(port, place.faults)`, and show `"endpoint"` (with the gate's `port`) in `status()`. Nothing
else: the scaffold lets the gate follow whenever a fault begins or ends.

A *chunk* is what arrives together, which on one machine is what the other end wrote at once. `way`
says whose chunks are meant: `reply` (from the simulator), `request` (from the host) or `both`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from hardware_sim.faults import Faults, FaultTable, Params

WIRE_FAULTS: FaultTable = {
    "refuse": {"does": "the port is closed and nobody is connected, as when the server is down"},
    "unplug": {"does": "the port is gone and every connection broke (RST), back when it ends"},
    "renumber": {"does": "the wire is on another port (see status), back on its own at the end"},
    "hang": {"does": "stays connected, says and takes nothing; all of it goes on when it ends"},
    "late_execution": {"does": "requests are kept and carried out when it ends"},
    "slow": {"does": "each chunk comes `seconds` late", "seconds": 30.0, "way": "reply"},
    "jitter": {"does": "each chunk comes 0 to `seconds` late", "seconds": 0.2, "way": "both"},
    "slow_drip": {"does": "one byte each `seconds`", "seconds": 0.1, "way": "reply"},
    "reset_mid_frame": {
        "does": "RST after `bytes` of a chunk (0: after half of it)",
        "bytes": 0.0,
        "way": "reply",
    },
    "half_frame": {"does": "half of a chunk, then nothing until it ends", "way": "reply"},
    "out_of_order": {"does": "a chunk waits until the one after it went first", "way": "reply"},
    "bad_checksum": {"does": "one byte of a chunk is another one", "way": "reply"},
    "truncate": {"does": "the last half of a chunk is lost", "way": "reply"},
    "drop": {"does": "a chunk is lost", "way": "reply"},
    "duplicate_reply": {"does": "a chunk comes twice", "way": "reply"},
    "non_utf8": {
        "does": "`bytes` bytes of a chunk are no text; with `run` only within that many letters",
        "bytes": 4.0,
        "run": 0.0,
        "way": "reply",
    },
    "garbage": {"does": "`bytes` random bytes before a chunk", "bytes": 64.0, "way": "reply"},
    "flood": {
        "does": "`rate` messages a second nobody asked for: `text`, or the last reply again",
        "rate": 10_000.0,
        "text": "",
    },
}

Change = Callable[[bytes, Params, random.Random], bytes]


def _flip(chunk: bytes, params: Params, source: random.Random) -> bytes:
    place = source.randrange(len(chunk))
    other = chunk[place] ^ source.randrange(1, 256)
    return chunk[:place] + bytes([other]) + chunk[place + 1 :]


def _no_text(chunk: bytes, params: Params, source: random.Random) -> bytes:
    """On a binary wire a `run` spares the numbers: nobody can tell a changed one from another."""
    places = _letters(chunk, int(params["run"]))
    changed = bytearray(chunk)
    for _ in range(int(params["bytes"]) if places else 0):
        changed[source.choice(places)] = source.choice((0xC0, 0xC1, 0xF8, 0xFE, 0xFF))
    return bytes(changed)


def _letters(chunk: bytes, run: int) -> Sequence[int]:
    """The places of a chunk that stand among at least `run` printable bytes; 0: every place."""
    if not run:
        return range(len(chunk))
    texts = re.finditer(rb"[ -~]{%d,}" % run, chunk)
    return [place for text in texts for place in range(*text.span())]


def _garbage(chunk: bytes, params: Params, source: random.Random) -> bytes:
    return source.randbytes(int(params["bytes"])) + chunk


CHANGES: dict[str, Change] = {
    "bad_checksum": _flip,
    "truncate": lambda chunk, params, source: chunk[: len(chunk) // 2],
    "drop": lambda chunk, params, source: b"",
    "duplicate_reply": lambda chunk, params, source: chunk * 2,
    "non_utf8": _no_text,
    "garbage": _garbage,
}
"""The faults that only change bytes; each gets a chunk that is not empty."""


def bites(faults: Faults, name: str, way: str) -> Params | None:
    """Whether `name` is on for chunks of this way and strikes this one."""
    params = faults.get(name)
    if params is None or params["way"] not in (way, "both"):
        return None
    return faults.strikes(name)


def changed(faults: Faults, way: str, chunk: bytes) -> bytes:
    """A chunk as the faults of CHANGES leave it; also for a simulator on a serial line."""
    for name, change in CHANGES.items():
        if chunk and (params := bites(faults, name, way)):
            chunk = change(chunk, params, faults.source())
    return chunk
