"""The device half of a lab: wires, board, commands, stopping and records, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from equipment_drivers.lifecycle import Connection, Limits
from lab_controller import wiring
from lab_controller.board import Board
from lab_controller.clock import LabClock
from lab_controller.config import Settings
from lab_controller.coordinator import Coordinator
from lab_controller.database import Writer
from lab_controller.facts import Bus
from lab_controller.guard import Guard, rules_of
from lab_controller.interlock_watch import InterlockWatch
from lab_controller.leases import Leases
from lab_controller.permit import Permit
from lab_controller.recorder import Recorder
from lab_controller.stopping import StopDesk
from lab_controller.telemetry_files import TelemetryFiles
from trial_logs.samples.journal import Resolution
from trial_logs.samples.retention import Retention


@dataclass(slots=True)
class Floor:
    """What stands on the floor, and what commands, stops and records it."""

    settings: Settings
    clock: LabClock
    bus: Bus
    board: Board
    db: Writer
    telemetry: TelemetryFiles
    permit: Permit
    power: Mapping[str, str]
    connections: dict[str, Connection]
    leases: Leases
    guard: Guard
    watch: InterlockWatch
    coordinator: Coordinator
    stop_desk: StopDesk
    recorder: Recorder


def build_floor(
    settings: Settings,
    path: Path,
    *,
    socket: Path,
    on_lost: Callable[[], None],
    limits: Limits | None = None,
) -> Floor:
    """Compose the floor. Raises ConfigInvalid for drivers and their options."""
    wires = wiring.plan_wires(settings, path)
    clock, bus, data_dir = settings.clock, Bus(), settings.lab.data_dir
    power = {device.id: device.power for device in settings.device if device.power}
    db, telemetry = Writer(data_dir / "lab.db"), telemetry_of(settings)
    leases = Leases(clock.monotonic)
    permit = Permit(
        socket,
        on_stopping=lambda stop: desk.stopping(stop),
        on_stopped=lambda press: desk.stopped(press),
        on_latch=lambda latch: desk.latch_changed(latch),
        on_lost=on_lost,
    )
    connections = wiring.build(
        wires,
        clock=clock,
        emit=bus.tell,
        before_close=lambda id: desk.wire_closes(id),
        on_online=lambda id: desk.wire_is_up(id),
        limits=limits,
    )
    board = Board(wiring.views(connections))
    estops = {one.id: one.estop.model_dump() for one in settings.device if one.estop}
    desk = StopDesk(clock, bus, board, connections, power, permit, db, estops)
    recorder = Recorder(clock=clock, board=board, telemetry=telemetry, folder=data_dir / "evidence")
    names = {one.id: {"ja": one.name.ja, "en": one.name.en} for one in settings.device}
    guard = Guard(clock, board, rules_of(settings, board), names)
    coordinator = Coordinator(
        clock, bus, board, connections, leases, permit, guard, db, data_dir / "job_logs"
    )
    watch = InterlockWatch(clock, bus, board, guard, coordinator, desk.press)
    for listener in (board.hear, desk.hear, recorder.hear, watch.hear):
        bus.listen(listener)
    return Floor(
        settings,
        clock,
        bus,
        board,
        db,
        telemetry,
        permit,
        power,
        connections,
        leases,
        guard,
        watch,
        coordinator,
        desk,
        recorder,
    )


def telemetry_of(settings: Settings) -> TelemetryFiles:
    """The month files, with the resolutions, deadbands and times of keeping the lab declares."""
    declared = {(one.device, one.signal): one for one in settings.series}
    return TelemetryFiles(
        settings.lab.data_dir / "telemetry",
        keep=Retention(**settings.telemetry.model_dump()),
        resolutions={
            name: Resolution(one.step, one.time_step_us) for name, one in declared.items()
        },
        deadbands={
            name: one.deadband for name, one in declared.items() if one.deadband is not None
        },
    )
