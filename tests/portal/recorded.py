"""A booking with a trial that has run, as the controller leaves them behind."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta

from lab_controller.bootstrap import Lab
from lab_controller.database import connect
from trial_logs import evidence, store
from trial_logs.model import (
    Batch,
    Condition,
    Correction,
    PartEvent,
    PartSource,
    RunMoved,
    RunState,
    TrialDraft,
    Verdict,
)
from trial_logs.protocol import Protocol, SampleSize

BY = "佐倉 健一"
DRAFT = {
    "title": "切削の治具を樹脂に替えられるか",
    "question": "アルミで作っている検査治具を、\n樹脂の治具に替えたい。",
    "part": "検査治具 J-014",
    "material": "PETG",
    "conditions": (Condition("標準（0.20 mm）", {"積層ピッチ": "0.20 mm"}),),
    "protocol": Protocol(sample=SampleSize(parts_per_run=20, runs_per_condition=2)),
}


async def tried(lab: Lab, booking: str, party: str, now: datetime, *, simulated: bool) -> str:
    """A trial of that booking with one finished run: 19 good parts and a scrap one."""
    draft = TrialDraft(booking, party, "fdm-bench", **DRAFT)  # type: ignore[arg-type]
    trial = await lab.trials.create(draft)
    condition = draft.conditions[0].name
    run = await lab.db.write(
        lambda db: store.plan_run(db, trial.id, condition, operator=BY, simulated=simulated)
    )
    await lab.db.write(lambda db: store.start_run(db, run.id, now))
    ended = now + timedelta(minutes=30)
    parts = tuple(
        PartEvent(
            now + timedelta(minutes=n + 1), verdict, PartSource.OPERATOR, 60.0 + n % 3, "", BY
        )
        for n, verdict in enumerate([Verdict.SCRAP, *[Verdict.GOOD] * 19])
    )
    path = lab.recorder.path(run.id)
    path.parent.mkdir(exist_ok=True)
    with closing(connect(path)) as db:
        evidence.open_run(db, store.run_header(trial, run, ()), now)
        moved = (RunMoved(ended, RunState.FINISHED, BY),)
        evidence.append_segment(db, Batch(parts=parts, moves=moved), ended)
    await lab.db.write(lambda db: store.finish_run(db, run.id, ended))
    return trial.id


def correct(lab: Lab, trial: str, now: datetime) -> None:
    """Staff correct the verdict of the scrap part."""
    fix = Correction(now, "part_event", 1, BY, "見直し", Verdict.GOOD)
    with closing(connect(lab.recorder.path(f"{trial}-R1"))) as db:
        evidence.append_segment(db, Batch(corrections=(fix,)), now)
