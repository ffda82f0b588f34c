"""Where notifications of a subscription wait until they are read; nothing is lost quietly."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from asyncua import Node, ua

from equipment_drivers.devices.opcua_values import Sample, overflowed, sample_of
from equipment_drivers.errors import LinkLost

BUFFERED = 20_000


class Inbox:
    """Takes notifications as they come and keeps them until somebody reads; counts what it lost."""

    def __init__(self, limit: int = BUFFERED) -> None:
        self._items: deque[tuple[ua.NodeId, Sample]] = deque()
        self._limit = limit
        self._news = asyncio.Event()
        self._ended = ""
        self.lost = 0

    def datachange_notification(self, node: Node, val: Any, data: Any) -> None:
        """Called by the client library for each change; only keeps it."""
        changed = data.monitored_item.Value
        self.lost += overflowed(changed) or len(self._items) >= self._limit
        if len(self._items) < self._limit:
            self._items.append((node.nodeid, sample_of(changed)))
        self._news.set()

    def status_change_notification(self, status: ua.StatusChangeNotification) -> None:
        """Called when the server or the session ends the subscription."""
        self._ended = status.Status.name
        self._news.set()

    async def take(self) -> list[tuple[ua.NodeId, Sample]]:
        """Everything that has come, in order; waits for the first. Raises LinkLost at the end."""
        await self._news.wait()
        items = list(self._items)
        self._items.clear()
        if not self._ended:
            self._news.clear()
        elif not items:
            raise LinkLost(cause=self._ended)
        return items
