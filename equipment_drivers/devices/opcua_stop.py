"""The stop method of an OPC UA machine: called by us, and as the data the stopper needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from equipment_drivers.contract import StopOutcome, StopReport, StopStep
from equipment_drivers.devices.opcua_options import OpcuaOptions
from equipment_drivers.devices.opcua_tree import Method, Steps
from equipment_drivers.errors import DriverError


def stop_step(
    connection: str,
    options: OpcuaOptions,
    password: str,
    *,
    machine: Steps,
    method: Method,
    confirm: tuple[Steps, Sequence[object]] | None,
) -> StopStep:
    """One call of a method without a lease; `confirm`: where to read, and what to find there."""
    payload: dict[str, object] = {
        "endpoint": options.url,
        "object": [list(step) for step in machine],
        "method": [method.uri, method.name],
        "args": [[value.VariantType.name, value.Value] for value in method.inputs],
        "confirm": None,
        "security": security_of(options),
        "user": options.user or "",
        "password": password,
    }
    if confirm is not None:
        path, values = confirm
        payload["confirm"] = {"path": [list(step) for step in path], "equals": list(values)}
    return StopStep("opcua_call", connection, payload, deadline_s=options.stop_deadline_s)


async def stopped(
    device: str,
    call: Callable[[], Awaitable[object]],
    rests: Callable[[], Awaitable[bool]],
    within_s: float,
) -> StopReport:
    """Call, then look: FAILED without an answer in time, CONFIRMED where it was seen to rest."""
    try:
        async with asyncio.timeout(within_s):
            await call()
    except (DriverError, TimeoutError) as error:
        return StopReport(device, StopOutcome.FAILED, str(error) or "timeout")
    return StopReport(device, StopOutcome.CONFIRMED if await rests() else StopOutcome.SENT)


def security_of(options: OpcuaOptions) -> Mapping[str, str] | None:
    """How the stopper secures its own session: as ours."""
    if options.security == "none":
        return None
    return {
        "policy": options.security,
        "mode": options.security_mode,
        "certificate_file": str(options.certificate_file),
        "private_key_file": str(options.private_key_file),
        "trust_dir": str(options.trust_dir),
    }
