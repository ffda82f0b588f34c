"""Side by side: what is unlike is flagged in every cell it touches, and never compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.trial_logs.purchases import measured
from trial_logs.dossier.comparison import Entry, compare
from trial_logs.dossier.from_trial import TOLD, before_of, circumstances, tried_of
from trial_logs.inference.between_runs import ONE_RUN
from trial_logs.inference.interval import joint_level
from trial_logs.inference.of_run import RunInput, of_run
from trial_logs.inference.of_trial import ConditionInput, RunTally
from trial_logs.model import Condition, Limit, TrialDraft
from trial_logs.protocol import Baseline, Protocol, SampleSize, StopKind, StopRule

DRAFT = TrialDraft(
    "B1",
    "p",
    "cell",
    "t",
    part="軸受",
    material="S45C",
    limits=(Limit("径", 10, 0.05, "mm"),),
    protocol=Protocol(
        baseline=Baseline(cycle_time_s=90, people=1),
        sample=SampleSize(30),
        stop_rules=(StopRule(StopKind.SCRAP_COUNT, 3),),
    ),
)
STANDARD = Condition("標準", {"速度": "50"})


def entry(id: str, draft: TrialDraft = DRAFT, condition: Condition = STANDARD) -> Entry:
    """Thirty parts of one condition."""
    cycles = [20.0 + 0.1 * (n % 5) for n in range(30)]
    numbers = {"cycle_s": measured(20.2, 20.1, 20.3), "yield_share": measured(0.9, 0.74, 0.97)}
    settings = circumstances(draft, condition)
    return Entry(id, id, False, settings, numbers, tallies(cycles))


def tallies(*runs: Sequence[float]) -> ConditionInput:
    """So many runs, each with 27 good parts and 3 scrap."""
    return ConditionInput("", tuple(RunTally(tuple(each), 27, 3, 30) for each in runs))


def test_like_columns_are_compared_in_the_order_given() -> None:
    table = compare([entry("b"), replace(entry("a"), tallies=tallies([18.0, 18.5, 19.0]))])
    assert [column.id for column in table.columns] == ["b", "a"]
    assert [row.criterion for row in table.rows] == ["cycle_s", "yield_share"]
    cycle, good = table.rows
    (found,) = cycle.differences
    assert (found.left, found.right) == ("b", "a")
    assert found.value.estimate == pytest.approx(18.5 - 20.2)
    assert found.value.method != ""
    assert found.joint is not None
    assert found.joint.level == joint_level(2)  # cycle time and yield
    one, runs = tallies([18.0, 19.0]), tallies([18.0, 18.5, 19.0], [18.2, 18.4, 18.9])
    for left, right, code in (
        (runs, runs, ""), (runs, one, ONE_RUN), (one, runs, ONE_RUN),
    ):  # fmt: skip
        both = compare([replace(entry("x"), tallies=left), replace(entry("y"), tallies=right)])
        assert [row.differences[0].value.code for row in both.rows] == [code, code]
    assert good.differences[0].value.estimate == 0
    assert all(not cell.unlike for row in table.rows for cell in row.cells)


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("part", replace(DRAFT, part="歯車")),
        ("material", replace(DRAFT, material="")),
        ("sample", replace(DRAFT, protocol=replace(DRAFT.protocol, sample=SampleSize(5)))),
        ("stop_rules", replace(DRAFT, protocol=replace(DRAFT.protocol, stop_rules=()))),
        ("baseline", replace(DRAFT, protocol=replace(DRAFT.protocol, baseline=Baseline()))),
    ],
)
def test_an_unlike_column_is_flagged_in_every_cell_and_not_compared(
    what: str, changed: TrialDraft
) -> None:
    table = compare([entry("a"), entry("b", changed), entry("c")])
    for row in table.rows:
        assert [[one.what for one in cell.unlike] for cell in row.cells] == [[], [what], []]
        assert [(one.left, one.right) for one in row.differences] == [("a", "c")]


def test_other_limits_touch_what_is_judged_by_them_only() -> None:
    wider = replace(DRAFT, limits=(Limit("径", 10, 0.1, "mm"),))
    cycle, good = compare([entry("a"), entry("b", wider)]).rows
    assert (len(cycle.differences), len(good.differences)) == (1, 0)
    assert [one.what for one in good.cells[1].unlike] == ["limits"]
    assert good.cells[1].unlike[0].here == "径 9.9…10.1 mm"


def test_only_the_factor_under_trial_may_differ() -> None:
    fast = Condition("速い", {"速度": "80"})
    other = Condition("別", {"速度": "80", "ハンド": "吸着"})
    table = compare([entry("a"), entry("b", DRAFT, fast)], varied=["速度"])
    assert table.columns[1].unlike == ()
    assert len(table.rows[0].differences) == 1
    table = compare([entry("a"), entry("b", DRAFT, other)], varied=["速度"])
    (found,) = table.columns[1].unlike
    assert (found.what, found.here, found.there) == ("factors", "ハンド 吸着", "unlike.none")
    assert table.rows[0].differences == ()
    assert len(compare([entry("a"), entry("b", DRAFT, fast)]).columns[1].unlike) == 1


def test_simulated_and_real_are_never_compared() -> None:
    table = compare([entry("a"), replace(entry("b"), simulated=True)])
    assert [column.simulated for column in table.columns] == [False, True]
    assert all(row.cells[1].unlike[0].what == "simulated" for row in table.rows)
    assert all(row.differences == () for row in table.rows)


def test_what_was_not_measured_is_an_empty_cell() -> None:
    lacking = replace(entry("b"), numbers={"energy_kwh_per_part": measured(0.1, 0.1, 0.1)})
    table = compare([entry("a"), lacking])
    energy = table.rows[2]
    assert energy.criterion == "energy_kwh_per_part"
    assert energy.cells[0].value.estimate is None
    assert energy.cells[0].value.code == "number.no_data"
    assert compare([]).rows == ()


def test_the_baseline_is_told_or_measured() -> None:
    told = before_of(Baseline(cycle_time_s=90, scrap=3, inspected=100, yearly_volume=1000))
    assert told.cycle_s is not None
    assert (told.cycle_s.estimate, told.cycle_s.n, told.cycle_s.code) == (90, 0, TOLD)
    assert told.scrap_share is not None
    assert told.scrap_share.method == "interval.wilson"
    timed = before_of(Baseline(cycle_time_s=1, cycle_times_s=(88.0, 90.0, 92.0)))
    assert timed.cycle_s is not None
    assert timed.cycle_s.estimate == 90
    assert timed.cycle_s.low is not None
    nothing = before_of(Baseline())
    assert (nothing.cycle_s, nothing.scrap_share) == (None, None)


def test_the_trials_numbers_keep_their_intervals() -> None:
    found = of_run(RunInput([20.0, 20.5, 21.0], good=3, scrap=0, rework=0))
    tried = tried_of("標準", found, simulated=True, runs=["T-R1"])
    assert tried.cycle_s == found.cycle_mean_s
    assert tried.simulated
    assert tried.yield_share.high == 1.0
