"""What it takes to ask the command for its help."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.rounds import Result, cost

MACHIKOBA = Path(sys.executable).with_name("machikoba")
STARTS, ROUNDS = 2, 7


def children_cpu() -> float:
    """CPU seconds of the processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start(command: Sequence[str]) -> None:
    """Run a command to its end, a few times."""
    for _ in range(STARTS):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def results() -> Iterator[Result]:
    """The thin entry: nothing may be imported before a subcommand is chosen."""
    yield Result(
        "machikoba --help, CPU",
        "python -c pass",
        cost(
            lambda: start([str(MACHIKOBA), "--help"]),
            lambda: start([sys.executable, "-c", "pass"]),
            rounds=ROUNDS,
            clock=children_cpu,
        ),
        at_most=4.5,
    )
