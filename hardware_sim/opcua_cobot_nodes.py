"""The address space of the cobot cell: types, instances and names of OPC 40010-1 and 40001-1.

Written as tables and built node by node. Browse names and the numeric ids of types are those a
client meets on a real server; the instances carry string ids in the vendor's namespace.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from asyncua import Server, ua

from hardware_sim.opcua_words import node_id

URIS = {
    "DI": "http://opcfoundation.org/UA/DI/",
    "MACH": "http://opcfoundation.org/UA/Machinery/",
    "ROB": "http://opcfoundation.org/UA/Robotics/",
    "V": "urn:machikoba:sim:cobot",
}
APPLICATION_URI = "urn:machikoba:sim:cobot:server"
UNITS_URI = "http://www.opcfoundation.org/UA/units/un/cefact"
UNITS = {
    "deg": ("DD", "°"),
    "pct": ("P1", "%"),
    "s": ("SEC", "s"),
    "kWh": ("KWH", "kW·h"),
    "W": ("WTT", "W"),
}

FOLDER = "0:61"
VARIABLE = "0:63"
ANALOG = "0:17497"
STATE_VARIABLE = "0:2760"

# type: (browse name, super type); a super type stands before its sub types
TYPES = {
    "DI:1001": ("TopologyElementType", "0:58"),
    "DI:15063": ("ComponentType", "DI:1001"),
    "DI:15106": ("SoftwareType", "DI:15063"),
    "MACH:1012": ("MachineIdentificationType", FOLDER),
    "MACH:1002": ("MachineryItemState_StateMachineType", "0:2771"),
    "ROB:1002": ("MotionDeviceSystemType", "DI:15063"),
    "ROB:1003": ("ControllerType", "DI:15063"),
    "ROB:1004": ("MotionDeviceType", "DI:15063"),
    "ROB:1006": ("OperationStateMachineType", "0:2771"),
    "ROB:1008": ("TaskControlOperationType", "0:58"),
    "ROB:1011": ("TaskControlType", "DI:15063"),
    "ROB:1012": ("ReadySubstateMachineType", "0:2771"),
    "ROB:1013": ("SafetyStateType", "DI:15063"),
    "ROB:1025": ("TaskControlStateMachineType", "ROB:1006"),
    "ROB:16601": ("AxisType", "DI:15063"),
    "ROB:18175": ("UserType", "0:58"),
    "V:1001": ("ProductionType", "0:58"),
}

# enumeration: browse name, texts by number
ENUMERATIONS = {
    "ROB:3006": (
        "OperationalModeEnumeration",
        ("OTHER", "MANUAL_REDUCED_SPEED", "MANUAL_HIGH_SPEED", "AUTOMATIC", "AUTOMATIC_EXTERNAL"),
    ),
    "ROB:3008": (
        "AxisMotionProfileEnumeration",
        ("OTHER", "ROTARY", "ROTARY_ENDLESS", "LINEAR", "LINEAR_ENDLESS"),
    ),
    "ROB:18191": ("ExecutionModeEnumeration", ("CYCLE", "CONTINUOUS", "STEP")),
    "ROB:18193": ("MotionDeviceCategoryEnumeration", ("OTHER", "ARTICULATED_ROBOT")),
}

# state key: (type it belongs to, browse name)
STATES = {
    "ROB:5040": ("ROB:1025", "Idle"),
    "ROB:5041": ("ROB:1025", "Ready"),
    "ROB:5042": ("ROB:1025", "Executing"),
    "ROB:5023": ("ROB:1012", "AtProgramStart"),
    "ROB:5024": ("ROB:1012", "Suspended"),
    "MACH:5004": ("MACH:1002", "OutOfService"),
    "MACH:5006": ("MACH:1002", "Executing"),
    "MACH:5007": ("MACH:1002", "NotExecuting"),
}
STATE_IDS = {(owner, name): key for key, (owner, name) in STATES.items()}

_SYSTEM = "DI:DeviceSet/V:CobotCell"
_ROBOT = f"{_SYSTEM}/ROB:MotionDevices/V:Robot1"
_CONTROLLER = f"{_SYSTEM}/ROB:Controllers/V:Controller1"
_TASK = f"{_CONTROLLER}/ROB:TaskControls/V:Task1"
_SAFETY = f"{_SYSTEM}/ROB:SafetyStates/V:Safety1"
_BLOCKS = f"{_SYSTEM}/MACH:MachineryBuildingBlocks"
_PRODUCTION = f"{_SYSTEM}/V:Production"
STATE_MACHINE = f"{_TASK}/ROB:TaskControlOperation/ROB:TaskControlStateMachine"
SUBSTATE = f"{STATE_MACHINE}/ROB:ReadySubstateMachine"
ITEM_STATE = f"{_BLOCKS}/MACH:MachineryItemState"
AXES = tuple(f"Axis_{number}" for number in range(1, 7))

# object path: type definition; a parent stands before its children
OBJECTS = {
    "DI:DeviceSet": "0:58",
    "MACH:Machines": FOLDER,
    _SYSTEM: "ROB:1002",
    f"{_SYSTEM}/ROB:MotionDevices": FOLDER,
    _ROBOT: "ROB:1004",
    f"{_ROBOT}/DI:ParameterSet": "0:58",
    f"{_ROBOT}/ROB:Axes": FOLDER,
    f"{_ROBOT}/ROB:PowerTrains": FOLDER,
    **{f"{_ROBOT}/ROB:Axes/V:{axis}": "ROB:16601" for axis in AXES},
    **{f"{_ROBOT}/ROB:Axes/V:{axis}/DI:ParameterSet": "0:58" for axis in AXES},
    f"{_SYSTEM}/ROB:Controllers": FOLDER,
    _CONTROLLER: "ROB:1003",
    f"{_CONTROLLER}/ROB:CurrentUser": "ROB:18175",
    f"{_CONTROLLER}/ROB:Software": FOLDER,
    f"{_CONTROLLER}/ROB:Software/V:Firmware": "DI:15106",
    f"{_CONTROLLER}/ROB:TaskControls": FOLDER,
    _TASK: "ROB:1011",
    f"{_TASK}/DI:ParameterSet": "0:58",
    f"{_TASK}/ROB:TaskControlOperation": "ROB:1008",
    STATE_MACHINE: "ROB:1025",
    SUBSTATE: "ROB:1012",
    f"{_SYSTEM}/ROB:SafetyStates": FOLDER,
    _SAFETY: "ROB:1013",
    f"{_SAFETY}/DI:ParameterSet": "0:58",
    _BLOCKS: FOLDER,
    f"{_BLOCKS}/DI:Identification": "MACH:1012",
    ITEM_STATE: "MACH:1002",
    _PRODUCTION: "V:1001",
}
KNOWN_IDS = {"DI:DeviceSet": ("DI", 5001), "MACH:Machines": ("MACH", 1001)}

V = ua.VariantType


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: first value, wire type, type definition, data type, unit of UNITS."""

    value: object
    wire: V
    kind: str = VARIABLE
    enum: str = ""
    unit: str = ""


