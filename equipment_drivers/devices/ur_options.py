"""What is configured of a Universal Robots controller and of the arm on it."""

from __future__ import annotations

from pydantic import Field

from equipment_drivers.contract import Options


class UrOptions(Options):
    """One controller. Times in real seconds.

    `hz`: RTDE frames a second; `silent_frames` of them missing means the peer is gone. `watchdog`:
    start only what the robot itself stops when we fall silent; the program must contain
    `rtde_set_watchdog("input_int_register_24", 10, "stop")` with the number of
    `watchdog_register`, which is written `kicks_hz` times a second while the lease holds.
    `look_s`: how often remote control and the loaded program are asked for; `rtde_retry_s`: how
    long after RTDE was lost it is tried again. `serial_number` empty: any arm will do.
    `allow_unlock`: protective stops may be unlocked from here, `unlock_wait_s` after they came.
    """

    host: str
    dashboard_port: int = Field(default=29999, gt=0, le=65535)
    rtde_port: int = Field(default=30004, gt=0, le=65535)
    serial_number: str = ""
    hz: float = Field(default=10.0, ge=1, le=500)
    silent_frames: int = Field(default=10, ge=2)
    timeout_s: float = Field(default=2.0, gt=0)
    greeting_s: float = Field(default=8.0, gt=0)
    probe_s: float = Field(default=0.4, gt=0)
    look_s: float = Field(default=2.0, gt=0)
    rtde_retry_s: float = Field(default=5.0, gt=0)
    load_s: float = Field(default=30.0, gt=0)
    start_s: float = Field(default=3.0, gt=0)
    power_s: float = Field(default=30.0, gt=0)
    stop_s: float = Field(default=2.0, gt=0)
    watchdog: bool = True
    watchdog_register: int = Field(default=24, ge=0, le=47)
    kicks_hz: float = Field(default=25.0, ge=1, le=125)
    allow_unlock: bool = False
    unlock_wait_s: float = Field(default=5.0, ge=5)

    @property
    def max_silence_s(self) -> float:
        """How long no frame may come."""
        return self.silent_frames / self.hz


class UrArmOptions(Options):
    """The arm. Readings are told every `sample_s`, and are stale after `max_age_s`.

    What counts as a part: a rise of the integer register `part_register`, else a rising edge of
    the digital output `part_output`, else (`part_program`) a program that ran to its end.
    `longest_jump`: a register that rises by more at once was set anew.
    """

    max_age_s: float = Field(default=5.0, gt=0)
    sample_s: float = Field(default=0.5, gt=0)
    part_register: int | None = Field(default=None, ge=0, le=47)
    part_output: int | None = Field(default=None, ge=0, le=63)
    part_program: bool = True
    longest_jump: int = Field(default=100, gt=0)
