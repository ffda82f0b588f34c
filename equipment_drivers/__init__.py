"""Devices on their wires: asyncio, units and protocol truth; never a booking, a person or yen."""

from __future__ import annotations
