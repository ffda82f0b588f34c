"""`python -m benchmarks [NAME…]`: run all benchmarks or the named ones and print their ratios."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from benchmarks.rounds import Result

NAMES = (
    "telemetry",
    "telemetry_queries",
    "group_commit",
    "booking_decision",
    "gcode_link",
    "opcua_reads",
    "stream_frames",
    "stop_fanout",
    "start_up",
    "run_windows",
    "trial_files",
)
LINE = "{:<48} | {:<40} | {:>22} | {:>7} | {}\n"
HELD = {True: "yes", False: "NO", None: "–"}


def main() -> None:
    """Print a line as soon as its benchmark is done. A missed goal is shown, not an error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", help=", ".join(NAMES))
    names = parser.parse_args().name or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    sys.stdout.write(LINE.format("goal", "yardstick", "ratio (min–max)", "target", "held?"))
    for name in names:
        for result in import_module(f"benchmarks.{name}").results():
            sys.stdout.write(row(result))
            sys.stdout.flush()


def row(result: Result) -> str:
    """One line of the table."""
    low, high = min(result.ratios), max(result.ratios)
    ratio = f"{result.ratio:.3g} ({low:.2g}–{high:.2g})"
    return LINE.format(result.goal, result.yardstick, ratio, bound(result), HELD[result.held])


def bound(result: Result) -> str:
    """The target as it is written in a table."""
    if result.at_least is not None:
        return f"≥ {result.at_least:g}"
    return "–" if result.at_most is None else f"≤ {result.at_most:g}"


if __name__ == "__main__":
    main()
