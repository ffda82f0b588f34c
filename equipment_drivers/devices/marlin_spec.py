"""What a Marlin-style printer can be told and what it measures: options, arguments, tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from equipment_drivers.contract import (
    Arguments,
    CommandSpec,
    DeviceSpec,
    Effect,
    NoArguments,
    Options,
    SignalSpec,
    StopStep,
)
from equipment_drivers.devices.marlin_lines import frame
from equipment_drivers.devices.marlin_link import LinkTiming
from equipment_drivers.devices.marlin_park import Parking
from equipment_drivers.gcode import GcodeLimits
from equipment_drivers.model import Operation

HOTEND_LIMIT_C = 300.0
BED_LIMIT_C = 120.0

Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
Place = Annotated[float, Field(ge=-50, le=1000, allow_inf_nan=False)]


class MarlinOptions(Options):
    """The connection. All times are real seconds.

    `port`: a device path (best one under /dev/serial/by-id) or `socket://host:port`.
    `expected_firmware`, `expected_uuid`: what M115 must answer (its beginning); empty: anything.
    `other_firmware`: also speak to one that does not call itself Marlin; other dialects number,
    wait and stop in ways of their own, so try that out with the heaters unplugged.
    `banner_s`: how long a board may take to say `start`; `handshake_s`: until it is known.
    `ok_timeout_s`, `long_ok_timeout_s`: longest silence of the command in hand before it is sent
    again, for ordinary and for long-running commands; `busy` reports start it anew.
    `mute_ok_timeout_s`: the same for all where the firmware has no `busy` reports.
    `settle_s`: silence after which a doubtful answer counts as complete.
    `timeouts`, `resends`: how often in a row before the line is given up.
    `autoreport_s`: temperatures every so many seconds; `poll_s`: asked for where it cannot.
    `max_silence_s`: without any traffic the printer counts as gone.
    `stop_confirm_s`, `cool_s`: how long stopping and cooling wait for the printer's word.
    `noisy_ratio`: share of lines damaged, there or back, above which the link is degraded.
    `window`: moves that may be out at once where the firmware says its room (ADVANCED_OK), in no
    more than `rx_bytes` of its receive buffer. Above 1 a firmware that empties its buffer in the
    middle of a line, after a damaged one, may take the rest of that line for a command without
    number: leave it at 1 unless the wire is clean and short of speed.
    `idle_kill_s`: the printer switches itself off (M85) after so long without a move or command,
    also when this system is gone; must be longer than any pause; 0: never.
    `foreign_check_s`: how often an idle printer is asked whether it prints from its own card.
    """

    port: str = Field(min_length=1)
    baudrate: int = Field(default=115200, ge=1200, le=2_000_000)
    expected_firmware: str = ""
    expected_uuid: str = ""
    other_firmware: bool = False
    banner_s: Seconds = 2.0
    handshake_s: Seconds = 8.0
    ok_timeout_s: Seconds = 3.0
    long_ok_timeout_s: Seconds = 30.0
    mute_ok_timeout_s: Seconds = 600.0
    settle_s: Seconds = 0.1
    timeouts: int = Field(default=3, ge=1, le=20)
    resends: int = Field(default=10, ge=1, le=100)
    autoreport_s: int = Field(default=1, ge=1, le=60)
    poll_s: Seconds = 2.0
    max_silence_s: Seconds = 6.0
    stop_confirm_s: Seconds = 1.0
    cool_s: Seconds = 2.0
    noisy_ratio: float = Field(default=0.1, gt=0, le=1)
    window: int = Field(default=1, ge=1, le=4)
    rx_bytes: int = Field(default=128, ge=96, le=16384)
    idle_kill_s: int = Field(default=0, ge=0, le=86400)
    foreign_check_s: Seconds = 10.0

    @field_validator("port")
    @classmethod
    def _has_form(cls, port: str) -> str:
        if port.startswith("socket://") and not re.fullmatch(r"socket://[^/:]+:\d{1,5}", port):
            raise ValueError("socket://host:port")
        if "://" in port and not port.startswith("socket://"):
            raise ValueError("a device path or socket://host:port")
        return port

    def plug(self) -> Path | None:
        return None if "://" in self.port else Path(self.port)

    @property
    def timing(self) -> LinkTiming:
        """The link's own part of these options."""
        return LinkTiming(
            ok_s=self.ok_timeout_s,
            long_ok_s=self.long_ok_timeout_s,
            settle_s=self.settle_s,
            timeouts=self.timeouts,
            resends=self.resends,
            window=self.window,
            rx_bytes=self.rx_bytes,
        )


