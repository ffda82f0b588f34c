"""What is configured for an OPC UA endpoint and for the robot systems behind it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from equipment_drivers.contract import Options
from equipment_drivers.errors import BadOption


class RobotOptions(Options):
    """One endpoint. All times are real; `…_ms` in milliseconds, `…_s` in seconds.

    `fast_ms` and `slow_ms` are the publishing intervals of states and counters, and of positions;
    `queue` is how many steps of one value the server keeps for us between two of them.
    `timeout_s` bounds each request; the server is probed every `watchdog_s` and must answer within
    that time; a program must run `start_s`, and rest `stop_s`, after it was told to.
    Without security (`none`) anybody on that network can command the robot: `allow_insecure`.
    """

    url: str = Field(pattern=r"^opc\.tcp://\S+$")
    security: Literal["none", "Basic256Sha256"] = "none"
    allow_insecure: bool = True
    certificate_file: Path | None = None
    key_file: Path | None = None
    user: str | None = None
    password_file: Path | None = None
    password_env: str | None = None
    timeout_s: float = Field(default=4.0, gt=0)
    watchdog_s: float = Field(default=1.0, gt=0)
    start_s: float = Field(default=5.0, gt=0)
    stop_s: float = Field(default=5.0, gt=0)
    fast_ms: float = Field(default=100.0, gt=0)
    slow_ms: float = Field(default=500.0, gt=0)
    queue: int = Field(default=200, ge=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.security == "none" and not self.allow_insecure:
            raise ValueError("security is none and allow_insecure is false")
        if self.security != "none" and not (self.certificate_file and self.key_file):
            raise ValueError("security needs certificate_file and key_file")
        if self.user is not None and (self.password_file is None) == (self.password_env is None):
            raise ValueError("a user needs either password_file or password_env")
        return self

    def read_password(self) -> str:
        """The user's password from where it lies. Raises BadOption."""
        if self.password_env is not None:
            return os.environ.get(self.password_env, "")
        try:
            return self.password_file.read_text(encoding="utf-8").strip()  # type: ignore[union-attr]
        except (OSError, UnicodeDecodeError) as error:
            raise BadOption(option="password_file", cause=type(error).__name__) from error


class RobotDeviceOptions(Options):
    """One MotionDeviceSystem; its address is the browse names below DeviceSet, joined by `/`.

    No address: the first system there. `production` is the object below the system that holds the
    counters; its names, and those of hold and continue, are the vendor's, so they are options.
    Signals turn stale after `max_age_s` of lab time.
    """

    axes: int = Field(default=6, ge=0, le=16)
    production: str = "Production"
    parts_good: str = "PartsGood"
    parts_scrap: str = "PartsScrap"
    cycle_time: str = "LastCycleTime"
    energy: str = "EnergyConsumed"
    power: str = "PowerDraw"
    micro_stop: str = "MicroStopCause"
    hold: str = "Hold"
    resume: str = "Continue"
    max_age_s: float = Field(default=10.0, gt=0)
