"""What the numbers and words of a Universal Robots controller mean; unknown ones are unknown.

RTDE says numbers, the dashboard says the same as words; both come here as words. Numbers by the
RTDE guide and the ROS messages of the manufacturer (ur_dashboard_msgs).
"""

from __future__ import annotations

from collections.abc import Mapping

from equipment_drivers.model import Operation, Safety

UNKNOWN = "UNKNOWN"

ROBOT_MODES: Mapping[int, str] = {
    -1: "NO_CONTROLLER",
    0: "DISCONNECTED",
    1: "CONFIRM_SAFETY",
    2: "BOOTING",
    3: "POWER_OFF",
    4: "POWER_ON",
    5: "IDLE",
    6: "BACKDRIVE",
    7: "RUNNING",
    8: "UPDATING_FIRMWARE",
}

SAFETY_MODES: Mapping[int, str] = {
    1: "NORMAL",
    2: "REDUCED",
    3: "PROTECTIVE_STOP",
    4: "RECOVERY",
    5: "SAFEGUARD_STOP",
    6: "SYSTEM_EMERGENCY_STOP",
    7: "ROBOT_EMERGENCY_STOP",
    8: "VIOLATION",
    9: "FAULT",
    10: "VALIDATE_JOINT_ID",
    11: "UNDEFINED_SAFETY_MODE",
    12: "AUTOMATIC_MODE_SAFEGUARD_STOP",
    13: "SYSTEM_THREE_POSITION_ENABLING_STOP",
    14: "TP_THREE_POSITION_ENABLING_STOP",
    15: "IMMI_EMERGENCY_STOP",
    16: "IMMI_SAFEGUARD_STOP",
    17: "PROFISAFE_WAITING_FOR_PARAMETERS",
    18: "PROFISAFE_AUTOMATIC_MODE_SAFEGUARD_STOP",
    19: "PROFISAFE_SAFEGUARD_STOP",
    20: "PROFISAFE_EMERGENCY_STOP",
    22: "SAFETY_API_SAFEGUARD_STOP",
}

RUNTIME_STATES: Mapping[int, str] = {
    0: "STOPPING",
    1: "STOPPED",
    2: "PLAYING",
    3: "PAUSING",
    4: "PAUSED",
    5: "RESUMING",
}

SAFETY: Mapping[str, Safety] = {
    "NORMAL": Safety.NORMAL,
    "REDUCED": Safety.REDUCED,
    "PROTECTIVE_STOP": Safety.PROTECTIVE_STOP,
    "RECOVERY": Safety.PROTECTIVE_STOP,
    "SAFEGUARD_STOP": Safety.SAFEGUARD_STOP,
    "AUTOMATIC_MODE_SAFEGUARD_STOP": Safety.SAFEGUARD_STOP,
    "SYSTEM_THREE_POSITION_ENABLING_STOP": Safety.SAFEGUARD_STOP,
    "TP_THREE_POSITION_ENABLING_STOP": Safety.SAFEGUARD_STOP,
    "IMMI_SAFEGUARD_STOP": Safety.SAFEGUARD_STOP,
    "PROFISAFE_AUTOMATIC_MODE_SAFEGUARD_STOP": Safety.SAFEGUARD_STOP,
    "PROFISAFE_SAFEGUARD_STOP": Safety.SAFEGUARD_STOP,
    "SAFETY_API_SAFEGUARD_STOP": Safety.SAFEGUARD_STOP,
    "SYSTEM_EMERGENCY_STOP": Safety.DEVICE_ESTOP,
    "ROBOT_EMERGENCY_STOP": Safety.DEVICE_ESTOP,
    "IMMI_EMERGENCY_STOP": Safety.DEVICE_ESTOP,
    "PROFISAFE_EMERGENCY_STOP": Safety.DEVICE_ESTOP,
}
"""Every other word (VIOLATION, FAULT, …) leaves the safety unknown, and nothing acts."""

BROKEN = frozenset({"VIOLATION", "FAULT"})
MOVING = frozenset({"PLAYING", "RESUMING"})
STANDING = frozenset({"PAUSING", "PAUSED"})

BY_MODE: Mapping[str, Operation] = {
    "CONFIRM_SAFETY": Operation.MAINTENANCE,
    "BOOTING": Operation.MAINTENANCE,
    "UPDATING_FIRMWARE": Operation.MAINTENANCE,
    "BACKDRIVE": Operation.MAINTENANCE,
    "POWER_OFF": Operation.IDLE,
    "POWER_ON": Operation.IDLE,
    "IDLE": Operation.IDLE,
}
"""Modes in which no program runs. IDLE is the arm with power on and brakes applied."""

BY_RUNTIME: Mapping[str, Operation] = {
    "STOPPING": Operation.STOPPING,
    "PLAYING": Operation.BUSY,
    "RESUMING": Operation.BUSY,
    "PAUSING": Operation.PAUSED,
    "PAUSED": Operation.PAUSED,
}


def robot_mode(number: object) -> str:
    """The mode's word."""
    return ROBOT_MODES.get(number, UNKNOWN) if isinstance(number, int) else UNKNOWN


def safety_mode(number: object) -> str:
    """The safety mode's word."""
    return SAFETY_MODES.get(number, UNKNOWN) if isinstance(number, int) else UNKNOWN


def runtime_state(number: object) -> str:
    """The word for what the program does."""
    return RUNTIME_STATES.get(number, UNKNOWN) if isinstance(number, int) else UNKNOWN


def safety(word: str) -> Safety:
    """The safety axis; UNKNOWN for a word that is not in the table."""
    return SAFETY.get(word, Safety.UNKNOWN)


def operation(mode: str, safety_word: str, runtime: str, *, loaded: bool) -> Operation:
    """The operation axis from mode, safety, program state and whether a program is loaded."""
    if safety_word in BROKEN:
        return Operation.FAULT
    if mode != "RUNNING":
        return BY_MODE.get(mode, Operation.UNKNOWN)
    if runtime == "STOPPED":
        return Operation.READY if loaded else Operation.IDLE
    return BY_RUNTIME.get(runtime, Operation.UNKNOWN)
