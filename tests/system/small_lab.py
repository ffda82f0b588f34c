"""A lab of one bench and one printer that nobody has plugged in: the doors without a floor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from lab_controller.demo import books, setup
from tests.system.rig import folder, serving

PATIENCE_S = 60.0

CONFIG = """
[lab]
name = { ja = "小さなラボ", en = "small lab" }
data_dir = "data"
open_on_holidays = true
[lab.hours]
mon = "00:00-24:00"
tue = "00:00-24:00"
wed = "00:00-24:00"
thu = "00:00-24:00"
fri = "00:00-24:00"
sat = "00:00-24:00"
sun = "00:00-24:00"

[[equipment]]
id = "bench"
name = { ja = "作業台", en = "bench" }
category = "printer3d"
devices = ["printer1"]
[equipment.policy]
teardown_minutes = 15
step_minutes = 15

[[connection]]
id = "printer1"
driver = "marlin"
[connection.options]
port = "/nowhere/printer"

[[device]]
id = "printer1"
name = { ja = "プリンター", en = "printer" }
estop = { ja = "正面", en = "front" }
connection = "printer1"
"""


@contextmanager
def small_lab() -> Iterator[Path]:
    """Stopper and controller of this lab, its parties known; the folder they live in."""
    with folder() as home:
        config = home / "lab.toml"
        config.write_text(CONFIG, encoding="utf-8")
        books.seed_people(config)
        with serving(config) as stopper:
            setup.wait_for_lab(home, stopper)
            yield home


def address(home: Path) -> str:
    """Where the controller's API is."""
    return (home / "data" / "controller.url").read_text(encoding="ascii").strip() + "/api/v1"


def staff_token(home: Path) -> str:
    """What opens it."""
    return (home / "data" / "staff.token").read_text(encoding="ascii").strip()


def door(home: Path, language: str = "en", token: str | None = None) -> httpx.Client:
    """A client at the controller's own address, with the staff token or another one."""
    shown = staff_token(home) if token is None else token
    headers = {"Accept-Language": language}
    headers |= {"Authorization": f"Bearer {shown}"} if shown else {}
    return httpx.Client(base_url=address(home), headers=headers, timeout=PATIENCE_S)


def midnight(days: int) -> datetime:
    """Midnight UTC in so many days: on every grid."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=days)
