"""`python -m equipment_drivers.conformance DRIVER …`: prove one driver; the exit code is pytest's.

Needs pytest and pytest-asyncio (`pip install machikoba-lab[conformance]`).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SETTINGS = HERE / "conformance.ini"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite with its own settings, whatever project it is started in."""
    parser = argparse.ArgumentParser(prog="python -m equipment_drivers.conformance")
    parser.add_argument("driver", help="entry point of the driver, or the id of a bench of it")
    parser.add_argument("--bench", default="", help="MODULE:CLASS (default: by entry point)")
    given, more = parser.parse_known_args(arguments)
    os.environ.pop("PYTEST_ADDOPTS", None)
    return int(
        pytest.main(
            ["-c", str(SETTINGS), "-p", f"{__package__}.plugin", str(HERE / "suite"),
             "--driver", given.driver, "--bench", given.bench, *more]
        )
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
