"""Every connection: asked of the running controller, or else tried once without moving anything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from equipment_drivers.errors import DriverError
from equipment_drivers.lifecycle import Limits
from lab_controller.clock import LabClock
from lab_controller.doctor.finding import Finding, bad, good, look
from lab_controller.doctor.ports import serial_port
from lab_controller.wire import DeviceShape
from lab_controller.wiring import Wire

CLOSE_S = 3.0
WITHOUT_POWER = frozenset(
    {"doctor.port_missing", "driver.connect_failed", "driver.peer_silent", "driver.link_lost"}
)
"""What a machine looks like whose plug is off, as it should be outside of a booking."""
DATE_TIMEOUT_S = 3.0
SKEW_S = 5.0
UP = ("online", "degraded")
PORT_OPTIONS = ("port", "serial_port")

log = logging.getLogger(__name__)


async def examine(
    wire: Wire, plugs: Sequence[str] = (), limits: Limits | None = None
) -> list[Finding]:
    """Try one connection: a serial port is only looked at, a peer on the network is greeted.

    `plugs` feed its devices: then not being there may only mean that they are off.
    """
    found = await _examine(wire, limits)
    if not plugs:
        return found
    off = {"plugs": ", ".join(plugs)}
    return [
        look(wire.id, "doctor.maybe_off", **off) if one.code in WITHOUT_POWER else one
        for one in found
    ]


async def _examine(wire: Wire, limits: Limits | None) -> list[Finding]:
    for option in PORT_OPTIONS:
        port = getattr(wire.options, option, None)
        if isinstance(port, str) and port.startswith("/"):
            return [serial_port(wire.id, port)]
    found = [await greet(wire, (limits or Limits()).attempt_s)]
    url = getattr(wire.options, "url", "")
    if url.startswith("http"):
        found += await compare_clocks(wire.id, url)
    return found


async def greet(wire: Wire, attempt_s: float) -> Finding:
    """Connect as the driver does, rights and identity included, and hang up."""
    driver = wire.driver(
        wire.id, wire.options, wire.devices, clock=LabClock(), emit=lambda fact: None
    )
    try:
        async with asyncio.timeout(attempt_s):
            await driver.connect()
    except DriverError as error:
        return bad(wire.id, error.code, **error.params)
    except TimeoutError:
        return bad(wire.id, "driver.peer_silent")
    except Exception as error:
        log.exception("connection %s: mistake in its driver", wire.id)
        return bad(wire.id, "driver.error", cause=repr(error))
    finally:
        with suppress(TimeoutError):  # what was found out counts, however it hangs up
            async with asyncio.timeout(CLOSE_S):
                await driver.close()
    return good(wire.id, "doctor.wire_good", driver=wire.driver.spec.id)


async def compare_clocks(about: str, url: str) -> list[Finding]:
    """How far our clock is from the one the server puts into its answers (RFC 9110, Date)."""
    try:
        async with httpx.AsyncClient(timeout=DATE_TIMEOUT_S, trust_env=False) as client:
            answer = await client.head(url)
        theirs = parsedate_to_datetime(answer.headers["date"])
    except (httpx.HTTPError, KeyError, ValueError):
        return []  # unreachable, or it tells no time: nothing to compare
    seconds = round((datetime.now(UTC) - theirs).total_seconds())
    if abs(seconds) <= SKEW_S:
        return []
    return [bad(about, "doctor.clock_skew", url=url, seconds=seconds)]


def as_the_controller_sees(wires: Sequence[Wire], devices: Sequence[DeviceShape]) -> list[Finding]:
    """What a running controller says of its connections; a second greeting would disturb it."""
    links = {one.connection: one for one in devices}
    return [_seen(wire.id, links) for wire in wires if wire.id in links]


def _seen(connection: str, links: Mapping[str, DeviceShape]) -> Finding:
    shown = links[connection]
    if shown.link in UP:
        return good(connection, "doctor.link_up", link=shown.link)
    if shown.link_text:
        return bad(connection, "doctor.link_down", link=shown.link, text=shown.link_text)
    return look(connection, "doctor.link_changing", link=shown.link)