def _text(value: str) -> Variable:
    return Variable(ua.LocalizedText(value, "en"), V.LocalizedText, "0:68")


def _string(value: str) -> Variable:
    return Variable(value, V.String, "0:68")


def _analog(unit: str, value: float = 0.0) -> Variable:
    return Variable(value, V.Double, ANALOG, unit=unit)


# what changes, by the short name it is published and faulted under
LIVE_PATHS = {
    "OnPath": f"{_ROBOT}/DI:ParameterSet/ROB:OnPath",
    "InControl": f"{_ROBOT}/DI:ParameterSet/ROB:InControl",
    "SpeedOverride": f"{_ROBOT}/DI:ParameterSet/ROB:SpeedOverride",
    **{axis: f"{_ROBOT}/ROB:Axes/V:{axis}/DI:ParameterSet/ROB:ActualPosition" for axis in AXES},
    "TaskProgramName": f"{_TASK}/DI:ParameterSet/ROB:TaskProgramName",
    "TaskProgramLoaded": f"{_TASK}/DI:ParameterSet/ROB:TaskProgramLoaded",
    "ExecutionMode": f"{_TASK}/DI:ParameterSet/ROB:ExecutionMode",
    "CurrentState": f"{STATE_MACHINE}/0:CurrentState",
    "CurrentState.Id": f"{STATE_MACHINE}/0:CurrentState/0:Id",
    "ReadySubstate": f"{SUBSTATE}/0:CurrentState",
    "ReadySubstate.Id": f"{SUBSTATE}/0:CurrentState/0:Id",
    "EmergencyStop": f"{_SAFETY}/DI:ParameterSet/ROB:EmergencyStop",
    "ProtectiveStop": f"{_SAFETY}/DI:ParameterSet/ROB:ProtectiveStop",
    "OperationalMode": f"{_SAFETY}/DI:ParameterSet/ROB:OperationalMode",
    "MachineryItemState": f"{ITEM_STATE}/0:CurrentState",
    "MachineryItemState.Id": f"{ITEM_STATE}/0:CurrentState/0:Id",
    "LastCycleTime": f"{_PRODUCTION}/V:LastCycleTime",
    "EnergyConsumed": f"{_PRODUCTION}/V:EnergyConsumed",
    "PowerDraw": f"{_PRODUCTION}/V:PowerDraw",
    "PartsGood": f"{_PRODUCTION}/V:PartsGood",
    "PartsScrap": f"{_PRODUCTION}/V:PartsScrap",
    "MicroStopCause": f"{_PRODUCTION}/V:MicroStopCause",
}
_LIVE_KINDS = {
    "OnPath": Variable(False, V.Boolean),
    "InControl": Variable(False, V.Boolean),
    "SpeedOverride": _analog("pct", 100.0),
    **{axis: _analog("deg") for axis in AXES},
    "TaskProgramName": Variable("", V.String),
    "TaskProgramLoaded": Variable(False, V.Boolean),
    "ExecutionMode": Variable(1, V.Int32, enum="ROB:18191"),
    **{
        name: Variable(ua.LocalizedText("", "en"), V.LocalizedText, STATE_VARIABLE)
        for name in ("CurrentState", "ReadySubstate", "MachineryItemState")
    },
    **{
        f"{name}.Id": Variable(ua.NodeId(), V.NodeId, "0:68")
        for name in ("CurrentState", "ReadySubstate", "MachineryItemState")
    },
    "EmergencyStop": Variable(False, V.Boolean),
    "ProtectiveStop": Variable(False, V.Boolean),
    "OperationalMode": Variable(4, V.Int32, enum="ROB:3006"),
    "LastCycleTime": _analog("s"),
    "EnergyConsumed": _analog("kWh"),
    "PowerDraw": _analog("W"),
    "PartsGood": Variable(0, V.UInt32),
    "PartsScrap": Variable(0, V.UInt32),
    "MicroStopCause": Variable("", V.String),
}


