"""The fake lab's one trial: a run done, one under way, two to come."""

from __future__ import annotations

from typing import Any

from lab_controller.wire_trials import (
    ConditionLeftShape,
    ConditionShape,
    LimitShape,
    PlanLeftShape,
    PlannedShape,
    ProtocolShape,
    RunShape,
    TrialShape,
)
from tests.tui.fake_day import Say, at


def trials(w: Say) -> list[TrialShape]:
    """The trial of the booking under way."""

    def run(id: str, number: int, condition: str, state: str, **more: Any) -> RunShape:
        plain: dict[str, Any] = {"started": None, "ended": None, "good": 0, "scrap": 0}
        plain |= {"rework": 0, "unjudged": 0, "operator": "", "simulated": True}
        return RunShape(
            id=id, trial="t1", number=number, condition=condition, state=state, **(plain | more)
        )

    return [
        TrialShape(
            id="t1",
            booking="b2",
            equipment="fdm",
            title=w("印刷治具の置き換え", "Printed jig"),
            question=w("削り出しの治具を置き換えられるか", "Can it replace a milled one?"),
            part=w("クリップ治具", "clip jig"),
            material="PLA",
            baseline=w("アルミ削り出し 3日", "milled, 3 days"),
            limits=[
                LimitShape(
                    characteristic=w("穴径", "bore"),
                    nominal=5.0,
                    tolerance=0.1,
                    unit="mm",
                )
            ],
            conditions=[
                ConditionShape(name=w("積層 0.20 mm", "layer 0.20 mm")),
                ConditionShape(name=w("積層 0.28 mm", "layer 0.28 mm")),
                ConditionShape(name=w("充填 40 %", "infill 40 %")),
            ],
            runs=[
                run(
                    "r1",
                    1,
                    w("積層 0.20 mm", "layer 0.20 mm"),
                    "finished",
                    good=3,
                    scrap=1,
                    started=at(10.05),
                    ended=at(10.2),
                ),
                run(
                    "r2",
                    2,
                    w("積層 0.28 mm", "layer 0.28 mm"),
                    "running",
                    good=2,
                    unjudged=1,
                    started=at(10.25),
                ),
            ],
            protocol=ProtocolShape(randomised=True),
            left=left(w),
        )
    ]


def left(w: Say) -> PlanLeftShape:
    """Two runs of the last condition are to come, in random order."""
    names = [("積層 0.20 mm", "layer 0.20 mm"), ("積層 0.28 mm", "layer 0.28 mm")]
    told = [(*name, 1, int(n == 0)) for n, name in enumerate(names)]
    told.append(("充填 40 %", "infill 40 %", 2, 0))
    return PlanLeftShape(
        conditions=[
            ConditionLeftShape(
                condition=w(ja, en),
                runs_planned=planned,
                runs_done=done,
                runs_left=planned - done,
                parts_missing=None,
            )
            for ja, en, planned, done in told
        ],
        next_run=PlannedShape(lot="", condition=w("充填 40 %", "infill 40 %"), repeat=1),
        is_done=False,
    )
