"""The environment was installed the way decision 0003 says: urllib3-future replaces nothing."""

from __future__ import annotations

import sysconfig
from importlib.metadata import distributions, version
from importlib.util import find_spec
from pathlib import Path

SITE = Path(sysconfig.get_path("purelib"))


def test_nothing_of_urllib3_future_runs_at_interpreter_start() -> None:
    hooks = [path.name for path in SITE.glob("*.pth") if "urllib3" in path.read_text("utf-8")]
    assert version("urllib3-future")
    assert hooks == []


def test_urllib3_is_its_own_or_absent() -> None:
    owners = {found.metadata["Name"] for found in distributions() if found.name == "urllib3"}
    spec = find_spec("urllib3")
    assert (spec is not None) == bool(owners)
    if spec is not None:
        import urllib3

        assert urllib3.__version__ == version("urllib3")
