"""A realistic lab day: one trial with two runs, recorded the way the controller records it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlite_utils import Database

from trial_logs import evidence, migrations, store
from trial_logs.content import ReportContent, report_content, run_section
from trial_logs.model import (
    Band,
    Batch,
    Condition,
    Correction,
    DeviceStateSeen,
    GapEdge,
    Limit,
    Measurement,
    Note,
    PartEvent,
    PartSource,
    Quality,
    Run,
    RunMoved,
    RunState,
    Sample,
    Series,
    TrialDraft,
    Verdict,
)
from trial_logs.stamps import to_us

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NOZZLE = Series("printer-1", "nozzle_temp", "Cel")
BED = Series("printer-1", "bed_temp", "Cel")
POWER = Series("plug-1", "power", "W")
ENERGY = Series("plug-1", "energy", "kW.h")
ROOM = Series("room", "humidity", "%")
LABELS = {
    "printer-1": "FDMプリンター 1号機",
    "plug-1": "電源プラグ",
    "printer-1.nozzle_temp": "ノズル温度",
    "printer-1.bed_temp": "ベッド温度",
    "plug-1.power": "消費電力",
    "plug-1.energy": "積算電力量",
    "room.humidity": "室内湿度",
}
DRAFT = TrialDraft(
    booking_id="b-0007",
    party_id="sakura",
    equipment_id="fdm-bench",
    title="切削治具を樹脂造形の治具に置き換えられるか",
    question="アルミ切削で作っている検査治具を、FDM造形の治具に置き換えたい。"
    "位置決め面の寸法が ±0.10 mm に入り、1個あたりの時間と電力が見合うかを確かめる。",
    part="検査治具 J-014（位置決めブロック、40 × 25 × 12 mm）",
    material="PETG 1.75 mm",
    baseline="外注のアルミ切削。1個 8,400円、納期10日。月4個、摩耗による交換が年6回。",
    limits=(
        Limit("位置決め幅", 25.0, 0.1, "mm"),
        Limit("穴ピッチ", 30.0, 0.15, "mm"),
    ),
    conditions=(
        Condition(
            "標準（0.20 mm）",
            {
                "積層ピッチ": "0.20 mm",
                "ノズル温度": "235 °C",
                "ベッド温度": "80 °C",
                "速度": "60 mm/s",
            },
            (
                Band("printer-1", "nozzle_temp", 230.0, 240.0),
                Band("printer-1", "bed_temp", 77.0, 83.0),
            ),
        ),
        Condition(
            "高速（0.28 mm）",
            {
                "積層ピッチ": "0.28 mm",
                "ノズル温度": "245 °C",
                "ベッド温度": "80 °C",
                "速度": "90 mm/s",
            },
            (
                Band("printer-1", "nozzle_temp", 240.0, 250.0),
                Band("printer-1", "bed_temp", 77.0, 83.0),
            ),
        ),
    ),
)


def lab_with_trial(path: str = ":memory:") -> Database:
    """A lab database holding the trial and nothing else."""
    db = Database(path)
    db.execute("PRAGMA foreign_keys = on")
    migrations.lab.apply(db)
    store.create_trial(db, "T20261120-01", DRAFT, NOW - timedelta(days=3))
    return db


def recorded_run(
    lab: Database, number: int, start: datetime, *, parts: int = 24, minutes: int = 40
) -> Database:
    """Plan, start, record and finish one run; returns its evidence, its head taken into lab."""
    trial = store.get_trial(lab, "T20261120-01")
    condition = trial.draft.conditions[(number - 1) % 2]
    run = store.plan_run(lab, trial.id, condition.name, operator="佐倉 花子", simulated=True)
    store.start_run(lab, run.id, start)
    db = Database(memory=True)
    header = store.run_header(trial, run, energy=(("plug-1", "energy"),))
    evidence.open_run(db, header, start)
    randomness = random.Random(number)
    end = start + timedelta(minutes=minutes)
    for batch in _minutes(randomness, start, minutes, 235.0 if number == 1 else 245.0):
        evidence.append_segment(db, batch, end)
    evidence.append_segment(db, _what_people_saw(randomness, start, parts, minutes), end)
    if number == 1:
        evidence.append_segment(db, _a_pause_and_a_gap(start), end)
    evidence.append_segment(db, Batch(moves=(RunMoved(end, RunState.FINISHED, "佐倉 花子"),)), end)
    store.finish_run(lab, run.id, end)
    return db


def _minutes(
    randomness: random.Random, start: datetime, minutes: int, nozzle: float
) -> Iterator[Batch]:
    energy = 12.4
    for minute in range(minutes):
        readings = []
        for second in range(0, 60, 2):
            at = to_us(start + timedelta(minutes=minute, seconds=second))
            warm = 1 - math.exp(-(minute * 60 + second) / 70)
            power = 60 + (190 if warm < 0.97 else 45 * (1 + math.sin(second / 5)))
            power += randomness.gauss(0, 6)
            energy += power / 1000 * 2 / 3600
            readings += [
                Sample(NOZZLE, at, 22 + (nozzle - 22) * warm + randomness.gauss(0, 0.6)),
                Sample(BED, at, 22 + 58 * (1 - math.exp(-(minute * 60 + second) / 160))),
                Sample(POWER, at, power),
                Sample(ENERGY, at, round(energy, 4)),
            ]
        readings.append(Sample(ROOM, to_us(start + timedelta(minutes=minute)), 41.0))
        yield Batch(readings=readings)


def _what_people_saw(randomness: random.Random, start: datetime, count: int, minutes: int) -> Batch:
    parts, at = [], start + timedelta(minutes=4)
    step = timedelta(minutes=minutes - 5) / max(count, 1)
    for n in range(count):
        at += step
        verdict = {5: Verdict.SCRAP, 9: Verdict.REWORK}.get(n, Verdict.GOOD)
        cause = {5: "角の反り"}.get(n, "")
        cycle = round(82 + randomness.gauss(0, 2.2) + (9 if n == 5 else 0), 2)
        parts.append(PartEvent(at, verdict, PartSource.OPERATOR, cycle, cause, "佐倉 花子"))
    measurements = [
        Measurement(at, name, value, "mm", "デジタルノギス M-03", "佐倉 花子", n)
        for n in (1, 8, 16)
        for name, value in (
            ("位置決め幅", round(25.02 + randomness.gauss(0, 0.03), 2)),
            ("穴ピッチ", round(30.04 + randomness.gauss(0, 0.05), 2)),
        )
    ]
    notes = (
        Note(
            start + timedelta(minutes=9),
            "1層目の定着は良好。ベッドの清掃は不要だった。",
            "佐倉 花子",
        ),
        Note(
            start + timedelta(minutes=27),
            "6個目の角に反り。室温と送風の影響が考えられる。",
            "職員 中村",
        ),
    )
    return Batch(parts=parts, measurements=measurements, notes=notes)


def _a_pause_and_a_gap(start: datetime) -> Batch:
    def after(minutes: float) -> datetime:
        return start + timedelta(minutes=minutes)

    return Batch(
        states=(
            DeviceStateSeen(after(0), "printer-1", "online", "ready", "none"),
            DeviceStateSeen(
                after(22), "printer-1", "offline", "unknown", "none", "driver.link_lost"
            ),
            DeviceStateSeen(after(23.5), "printer-1", "online", "busy", "none"),
        ),
        gaps=(
            GapEdge(after(22), "printer-1", True, "driver.link_lost"),
            GapEdge(after(23.5), "printer-1", False),
        ),
        moves=(
            RunMoved(after(15), RunState.PAUSED, "職員 中村", "材料の交換"),
            RunMoved(after(17), RunState.RUNNING, "職員 中村"),
        ),
        corrections=(
            Correction(
                after(30),
                "part_event",
                3,
                "職員 中村",
                "数え間違い（同じ部品を二度）",
                Verdict.VOID,
            ),
            Correction(after(31), "measurement", 2, "佐倉 花子", "読み違い", value=30.09),
        ),
    )


def whole_day(runs: int = 2) -> tuple[Database, list[Database], ReportContent]:
    """lab.db, the evidence of every run, and the report made of them."""
    lab = lab_with_trial()
    evidences = [
        recorded_run(lab, n, NOW + timedelta(minutes=50 * (n - 1)), minutes=40 - 8 * (n % 2 == 0))
        for n in range(1, runs + 1)
    ]
    content = report_content(
        store.get_trial(lab, "T20261120-01"),
        [run_section(db) for db in evidences],
        lab_name="町工場DXラボ",
        lab_phone="03-0000-0000",
        party="株式会社さくら精密",
        equipment="FDMプリンター作業台",
        vendor="多摩川造形機器株式会社",
        operator="佐倉 花子",
        zone="Asia/Tokyo",
        labels=LABELS,
    )
    return lab, evidences, content


def bad_sample(series: Series, at: datetime) -> Sample:
    """A reading that brought no number."""
    return Sample(series, to_us(at), None, Quality.BAD)


def planned_run(lab: Database) -> Run:
    """The first run of the trial, not started."""
    return store.plan_run(
        lab, "T20261120-01", DRAFT.conditions[0].name, operator="佐倉 花子", simulated=False
    )
