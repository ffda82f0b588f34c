"""What is configured for a robot's OPC UA server and for the robot systems behind it."""

from __future__ import annotations

from pydantic import Field

from equipment_drivers.contract import Options
from equipment_drivers.devices.opcua_options import OpcuaOptions


class RobotOptions(OpcuaOptions):
    """One endpoint. `slow_ms` is the publishing interval of positions.

    A program must run `start_s`, and rest `stop_s`, real time, after it was told to.
    """

    start_s: float = Field(default=5.0, gt=0)
    stop_s: float = Field(default=5.0, gt=0)
    slow_ms: float = Field(default=500.0, gt=0)


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
