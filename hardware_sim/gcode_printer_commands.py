"""The command table: what each G and M code does to the printer."""

from __future__ import annotations

from collections.abc import Callable

from hardware_sim.gcode_printer_board import Board
from hardware_sim.gcode_printer_heat import Heater
from hardware_sim.gcode_printer_motion import AXES, BUMP_MM, HOMING_FEED, STEPS_PER_MM, VOLUME
from hardware_sim.gcode_printer_serial import Command
from hardware_sim.gcode_printer_timing import Result, Wait

Handler = Callable[[Board, Command], Result]

COLD_EXTRUSION_C = 170.0
RESIDENCY_S = 10.0
WINDOW_C = 1.0
HEAT_LINE_S = 1.0
MM_PER_INCH = 25.4


def handle(board: Board, command: Command) -> Result:
    """Carry out one command; an unknown one is answered the way Marlin answers it."""
    handler = HANDLERS.get(command.code)
    if handler is None:
        board.truth.write("unknown", text=command.text)
        board.say(f'echo:Unknown command: "{command.text}"')
        return None
    return handler(board, command)


def accept(board: Board, command: Command) -> Result:
    """A setting or a message that changes nothing this model has."""
    return None


def move(board: Board, command: Command) -> Result:
    """G0, G1: queue a move; `ok` means queued, and waits for a free place."""
    unit = MM_PER_INCH if board.modes["inches"] else 1.0
    if command.values.get("F", 0.0) > 0:
        board.feed_mm_s = command.values["F"] * unit / 60
    planner = board.planner

    def queue() -> Result:
        begin = planner.position
        target = {
            axis: _bounded(board, axis, value * unit + _base(board, axis, begin[axis]))
            for axis, value in command.values.items()
            if axis in AXES
        }
        if (
            target.get("E", begin["E"]) != begin["E"]
            and board.plant.hotend.temperature < COLD_EXTRUSION_C
        ):
            board.say("echo: cold extrusion prevented")
            planner.position = {**begin, "E": target.pop("E")}
        board.plant.load("motors", 1.0, board.now)
        planner.push(target, board.feed_mm_s * board.speed_share, board.now)
        return None

    board.plant.advance(board.now)
    return Wait(planner.room_at, queue)


def _base(board: Board, axis: str, here: float) -> float:
    return here if board.modes["relative_e" if axis == "E" else "relative"] else 0.0


def _bounded(board: Board, axis: str, target: float) -> float:
    """Software endstops: after homing a target outside the volume is moved to its edge."""
    if not board.homed or axis not in VOLUME:
        return target
    return min(max(0.0, target), VOLUME[axis])


def dwell(board: Board, command: Command) -> Result:
    """G4: after the queue is empty, wait P milliseconds or S seconds."""
    seconds = command.values.get("S", command.values.get("P", 0.0) / 1000)

    def pause() -> Result:
        until = board.now + seconds
        return Wait(lambda now: None if now >= until else until)

    return Wait(board.planner.drained_at, pause)


def home(board: Board, command: Command) -> Result:
    """G28: each named axis (none: all) to its endstop, back and again; position known after it."""
    axes = [axis for axis in "XYZ" if axis in command.letters] or list("XYZ")
    planner = board.planner

    def begin() -> Result:
        board.plant.load("motors", 1.0, board.now)
        for axis in axes:
            if not board.homed:
                planner.position = {**planner.position, axis: _lost(board, axis)}
            feed = HOMING_FEED[axis]
            for target, speed in ((0.0, feed), (BUMP_MM, feed), (0.0, feed / 2)):
                planner.push({axis: target}, speed, board.now)
        return Wait(planner.drained_at, arrived)

    def arrived() -> Result:
        board.homed = True
        board.truth.write("homed", axes="".join(axes))
        return None

    return Wait(planner.drained_at, begin)


def _lost(board: Board, axis: str) -> float:
    """Where the carriage stands before the firmware knows; Z stands low."""
    return board.plant.carriage_mm if axis != "Z" else board.plant.carriage_mm / 10


def set_position(board: Board, command: Command) -> Result:
    """G92: call the present place by other numbers; queued moves are not touched."""
    given = {axis: value for axis, value in command.values.items() if axis in AXES}
    board.planner.position = {**board.planner.position, **given}
    return None


def mode(name: str, on: bool) -> Handler:
    """A command that switches one mode; absolute and relative take the extruder along."""

    def switch(board: Board, command: Command) -> Result:
        board.modes[name] = on
        if name == "relative":
            board.modes["relative_e"] = on
        return None

    return switch


def drain(board: Board, command: Command) -> Result:
    """M400: answered when nothing moves any more."""
    return Wait(board.planner.drained_at)


def motors_on(board: Board, command: Command) -> Result:
    """M17."""
    board.plant.load("motors", 1.0, board.now)
    return None


def motors_off(board: Board, command: Command) -> Result:
    """M18, M84: when the queue is empty; the position is no longer known."""

    def release() -> Result:
        board.plant.load("motors", 0.0, board.now)
        board.homed = False
        return None

    return Wait(board.planner.drained_at, release)


def heat(name: str) -> Handler:
    """M104, M140: set a target and go on."""

    def set_target(board: Board, command: Command) -> Result:
        if "S" in command.values:
            board.aim(board.plant.heaters[name], command.values["S"])
        return None

    return set_target


def heat_and_wait(name: str) -> Handler:
    """M109, M190: set a target and wait until it has been held; R waits for cooling too."""

    def set_and_wait(board: Board, command: Command) -> Result:
        heater = board.plant.heaters[name]
        for letter in "SR":
            if letter in command.values:
                board.aim(heater, command.values[letter])
        board.plant.advance(board.now)
        both_ways = "R" in command.values
        if not heater.target or (heater.temperature > heater.target and not both_ways):
            return None
        return Wait(_Residency(board, heater).look, heating=True)

    return set_and_wait


