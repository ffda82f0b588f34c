"""A machine on the old `opcua` library, which is nobody's cousin; prints its endpoint, ends with
its stdin. `robot` shows the names of OPC 40010, anything else a plain PLC."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Any

warnings.simplefilter("ignore")  # the library is no longer kept up, and says so
from opcua import Server, ua  # noqa: E402, TID251

DI, ROBOTICS = "http://opcfoundation.org/UA/DI/", "http://opcfoundation.org/UA/Robotics/"
VENDOR = "urn:test:peer"


def build_plc(server: Any, index: int) -> None:
    """Speed, counter, state, a value to write and a method that starts and stops."""
    machine = server.get_objects_node().add_object(index, "Machine")
    state = machine.add_variable(f"ns={index};s=State", f"{index}:State", 0, ua.VariantType.Int32)
    speed = machine.add_variable(f"ns={index};s=Speed", f"{index}:Speed", 0.0)
    parts = machine.add_variable(f"ns={index};s=Parts", f"{index}:Parts", 0, ua.VariantType.UInt32)
    feed = machine.add_variable(f"ns={index};s=Feed", f"{index}:Feed", 100.0)
    feed.set_writable()

    def start(_: Any) -> list[Any]:
        state.set_value(1, ua.VariantType.Int32)
        speed.set_value(1500.0)
        parts.set_value(parts.get_value() + 1, ua.VariantType.UInt32)
        return []

    def stop(_: Any) -> list[Any]:
        state.set_value(0, ua.VariantType.Int32)
        speed.set_value(0.0)
        return []

    machine.add_method(index, "Start", start)
    machine.add_method(index, "Stop", stop)


def build_robot(server: Any, index: int) -> None:
    """As little of a robot as the driver can live with: one axis, safety, a task that runs."""
    di, robotics = server.register_namespace(DI), server.register_namespace(ROBOTICS)

    def below(parent: Any, *steps: tuple[int, str]) -> Any:
        for space, name in steps:
            parent = parent.add_object(space, name)
        return parent

    cell = below(server.get_objects_node(), (di, "DeviceSet"), (index, "Cell"))
    arm = below(cell, (robotics, "MotionDevices"), (index, "Arm"))
    axis = below(arm, (robotics, "Axes"), (index, "Axis1"), (di, "ParameterSet"))
    axis.add_variable(robotics, "ActualPosition", 12.5)
    safety = below(cell, (robotics, "SafetyStates"), (index, "Safety"), (di, "ParameterSet"))
    safety.add_variable(robotics, "EmergencyStop", False)
    safety.add_variable(robotics, "ProtectiveStop", False)
    safety.add_variable(robotics, "OperationalMode", 4, ua.VariantType.Int32)
    task = below(cell, (robotics, "Controllers"), (index, "C"), (robotics, "TaskControls"))
    task = below(task, (index, "T"))
    parameters = below(task, (di, "ParameterSet"))
    program = parameters.add_variable(robotics, "TaskProgramName", "")
    machine = below(task, (robotics, "TaskControlOperation"), (robotics, "TaskControlStateMachine"))
    text = ua.LocalizedText
    state = machine.add_variable(f"ns={robotics};s=State", "0:CurrentState", text("Idle"))

    def load(_: Any, name: Any) -> list[Any]:
        program.set_value(name.Value)
        state.set_value(text("Ready"))
        return []

    def start(_: Any) -> list[Any]:
        state.set_value(text("Executing"))
        return []

    def stop(_: Any) -> list[Any]:
        state.set_value(text("Ready"))
        return []

    machine.add_method(robotics, "LoadByName", load, [ua.VariantType.String], [])
    machine.add_method(robotics, "Start", start)
    machine.add_method(robotics, "Stop", stop)


def main(kind: str, port: str) -> None:
    """Serve until stdin ends."""
    logging.disable(logging.CRITICAL)
    server = Server()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/peer")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    server.register_namespace("urn:test:before")
    index = server.register_namespace(VENDOR)
    (build_robot if kind == "robot" else build_plc)(server, index)
    server.start()
    sys.stdout.write(f"opc.tcp://127.0.0.1:{port}/peer\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
