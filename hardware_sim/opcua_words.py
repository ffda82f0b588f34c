"""OPC UA's own words where asyncua's annotations ask for more than they need."""

from __future__ import annotations

from datetime import datetime

from asyncua import ua

OVERFLOW = 0x0480
"""Good, with the info bits that say a queue ran over (OPC 10000-4, 7.39)."""


def node_id(identifier: int | str, namespace: int = 0) -> ua.NodeId:
    """A node id; asyncua takes plain numbers where its annotations ask for its own types."""
    return ua.NodeId(identifier, namespace)  # type: ignore[arg-type]


def status_code(code: int) -> ua.StatusCode:
    """A status code, as `node_id`."""
    return ua.StatusCode(code)  # type: ignore[arg-type]


def code_named(name: str) -> int:
    """The number of a status: empty is Good, `Overflow` is Good with the overflow bits."""
    return OVERFLOW if name == "Overflow" else int(getattr(ua.StatusCodes, name or "Good"))


def stamped(
    value: ua.Variant, at: datetime | None, status: ua.StatusCode | None = None
) -> ua.DataValue:
    """A value with its source and server time; no time where `at` is None."""
    times = {"SourceTimestamp": at, "ServerTimestamp": at}
    return ua.DataValue(value, status or ua.StatusCode(), **times)  # type: ignore[arg-type]
