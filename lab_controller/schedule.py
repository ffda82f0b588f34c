"""APScheduler only wakes: every job reads what is due from the database and may come twice or late.

No job store is the truth, so a wake-up missed during an outage is made good by the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wake:
    """An idempotent job and how often it is woken, in real seconds."""

    name: str
    job: Callable[[], Awaitable[None]]
    every_s: float


def start(wakes: list[Wake]) -> AsyncIOScheduler:
    """Start waking the jobs; `shutdown()` of the answer ends it."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.add_listener(_told, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
    for wake in wakes:
        scheduler.add_job(
            wake.job,
            "interval",
            seconds=wake.every_s,
            id=wake.name,
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
        )
    scheduler.start()
    return scheduler


def _told(fault: JobExecutionEvent) -> None:
    log.error("job %s: %s", fault.job_id, fault.exception or "missed")
