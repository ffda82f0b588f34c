"""One who asks for the same slot at the same moment as others; imports little, to start fast."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from http.client import HTTPConnection
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any
from urllib.parse import urlsplit

PATIENCE_S = 60.0


def wish(start: datetime, key: str) -> dict[str, Any]:
    """Half an hour of the bench."""
    return {
        "equipment": "bench",
        "start": start.isoformat(),
        "end": (start + timedelta(minutes=30)).isoformat(),
        "party": "ota",
        "idempotency_key": key,
    }


def ask_for_all(
    url: str, token: str, at_once: Barrier, slots: Sequence[datetime], answers: Queue[Any]
) -> None:
    """Each slot at the same moment as all the others; what was said to each goes to `answers`."""
    address = urlsplit(url)
    door = HTTPConnection(str(address.hostname), address.port or 80, timeout=PATIENCE_S)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    door.connect()  # before the race begins
    said = []
    for slot in slots:
        body = json.dumps(wish(slot, uuid.uuid4().hex))
        at_once.wait(PATIENCE_S)
        door.request("POST", f"{address.path}/bookings", body, headers)
        answer = door.getresponse()
        said.append((answer.status, json.loads(answer.read())))
    door.close()
    answers.put(said)
