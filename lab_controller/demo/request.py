"""A first-time visitor's request on the public page, as a browser without JavaScript makes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


async def request_on_the_web(
    url: str, equipment: str, start: datetime, end: datetime, party: Mapping[str, Any], purpose: str
) -> str:
    """Fill in and send the form; the booking's number."""
    raise NotImplementedError
