"""`python -m tests.matrix [--seed N] [BENCH …]`: play the fault matrix and print it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

from tests.matrix import benches
from tests.matrix.cells import Cell
from tests.matrix.matrix import count, play_bench, table


def main() -> int:
    """Play, print, and tell by the exit code whether a cell failed."""
    known = benches.found()
    parser = argparse.ArgumentParser(prog="python -m tests.matrix")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("bench", nargs="*", help=f"of: {', '.join(known)} (default: all)")
    given = parser.parse_args()
    if strange := set(given.bench) - set(known):
        parser.error(f"no bench {', '.join(sorted(strange))}")
    logging.getLogger().addHandler(logging.NullHandler())
    cells: list[Cell] = []
    for name in given.bench or known:
        with tempfile.TemporaryDirectory() as folder:
            cells += asyncio.run(play_bench(known[name], Path(folder), given.seed)).values()
    sys.stdout.write(f"{table(cells)}\n{count(cells)}\n")
    return 1 if any(cell.problems for cell in cells) else 0


if __name__ == "__main__":
    sys.exit(main())
