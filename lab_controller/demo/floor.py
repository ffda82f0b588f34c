"""The lab floor of the story: a hand at a plug, and the simulators' own record."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab_controller.demo.setup import Demo

ANSWER_WITHIN_S = 5.0


def press_plug(demo: Demo, entity: str) -> bool:
    """Press the button of a smart plug; whether it is on now."""
    request = {"op": "press_button", "entity": entity}
    with socket.create_connection(("127.0.0.1", demo.control("hub1")), ANSWER_WITHIN_S) as line:
        line.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(line.makefile("rb").readline())
    return bool(answer["on"])


def truth(home: Path, sim: str) -> Iterator[dict[str, Any]]:
    """The ground truth a simulator wrote down."""
    with (home / "truth" / f"{sim}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def lines_executed(home: Path, sim: str) -> int:
    """G-code lines the simulated printer executed as numbered lines of a job."""
    return sum(1 for row in truth(home, sim) if row["what"] == "executed" and row.get("numbered"))
