"""Equipment without a wire, over a connection: what people enter is told, and only once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from equipment_drivers.contract import (
    CommandContext,
    CommandResult,
    DeviceConfig,
    Effect,
    StopOutcome,
)
from equipment_drivers.devices.manual import ManualBench, ManualDeviceOptions, ManualOptions
from equipment_drivers.devices.manual_rows import RowsRefused
from equipment_drivers.errors import BadArguments, NotAllowedNow, NotSupported
from equipment_drivers.lifecycle import Connection
from equipment_drivers.model import (
    CycleFinished,
    DeviceState,
    Fact,
    Link,
    Operation,
    Quality,
    Reading,
)
from tests.equipment_drivers.fakes import FakeClock

GAUGE = ManualDeviceOptions.model_validate(
    {"signals": [{"name": "width", "unit": "mm", "precision": 3, "min": 0, "max": 200}]}
)
GO = CommandContext("c1", None)


class Desk:
    def __init__(self, device: ManualDeviceOptions = GAUGE, **options: Any) -> None:
        self.facts: list[Fact] = []
        self.connection = Connection(
            "hand",
            ManualBench,
            ManualOptions(**options),
            [DeviceConfig("gauge1", "", device)],
            clock=FakeClock(),
            emit=self.facts.append,
        )

    async def send(self, verb: str, **args: Any) -> CommandResult:
        return await self.connection.execute("gauge1", verb, args, GO)

    def told(self, kind: type[Fact]) -> list[Any]:
        return [one for one in self.facts if isinstance(one, kind)]

    def read(self) -> list[tuple[str, float | None, datetime | None]]:
        return [(one.signal, one.value, one.source) for one in self.told(Reading)]


async def running(desk: Desk) -> asyncio.Task[None]:
    living = asyncio.create_task(desk.connection.run())
    async with asyncio.timeout(20):
        while desk.connection.link is not Link.ONLINE:
            await asyncio.wait({living}, timeout=0.001)
    return living


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    table = Desk()
    living = await running(table)
    yield table
    await table.connection.stop()
    await living


async def test_it_is_online_and_idle_at_once(desk: Desk) -> None:
    assert desk.connection.operation("gauge1") is Operation.IDLE
    (state,) = desk.told(DeviceState)
    assert state.device == "gauge1"


async def test_a_value_is_told_with_unit_and_time(desk: Desk) -> None:
    answer = await desk.send("record", signal="width", value=12.03)
    assert (answer.text, answer.values) == ("12.03 mm", {"width": 12.03})
    (reading,) = desk.told(Reading)
    assert (reading.unit, reading.quality, reading.source) == ("mm", Quality.GOOD, None)


async def test_a_stated_time_is_the_source_time(desk: Desk) -> None:
    await desk.send("record", signal="width", value=12.03, at="2026-11-20T09:30")
    (reading,) = desk.told(Reading)
    assert reading.source == datetime(2026, 11, 20, 0, 30, tzinfo=UTC)
    assert reading.received > reading.source


@pytest.mark.parametrize(
    ("args", "key"),
    [
        ({"signal": "length", "value": 1}, "signal"),
        ({"signal": "width", "value": 200.5}, "value"),
        ({"signal": "width", "value": -0.1}, "value"),
        ({"signal": "width", "value": "nan"}, "value"),
        ({"signal": "width", "value": 1, "at": "soon"}, "at"),
        ({"signal": "width", "value": 1, "at": "2027-01-01"}, "at"),
        ({"signal": "width"}, "value"),
        ({"signal": "width", "value": 1, "colour": "red"}, "colour"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    desk: Desk, args: Mapping[str, Any], key: str
) -> None:
    with pytest.raises(BadArguments) as caught:
        await desk.send("record", **args)
    assert caught.value.params["key"] == key
    assert desk.read() == []


async def test_the_same_measurement_is_taken_once(desk: Desk) -> None:
    await desk.send("record", signal="width", value=1, at="2026-11-20T09:30")
    with pytest.raises(BadArguments):
        await desk.send("record", signal="width", value=2, at="2026-11-20T00:30Z")
    with pytest.raises(RowsRefused):
        await desk.send("import_csv", text="time,signal,value\n2026-11-20T09:30,width,3\n")
    assert [value for _, value, _ in desk.read()] == [1.0]


async def test_a_file_is_taken_whole_and_only_once(desk: Desk) -> None:
    lines = [f"2026-11-20T09:{at // 60:02}:{at % 60:02},width,{at / 2}" for at in range(250)]
    text = "\n".join(["time,signal,value", *lines])
    assert (await desk.send("import_csv", text=text)).values == {"rows": 250}
    assert [value for _, value, _ in desk.read()] == [at / 2 for at in range(250)]
    with pytest.raises(RowsRefused) as caught:
        await desk.send("import_csv", text=text)
    assert caught.value.params["count"] == "250"
    assert len(desk.read()) == 250


async def test_a_bad_line_leaves_nothing_behind(desk: Desk) -> None:
    text = "time,signal,value\n2026-11-20 09:00,width,1\n2026-11-20 09:01,width,x\n"
    with pytest.raises(RowsRefused) as caught:
        await desk.send("import_csv", text=text)
    assert caught.value.params == {"count": "1", "lines": "3: value=x"}
    assert desk.read() == []
    await desk.send("import_csv", text=text.replace("x", "2"))
    assert [value for _, value, _ in desk.read()] == [1.0, 2.0]


async def test_an_import_that_is_cancelled_is_still_whole(desk: Desk) -> None:
    lines = [f"2026-11-20T09:{at // 60:02}:{at % 60:02},width,1" for at in range(250)]
    text = "\n".join(["time,signal,value", *lines])
    importing = asyncio.create_task(desk.send("import_csv", text=text))
    async with asyncio.timeout(20):
        while not desk.read():
            await asyncio.wait({importing}, timeout=0)
    importing.cancel()
    await asyncio.wait({importing})
    assert len(desk.read()) == 250


async def test_work_begins_and_ends_when_somebody_says_so(desk: Desk) -> None:
    with pytest.raises(NotAllowedNow):
        await desk.send("finish")
    await desk.send("start", note="first part")
    assert desk.connection.operation("gauge1") is Operation.BUSY
    with pytest.raises(NotAllowedNow):
        await desk.send("start")
    await desk.send("finish")
    assert desk.connection.operation("gauge1") is Operation.IDLE


async def test_parts_are_told_by_a_person(desk: Desk) -> None:
    await desk.send("part", verdict="good")
    await desk.send("part", verdict="rework", duration_s=31.5)
    await desk.send("part", verdict="scrap")
    first, second, third = desk.told(CycleFinished)
    assert (first.verdict, first.duration_s) == ("good", float("inf"))
    assert (second.verdict, second.duration_s) == ("rework", 31.5)
    assert third.duration_s == (third.at - second.at).total_seconds()
    assert {one.told_by for one in (first, second, third)} == {"operator"}
    with pytest.raises(BadArguments):
        await desk.send("part", verdict="unknown")


async def test_a_seat_without_signals_has_nothing_to_record() -> None:
    seat = Desk(ManualDeviceOptions(kind="software"))
    living = await running(seat)
    assert set(seat.connection.driver.device_spec("gauge1").commands) == {"start", "finish", "part"}
    with pytest.raises(NotSupported):
        await seat.send("record", signal="width", value=1)
    await seat.connection.stop()
    await living


async def test_only_so_many_measurements_are_remembered() -> None:
    table = Desk(remembered=1)
    living = await running(table)
    for at in ("09:00", "09:01", "09:00"):
        await table.send("record", signal="width", value=1, at=f"2026-11-20T{at}")
    assert len(table.read()) == 3
    await table.connection.stop()
    await living


async def test_nothing_actuates_and_nothing_can_be_stopped(desk: Desk) -> None:
    driver = desk.connection.driver
    spec = driver.device_spec("gauge1")
    assert {command.effect for command in spec.commands.values()} == {Effect.READ}
    assert driver.stop_plan("gauge1").steps == ()
    assert (await driver.stop_now("gauge1")).outcome is StopOutcome.FAILED
    assert (await driver.safe_state("gauge1")).outcome is StopOutcome.CONFIRMED
    assert driver.stop_descriptor() is None


@pytest.mark.parametrize(
    "given",
    [
        {"timezone": "Asia/Ota"},
        {"signals": [{"name": "width"}, {"name": "width"}]},
        {"signals": [{"name": "Width"}]},
        {"colour": "red"},
    ],
)
def test_options_that_do_not_fit_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ManualDeviceOptions.model_validate(given)