def _plate(owner: str, model: str, serial: str) -> dict[str, Variable]:
    return {
        f"{owner}/DI:Manufacturer": _text("Machikoba Robotics (simulated)"),
        f"{owner}/DI:Model": _text(model),
        f"{owner}/DI:SerialNumber": _string(serial),
        f"{owner}/DI:ProductCode": _string(model),
    }


def variables(serial: str) -> Mapping[str, Variable]:
    """Every variable of the server by its path; `serial` is on the plates."""
    return {
        **_plate(_ROBOT, "MK-5 cobot", f"{serial}-R"),
        **_plate(_CONTROLLER, "MK-C2", f"{serial}-C"),
        **_plate(f"{_BLOCKS}/DI:Identification", "MK-5 cell", serial),
        f"{_BLOCKS}/DI:Identification/DI:ProductInstanceUri": _string(f"{URIS['V']}:{serial}"),
        f"{_ROBOT}/ROB:MotionDeviceCategory": Variable(1, V.Int32, "0:68", "ROB:18193"),
        **{
            f"{_ROBOT}/ROB:Axes/V:{axis}/ROB:MotionProfile": Variable(
                1, V.Int32, "0:68", "ROB:3008"
            )
            for axis in AXES
        },
        f"{_CONTROLLER}/ROB:CurrentUser/ROB:Level": _string("Operator"),
        f"{_CONTROLLER}/ROB:CurrentUser/ROB:Name": _string("lab"),
        f"{_CONTROLLER}/ROB:Software/V:Firmware/DI:Manufacturer": _text("Machikoba Robotics"),
        f"{_CONTROLLER}/ROB:Software/V:Firmware/DI:Model": _text("MK-OS"),
        f"{_CONTROLLER}/ROB:Software/V:Firmware/DI:SoftwareRevision": _string("3.2.1"),
        f"{_TASK}/DI:ComponentName": _text("Task1"),
        f"{_SAFETY}/DI:ComponentName": _text("Safety1"),
        **{LIVE_PATHS[name]: kind for name, kind in _LIVE_KINDS.items()},
    }


# method: (browse name with namespace, input arguments as (name, type))
METHODS: dict[str, tuple[str, tuple[tuple[str, V], ...]]] = {
    "LoadByName": ("ROB:LoadByName", (("Name", V.String),)),
    "UnloadProgram": ("ROB:UnloadProgram", ()),
    "Start": ("ROB:Start", ()),
    "Stop": ("ROB:Stop", (("StopMode", V.Int64),)),
    "Hold": ("V:Hold", ()),
    "Continue": ("V:Continue", ()),
}


@dataclass(slots=True)
class AddressSpace:
    """What was built: node ids by path, by short name of what is live, and by method name."""

    indices: dict[str, int]
    nodes: dict[str, ua.NodeId] = field(default_factory=dict)
    values: dict[str, Variable] = field(default_factory=dict)
    live: dict[str, ua.NodeId] = field(default_factory=dict)
    methods: dict[str, ua.NodeId] = field(default_factory=dict)

    def known(self, key: str) -> ua.NodeId:
        """The node id of a key like `ROB:1002`."""
        namespace, _, number = key.partition(":")
        return node_id(int(number), self.indices[namespace])

    def name(self, text: str) -> ua.QualifiedName:
        """The qualified name of a text like `ROB:Axes`."""
        namespace, _, name = text.partition(":")
        return ua.QualifiedName(name, self.indices[namespace])


def namespace_order(seed: int) -> list[str]:
    """The keys of URIS in the order they are registered in: shuffled by the seed."""
    keys = sorted(URIS)
    random.Random(f"namespaces {seed}").shuffle(keys)
    return keys


async def register(server: Server, seed: int) -> dict[str, int]:
    """Register the namespaces; the index of each key on this server."""
    order = namespace_order(seed)
    return {"0": 0} | {key: await server.register_namespace(URIS[key]) for key in order}
