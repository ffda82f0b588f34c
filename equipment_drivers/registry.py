"""Drivers by name: entry points of the group `machikoba.drivers`, loaded when first asked for.

A driver that is missing, does not import or speaks another API version is an error of the
connections that want it and of nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from equipment_drivers.contract import API_VERSION, Driver, DriverSpec
from equipment_drivers.errors import SetupFault

log = logging.getLogger(__name__)

GROUP = "machikoba.drivers"


class UnknownDriver(SetupFault):
    """No installed package offers a driver of this name."""

    code = "driver.unknown_driver"


class BrokenDriver(SetupFault):
    """The driver is there but cannot be used."""

    code = "driver.broken_driver"


def installed() -> Mapping[str, EntryPoint]:
    """The drivers on offer by id; nothing is imported."""
    return {point.name: point for point in entry_points(group=GROUP)}


def find(driver: str, offered: Mapping[str, EntryPoint] | None = None) -> type[Driver]:
    """Import one driver. Raises UnknownDriver or BrokenDriver."""
    points = installed() if offered is None else offered
    if driver not in points:
        raise UnknownDriver(driver=driver, known=", ".join(sorted(points)) or "-")
    try:
        found = points[driver].load()
    except Exception as error:
        log.exception("driver %s does not load", driver)
        raise BrokenDriver(driver=driver, cause=repr(error)) from error
    return _checked(driver, found)


def _checked(driver: str, found: Any) -> type[Driver]:
    spec = getattr(found, "spec", None)
    if not isinstance(spec, DriverSpec):
        raise BrokenDriver(driver=driver, cause="no spec")
    if spec.api_version != API_VERSION:
        cause = f"API version {spec.api_version}, here {API_VERSION}"
        raise BrokenDriver(driver=driver, cause=cause)
    checked: type[Driver] = found
    return checked
