"""The HTTP door of a lab in the test's own process, and how its refusals look."""

from __future__ import annotations

from datetime import timedelta

import httpx

from lab_controller.wire import Refusal
from tests.lab_controller.bench import Bench

TOKEN = "the-lab's-own"
URL = "http://testserver"


def refused(answer: httpx.Response, status: int, code: str) -> Refusal:
    assert answer.status_code == status, answer.text
    refusal = Refusal.model_validate_json(answer.content)
    assert refusal.code == code
    assert refusal.text
    assert refusal.text != code
    return refusal


def slot(bench: Bench, hours: float = 1.0, length: float = 1.0) -> dict[str, str]:
    start = bench.clock.now().replace(minute=0) + timedelta(hours=hours)
    return {"start": start.isoformat(), "end": (start + timedelta(hours=length)).isoformat()}