class PrinterOptions(Options):
    """The machine: limits in °C and mm. They can only be narrower than what the driver allows.

    `…_min_mm` may be negative where a purge line lies outside the bed. A held print waits
    `park_lift_mm` higher at `park_x_mm`, `park_y_mm` (none: left, at the back).
    """

    max_hotend_c: float = Field(
        default=HOTEND_LIMIT_C, gt=0, le=HOTEND_LIMIT_C, allow_inf_nan=False
    )
    max_bed_c: float = Field(default=BED_LIMIT_C, gt=0, le=BED_LIMIT_C, allow_inf_nan=False)
    x_min_mm: Place = 0.0
    x_max_mm: Place = 220.0
    y_min_mm: Place = 0.0
    y_max_mm: Place = 220.0
    z_min_mm: Place = 0.0
    z_max_mm: Place = 250.0
    park_lift_mm: float = Field(default=10.0, ge=0, le=200, allow_inf_nan=False)
    park_x_mm: Place | None = None
    park_y_mm: Place | None = None
    max_dwell_s: Seconds = 60.0
    max_job_bytes: int = Field(default=50_000_000, gt=0, le=500_000_000)

    @model_validator(mode="after")
    def _has_room(self) -> PrinterOptions:
        limits = self.limits
        if any(lowest >= highest for lowest, highest in (limits.x, limits.y, limits.z)):
            raise ValueError("min must be below max")
        parking = self.parking
        if not (
            limits.x[0] <= parking.x <= limits.x[1] and limits.y[0] <= parking.y <= limits.y[1]
        ):
            raise ValueError("park_x_mm, park_y_mm must be within reach")
        return self

    @property
    def parking(self) -> Parking:
        """Where a held print waits."""
        return Parking(
            lift=self.park_lift_mm,
            highest=self.z_max_mm,
            x=self.x_min_mm if self.park_x_mm is None else self.park_x_mm,
            y=self.y_max_mm if self.park_y_mm is None else self.park_y_mm,
        )

    @property
    def limits(self) -> GcodeLimits:
        """What a file may ask of this machine."""
        return GcodeLimits(
            hotend_c=self.max_hotend_c,
            bed_c=self.max_bed_c,
            x=(self.x_min_mm, self.x_max_mm),
            y=(self.y_min_mm, self.y_max_mm),
            z=(self.z_min_mm, self.z_max_mm),
            dwell_s=self.max_dwell_s,
        )


class PrintFile(Arguments):
    """A G-code file on the controller's disk and what people call the part."""

    path: str = Field(min_length=1)
    name: str = Field(min_length=1, max_length=200)


class SetTemperature(Arguments):
    """A target in °C; 0 is off."""

    celsius: float = Field(ge=0, allow_inf_nan=False)


class Cancel(Arguments):
    """`at_once`: what is queued is thrown away too, after which only homing tells the place."""

    at_once: bool = False


STANDING = frozenset({Operation.IDLE, Operation.READY})
WORKING = frozenset({Operation.BUSY})
HELD = frozenset({Operation.PAUSED})
AWAKE = STANDING | WORKING | HELD

COMMANDS = (
    CommandSpec("print_file", PrintFile, Effect.ACTUATE, STANDING, None),
    CommandSpec("pause", NoArguments, Effect.CONFIGURE, WORKING, 120.0),
    CommandSpec("resume", NoArguments, Effect.ACTUATE, HELD, 120.0),
    CommandSpec("cancel", Cancel, Effect.CONFIGURE, WORKING | HELD, 120.0),
    CommandSpec("set_hotend", SetTemperature, Effect.ACTUATE, AWAKE, 30.0),
    CommandSpec("set_bed", SetTemperature, Effect.ACTUATE, AWAKE, 30.0),
    CommandSpec("home", NoArguments, Effect.ACTUATE, STANDING | {Operation.UNKNOWN}, 180.0),
)

SIGNALS = (
    SignalSpec("hotend_temp", "Cel", 10.0),
    SignalSpec("hotend_target", "Cel", 10.0, precision=0),
    SignalSpec("bed_temp", "Cel", 10.0),
    SignalSpec("bed_target", "Cel", 10.0, precision=0),
    SignalSpec("progress", "%", 30.0),
    SignalSpec("lines_sent", "1", 30.0, precision=0),
    SignalSpec("resends", "1", 30.0, precision=0),
)
UNITS = {signal.name: signal.unit for signal in SIGNALS}


def device_spec(device: str) -> DeviceSpec:
    """Commands and signals of one printer."""
    return DeviceSpec(
        device,
        "printer3d",
        {command.verb: command for command in COMMANDS},
        {signal.name: signal for signal in SIGNALS},
        moves=True,
    )


COLD_LINES = ("M104 S0", "M140 S0", "M107")
COLD_BYTES = "".join(f"\n{line}\n" for line in COLD_LINES).encode("ascii")
HALT_REPLY = r"halted|kill\(\)"
STOP_BYTES = b"".join(
    (
        b"\nM112\n",
        frame(0, "M110 N0"),
        frame(1, "M112"),
        b"M104 S0\nM140 S0\n",
    )
)
"""Bare first: only an un-numbered M112 is seen before the queue, and the line feed ends whatever
was half sent. Then numbered, from a count set anew so that the number is right in any case."""


def stop_step(connection: str, options: MarlinOptions) -> StopStep:
    """The same bytes as data, for a stopper that holds a duplicate of the descriptor."""
    payload = {"write_hex": STOP_BYTES.hex(), "expect": HALT_REPLY}
    return StopStep("descriptor", connection, payload, options.stop_confirm_s)
