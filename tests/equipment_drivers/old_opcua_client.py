"""The old `opcua` library as a client of our simulators; prints what it saw as one JSON line.

`machine`: follows a part being made on the lathe. `robot`: loads, starts and stops a program.
"""

from __future__ import annotations

import json
import logging
import queue
import sys
import warnings
from typing import Any

warnings.simplefilter("ignore")  # the library is no longer kept up, and says so
from opcua import Client, ua  # noqa: E402, TID251

PATIENCE_S = 20.0
SPACES = {
    "DI": "http://opcfoundation.org/UA/DI/",
    "ROB": "http://opcfoundation.org/UA/Robotics/",
    "V": "urn:machikoba:sim:cobot",
    "PLC": "urn:machikoba:sim:plc",
}
TASK = "DI:DeviceSet/V:CobotCell/ROB:Controllers/V:Controller1/ROB:TaskControls/V:Task1"
MACHINE = f"{TASK}/ROB:TaskControlOperation/ROB:TaskControlStateMachine"


class Changes:
    """Notifications of one subscription, in order."""

    def __init__(self) -> None:
        self.seen: queue.Queue[Any] = queue.Queue()

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        """Called in the library's own thread."""
        self.seen.put(getattr(value, "Text", value))

    def until(self, wanted: Any) -> list[Any]:
        """Everything up to a value."""
        values = [self.seen.get(timeout=PATIENCE_S)]
        while values[-1] != wanted:
            values.append(self.seen.get(timeout=PATIENCE_S))
        return values


def at(client: Client, path: str) -> Any:
    """A node by namespace and browse name."""
    spaces = client.get_namespace_array()
    steps = []
    for step in path.split("/"):
        space, _, name = step.partition(":")
        steps.append(f"{spaces.index(SPACES[space]) if space != '0' else 0}:{name}")
    return client.get_objects_node().get_child(steps)


def watch(client: Client, node: Any) -> Changes:
    """Subscribe to one value."""
    changes = Changes()
    client.create_subscription(50, changes).subscribe_data_change(node)
    return changes


def machine(client: Client) -> dict[str, Any]:
    """One part on the lathe, at another feed."""
    lathe = at(client, "PLC:Machine")
    feed = at(client, "PLC:Machine/PLC:FeedOverride")
    feed.set_value(ua.DataValue(ua.Variant(110.0, ua.VariantType.Double)))
    parts = watch(client, at(client, "PLC:Machine/PLC:PartsTotal"))
    lathe.call_method(at(client, "PLC:Machine/PLC:StartCycle").nodeid)
    seen = parts.until(1)
    mode = ua.Variant(0, ua.VariantType.Int32)
    lathe.call_method(at(client, "PLC:Machine/PLC:StopCycle").nodeid, mode)
    return {"parts": seen, "feed": feed.get_value()}


def robot(client: Client) -> dict[str, Any]:
    """One program on the cobot."""
    task = at(client, MACHINE)
    states = watch(client, at(client, f"{MACHINE}/0:CurrentState"))
    task.call_method(at(client, f"{MACHINE}/ROB:LoadByName").nodeid, "pick_and_place")
    seen = states.until("Ready")
    task.call_method(at(client, f"{MACHINE}/ROB:Start").nodeid)
    seen += states.until("Executing")
    mode = ua.Variant(0, ua.VariantType.Int64)
    task.call_method(at(client, f"{MACHINE}/ROB:Stop").nodeid, mode)
    return {"states": seen + states.until("Ready")}


def main(kind: str, url: str) -> None:
    """Connect, do it, say what was seen."""
    logging.disable(logging.CRITICAL)
    client = Client(url)
    client.connect()
    try:
        seen = {"machine": machine, "robot": robot}[kind](client)
    finally:
        client.disconnect()
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