class _Residency:
    """Looks once a lab second until the temperature has stayed in the window long enough."""

    def __init__(self, board: Board, heater: Heater) -> None:
        self._board = board
        self._heater = heater
        self._since: float | None = None
        self._due = board.now

    def look(self, now: float) -> float | None:
        if now < self._due:
            return self._due
        self._board.plant.advance(now)
        if abs(self._heater.temperature - self._heater.target) > WINDOW_C:
            self._since = None
        elif self._since is None:
            self._since = now
        if self._since is not None and now - self._since >= RESIDENCY_S:
            return None
        left = "?" if self._since is None else str(round(RESIDENCY_S - (now - self._since)))
        self._board.say(f" {self._board.temperatures()} W:{left}")
        self._due = now + max(HEAT_LINE_S, 0.02 * self._board.clock.factor)
        return self._due


def temperatures(board: Board, command: Command) -> Result:
    """M105: the temperatures come in the `ok` line itself."""
    return board.temperatures()


def report_temperatures(board: Board, command: Command) -> Result:
    """M155 S: report by itself every S lab seconds."""
    board.report_every(min(60.0, command.values.get("S", 0.0)))
    return None


def position(board: Board, command: Command) -> Result:
    """M114: the position at the end of the queue, and the step counts of this moment."""
    planned, real = board.planner.position, board.planner.where(board.now)
    named = " ".join(f"{axis}:{planned[axis]:.2f}" for axis in AXES)
    steps = " ".join(f"{axis}:{round(real[axis] * STEPS_PER_MM[axis])}" for axis in "XYZ")
    board.say(f"{named} Count {steps}")
    return None


def firmware(board: Board, command: Command) -> Result:
    """M115: who this is and what it can do."""
    settings = board.settings
    board.say(
        f"FIRMWARE_NAME:{settings.firmware} (hardware_sim) "
        "SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin PROTOCOL_VERSION:1.0 "
        f"MACHINE_TYPE:{settings.machine} EXTRUDER_COUNT:1 UUID:{settings.uuid}"
    )
    for name, on in (
        ("EEPROM", False),
        ("AUTOREPORT_TEMP", True),
        ("AUTOREPORT_POS", False),
        ("PROGRESS", False),
        ("PRINT_JOB", False),
        ("AUTOLEVEL", False),
        ("Z_PROBE", False),
        ("BUILD_PERCENT", True),
        ("SOFTWARE_POWER", False),
        ("EMERGENCY_PARSER", settings.emergency_parser),
        ("HOST_ACTION_COMMANDS", False),
        ("BUSY_PROTOCOL", True),
    ):
        board.say(f"Cap:{name}:{int(on)}")
    return None


def line_number(board: Board, command: Command) -> Result:
    """M110 without a number of its own: the next line must be N + 1."""
    if command.number is None and "N" in command.values:
        board.gate.last = int(command.values["N"])
    return None


def keepalive(board: Board, command: Command) -> Result:
    """M113 S: period of the busy message in real seconds, 0 = none."""
    if "S" in command.values:
        board.keepalive_s = min(60.0, max(0.0, command.values["S"]))
    else:
        board.say(f"echo:M113 S{board.keepalive_s:g}")
    return None


def fan(board: Board, command: Command) -> Result:
    """M106 S0..255, M107."""
    share = command.values.get("S", 255.0) / 255 if command.code == "M106" else 0.0
    board.plant.load("fan", min(1.0, max(0.0, share)), board.now)
    return None


def speed(board: Board, command: Command) -> Result:
    """M220 S: feed rates in percent."""
    if command.values.get("S", 0.0) > 0:
        board.speed_share = command.values["S"] / 100
    return None


def max_feed(board: Board, command: Command) -> Result:
    """M203: the axes' speed limits in mm/s."""
    given = {axis: value for axis, value in command.values.items() if axis in AXES and value > 0}
    board.planner.max_feed.update(given)
    return None


def kill(board: Board, command: Command) -> Result:
    """M112 that came through the queue."""
    board.kill()
    return None


def quickstop(board: Board, command: Command) -> Result:
    """M410 that came through the queue, also after it was caught before it."""
    board.quickstop()
    return None


def inactivity(board: Board, command: Command) -> Result:
    """M85 S: kill after so many lab seconds without a command or a move; 0 = never."""
    board.inactivity_s = max(0.0, command.values.get("S", 0.0))
    return None


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("G0", "G1"), move),
    "G4": dwell,
    "G20": mode("inches", True),
    "G21": mode("inches", False),
    "G28": home,
    "G90": mode("relative", False),
    "G91": mode("relative", True),
    "G92": set_position,
    "M17": motors_on,
    **dict.fromkeys(("M18", "M84"), motors_off),
    "M82": mode("relative_e", False),
    "M83": mode("relative_e", True),
    "M85": inactivity,
    "M104": heat("hotend"),
    "M105": temperatures,
    "M106": fan,
    "M107": fan,
    "M108": accept,
    "M109": heat_and_wait("hotend"),
    "M110": line_number,
    "M112": kill,
    "M113": keepalive,
    "M114": position,
    "M115": firmware,
    "M140": heat("bed"),
    "M155": report_temperatures,
    "M190": heat_and_wait("bed"),
    "M203": max_feed,
    "M220": speed,
    "M400": drain,
    "M410": quickstop,
    **dict.fromkeys(("M73", "M117", "M201", "M204", "M205", "M221", "M900", "T0"), accept),
}
