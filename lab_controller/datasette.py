"""Datasette's metadata for the lab's databases: one description per kind of file.

Datasette knows a database by the name of its file, and a month or a run names its own; so what
is shipped for `lab`, `telemetry` and `evidence` is given to each file of that kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

SHIPPED = "datasette_metadata.json"


def shipped() -> dict[str, Any]:
    """Titles, descriptions, units and labels of the three kinds of database."""
    text = (files("lab_controller") / SHIPPED).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def databases(data_dir: Path) -> list[Path]:
    """Every database of a data folder: the records, the months, the runs."""
    found = (data_dir.glob(pattern) for pattern in ("lab.db", "telemetry/*.db", "evidence/*.db"))
    return [path for paths in found for path in sorted(paths)]


def fitted(paths: Iterable[Path]) -> dict[str, Any]:
    """The shipped metadata under the names of these files."""
    whole = shipped()
    kinds = whole["databases"]
    named = {path.stem: kinds.get(path.parent.name, kinds["lab"]) for path in paths}
    return {**whole, "databases": named}
