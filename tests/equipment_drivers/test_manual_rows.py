"""The CSV of measurements: all rows or none, every bad line named, nothing but its own errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipment_drivers.devices.manual import ManualSignal
from equipment_drivers.devices.manual_rows import MOST_NAMED, Measure, RowsRefused, read

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SIGNALS = {
    "width": ManualSignal(name="width", unit="mm", min=0, max=200),
    "hardness": ManualSignal(name="hardness", unit="HRC"),
}
MEASURE = Measure(SIGNALS, ZoneInfo("Asia/Tokyo"), NOW, timedelta(seconds=60))
GOOD = """\
time,signal,value,unit
2026-11-20T10:00:00+09:00,width,12.03,mm
2026-11-20 10:01:00,width,12.05,
2026/11/20 10:02:00,hardness,-1e1,HRC
"""


def rows(text: str, most: int = 100) -> list[tuple[str, float, datetime]]:
    return [(row.signal, row.value, row.at) for row in read(text, MEASURE, (), most)]


def refused(text: str, most: int = 100) -> str:
    with pytest.raises(RowsRefused) as caught:
        rows(text, most)
    return caught.value.params["lines"]


def test_rows_in_any_of_the_usual_forms() -> None:
    assert rows(GOOD) == [
        ("width", 12.03, datetime(2026, 11, 20, 1, 0, tzinfo=UTC)),
        ("width", 12.05, datetime(2026, 11, 20, 1, 1, tzinfo=UTC)),
        ("hardness", -10.0, datetime(2026, 11, 20, 1, 2, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\n\n"),
        GOOD.replace("time,signal,value,unit", " Time , SIGNAL,Value,unit"),
        GOOD.replace("12.03", '"12.03"').rstrip("\n"),
    ],
    ids=["mark", "crlf", "empty lines", "header", "quotes"],
)
def test_what_a_spreadsheet_makes_of_it_is_the_same(text: str) -> None:
    assert rows(text) == rows(GOOD)


def test_every_bad_line_is_named_and_nothing_is_taken() -> None:
    text = GOOD + (
        "2026-11-20 10:03,length,1,mm\n"
        "2026-11-20 10:03,width,1,inch\n"
        "2026-11-20 10:03,width,abc,mm\n"
        "2026-11-20 10:03,width,201,mm\n"
        "2026-11-20 10:03,width,nan,mm\n"
        "yesterday,width,1,mm\n"
        "2026-11-20 12:05,width,1,mm\n"
        "2026-11-20 10:03,width,1\n"
    )
    assert refused(text).split("; ") == [
        "5: signal=length",
        "6: unit=inch",
        "7: value=abc",
        "8: value=201",
        "9: value=nan",
        "10: time=yesterday",
        "11: time=2026-11-20 12:05",
        "12: columns=3",
    ]


def test_the_same_measurement_twice_is_named() -> None:
    assert refused(GOOD + "2026-11-20T01:00:00Z,width,12.9,mm\n").startswith("5: again=width")


def test_rows_taken_before_are_named() -> None:
    taken = {row.key for row in read(GOOD, MEASURE, (), 100)}
    with pytest.raises(RowsRefused) as caught:
        read(GOOD, MEASURE, taken, 100)
    assert caught.value.params["count"] == "3"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", "1: rows=0"),
        ("time,signal,value\n", "1: rows=0"),
        ("time,signal\n", "1: columns=value"),
        ("time,signal,value,colour\n", "1: columns=colour"),
        ("time,signal,value,value\n", "1: columns=time,signal,value,value"),
        ("time;signal;value\n", "1: columns=signal,time,time;signal;value,value"),
        ('time,signal,value\n2026-11-20,width,"12\n', "2: csv=unexpected end of data"),
    ],
)
def test_a_file_that_is_none(text: str, lines: str) -> None:
    assert refused(text) == lines


def test_too_many_rows_are_refused_before_they_are_judged() -> None:
    assert refused(GOOD, most=2) == "4: rows>2"


def test_of_very_many_bad_lines_the_first_are_named() -> None:
    named = refused("time,signal,value\n" + "x,width,1\n" * 50).split("; ")
    assert (len(named), named[-1]) == (MOST_NAMED + 1, "…")


cells = st.one_of(
    st.sampled_from(["width", "hardness", "12.03", "mm", "", "2026-11-20 10:00", "1e999", "1_0"]),
    st.text(max_size=8),
)
table = st.lists(st.lists(cells, max_size=5).map(",".join), max_size=8).map("\n".join)


@given(text=st.one_of(table.map(lambda body: "time,signal,value\n" + body), st.text(max_size=80)))
def test_any_text_is_rows_or_refused(text: str) -> None:
    try:
        found = read(text, MEASURE, (), 5)
    except RowsRefused:
        return
    assert 1 <= len(found) <= 5
    assert all(row.signal in SIGNALS and row.at <= NOW + timedelta(minutes=1) for row in found)


@given(
    times=st.lists(
        st.datetimes(datetime(2000, 1, 1), datetime(2026, 11, 19)),  # noqa: DTZ001 - no zone: Tokyo
        unique=True, min_size=1, max_size=20,
    ),
    values=st.lists(st.floats(0, 200), min_size=20, max_size=20),
)  # fmt: skip
def test_what_was_written_is_read(times: list[datetime], values: list[float]) -> None:
    lines = [f"{at.isoformat()},width,{value!r}" for at, value in zip(times, values, strict=False)]
    found = read("time,signal,value\n" + "\n".join(lines), MEASURE, (), 20)
    assert [row.value for row in found] == values[: len(times)]
    assert [row.at for row in found] == [
        at.replace(tzinfo=ZoneInfo("Asia/Tokyo")).astimezone(UTC) for at in times
    ]
