"""Which link state may follow which; everything else is a mistake of ours and logged as one."""

from __future__ import annotations

from collections.abc import Mapping

from equipment_drivers.errors import AuthRejected, DriverError, SetupFault, WrongDevice
from equipment_drivers.model import Link

LOST = frozenset({Link.BACKOFF, Link.CONFIG_ERROR, Link.AUTH_ERROR, Link.IDENTITY_ERROR})
DOWN = LOST | {Link.OFFLINE}
AGAIN = frozenset({Link.CONNECTING, Link.OFFLINE})

FOLLOWS: Mapping[Link, frozenset[Link]] = {
    Link.OFFLINE: frozenset({Link.CONNECTING}),
    Link.CONNECTING: DOWN | {Link.SYNCING},
    Link.SYNCING: DOWN | {Link.ONLINE, Link.DEGRADED},
    Link.ONLINE: DOWN | {Link.DEGRADED},
    Link.DEGRADED: DOWN | {Link.ONLINE},
    **dict.fromkeys(LOST, AGAIN),
}


def link_after(fault: DriverError | None) -> Link:
    """The link a fault leaves behind; none: it was closed on purpose."""
    match fault:
        case None:
            return Link.OFFLINE
        case AuthRejected():
            return Link.AUTH_ERROR
        case WrongDevice():
            return Link.IDENTITY_ERROR
        case SetupFault():
            return Link.CONFIG_ERROR
        case _:
            return Link.BACKOFF
