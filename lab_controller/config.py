"""`lab.toml`: the one file a lab is configured by, checked whole before anything starts.

Every problem is reported at once, each with its key and, where it can be known, its line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from booking.errors import BadInput
from booking.hours import WeekHours
from booking.model import BookingPolicy
from equipment_drivers.model import Operation, Safety
from lab_controller.clock import LabClock
from lab_controller.errors import LabError
from lab_controller.toml_lines import Key, dotted, line_of

OFFICE_HOURS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00")


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong with the file: where, which code, with what parameters."""

    key: str
    code: str
    params: Mapping[str, str]
    line: int | None


class ConfigInvalid(LabError):
    """The configuration cannot be used; `problems` names everything that is wrong with it."""

    code = "config.invalid"

    def __init__(self, path: Path, problems: list[ConfigProblem]) -> None:
        super().__init__(file=path.name, count=len(problems))
        self.problems = problems


class Section(BaseModel):
    """Base of every section: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=Section)


class Names(Section):
    """A name in both languages."""

    ja: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def in_language(self, language: str) -> str:
        """The name for a reader; unknown languages read Japanese."""
        return self.en if language == "en" else self.ja


class Closed(Section):
    """Days the lab is closed, both ends included."""

    first: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    last: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    reason: str = ""

    @field_validator("first", "last")
    @classmethod
    def _day_exists(cls, text: str) -> str:
        try:
            date.fromisoformat(text)
        except ValueError as error:
            raise PydanticCustomError("config.no_such_day", "no such day") from error
        return text

    @field_validator("last")
    @classmethod
    def _not_before_first(cls, last: str, known: ValidationInfo) -> str:
        if last < known.data.get("first", last):
            raise PydanticCustomError("config.ends_before_start", "last before first")
        return last


class Lab(Section):
    """The lab itself."""

    name: Names
    timezone: str = "Asia/Tokyo"
    language: Literal["ja", "en"] = "ja"
    data_dir: Path
    hours: Mapping[str, str] = Field(default_factory=lambda: dict(OFFICE_HOURS))
    open_on_holidays: bool = False
    closures: list[Closed] = Field(default_factory=list)
    environment: list[str] = Field(default_factory=list)
    clock: str = ""
    phone: str = ""
    simulated: bool = False
    rehearsal: bool = False
    max_upload_mb: int = Field(default=20, gt=0, le=500)

    @field_validator("rehearsal")
    @classmethod
    def _only_simulated(cls, rehearsal: bool, known: ValidationInfo) -> bool:
        if rehearsal and not known.data.get("simulated", False):
            raise PydanticCustomError("config.rehearsal_not_simulated", "only when simulated")
        return rehearsal

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise PydanticCustomError("config.no_such_zone", "no such time zone") from error
        return name

    @field_validator("hours")
    @classmethod
    def _hours_read(cls, hours: Mapping[str, str]) -> Mapping[str, str]:
        for day, text in hours.items():
            try:
                WeekHours.parse({day: text})
            except BadInput as error:
                wrong = {"day": day, "hours": text}
                raise PydanticCustomError("config.bad_hours", "bad hours", wrong) from error
        return hours

    @field_validator("clock")
    @classmethod
    def _clock_reads(cls, text: str) -> str:
        try:
            LabClock.parse(text)
        except ValueError as error:
            raise PydanticCustomError("config.bad_clock", "bad clock") from error
        return text


class Policy(Section):
    """How this equipment may be booked; the words and units of `booking.model.BookingPolicy`."""

    min_minutes: int = Field(default=30, gt=0)
    max_minutes: int = Field(default=480, gt=0)
    step_minutes: int = Field(default=30, gt=0)
    horizon_days: int = Field(default=90, gt=0)
    notice_minutes: int = Field(default=60, ge=0)
    setup_minutes: int = Field(default=0, ge=0)
    teardown_minutes: int = Field(default=0, ge=0)
    check_in_opens_minutes: int = Field(default=15, ge=0)
    no_show_after_minutes: int = Field(default=30, gt=0)
    reminder_minutes: int = Field(default=1440, ge=0)
    late_cancel_minutes: int = Field(default=1440, ge=0)
    max_head_count: int = Field(default=10, gt=0)

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        try:
            BookingPolicy(**self.model_dump())
        except BadInput as error:
            name = {"name": error.params["key"]}
            raise PydanticCustomError("config.bad_policy", "bad policy", name) from error
        return self


class Ability(Section):
    """One row of what the equipment can do."""

    label: Names
    value: Names


class Equipment(Section):
    """What can be booked. `main_device` alone decides how a run's time is counted, if named."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    name: Names
    category: str
    vendor: str = ""
    model: str = ""
    summary: Names | None = None
    abilities: list[Ability] = Field(default_factory=list)
    devices: list[str] = Field(default_factory=list)
    main_device: str | None = None
    qualification: str | None = None
    fee_yen_per_hour: int = Field(default=0, ge=0)
    policy: Policy = Policy()


class Connection(Section):
    """One wire the controller holds. `options` are the driver's own."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    driver: str
    options: Mapping[str, Any] = Field(default_factory=dict)


class Device(Section):
    """One thing that acts or measures on a connection.

    `power` names the plug device that feeds it; `estop` says where its physical stop button is.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    name: Names
    connection: str
    address: str = ""
    power: str | None = None
    estop: Names | None = None
    options: Mapping[str, Any] = Field(default_factory=dict)


class When(Section):
    """What must be so: a signal compared with one limit, or an axis in one of these states."""

    device: str
    signal: str | None = None
    equals: float | None = None
    above: float | None = None
    below: float | None = None
    hysteresis: float = Field(default=0.0, ge=0)
    safety: list[Safety] = Field(default_factory=list)
    operation: list[Operation] = Field(default_factory=list)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        limits = [one for one in (self.equals, self.above, self.below) if one is not None]
        axes = [one for one in (self.safety, self.operation) if one]
        compares = self.signal is not None or bool(limits)
        if not axes and not (self.signal is not None and limits):
            raise PydanticCustomError("config.no_condition", "no condition")
        if len(limits) + len(axes) > 1 or (axes and compares):
            raise PydanticCustomError("config.two_conditions", "more than one condition")
        if self.hysteresis and (axes or self.equals is not None):
            raise PydanticCustomError("config.idle_hysteresis", "hysteresis without a threshold")
        return self


class Interlock(Section):
    """A permission: `devices` may act only while every `when` is so, and was for `settle_s`.

    `verbs` narrows what is refused; motion and heat are ended whatever began them.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    name: Names
    devices: list[str] = Field(min_length=1)
    when: list[When] = Field(min_length=1)
    verbs: list[str] = Field(default_factory=list)
    settle_s: float = Field(default=5.0, ge=0)
    on_trip: Literal["stop", "rest"] = "stop"

    @field_validator("when", mode="before")
    @classmethod
    def _one_is_a_list(cls, when: object) -> object:
        return [when] if isinstance(when, dict) else when


class Dossier(Section):
    """The purchase dossier: files of grant packs beside those that come with the program."""

    packs: list[str] = Field(default_factory=list)


class Report(Section):
    """Printed documents: font files tried before the one that comes with the program, in order.

    Name a bold beside its regular. No other font of the machine is ever used.
    """

    fonts: list[Path] = Field(default_factory=list)

    @field_validator("fonts")
    @classmethod
    def _whole_paths(cls, fonts: list[Path]) -> list[Path]:
        found = [font.expanduser() for font in fonts]
        if any(not font.is_absolute() for font in found):
            raise PydanticCustomError("config.font_not_absolute", "not an absolute path")
        return found


class Telemetry(Section):
    """How many days samples and their minutes are kept; 0: for ever. Hours are never let go.

    `fast` is what has more than one sample a second.
    """

    raw_days: int = Field(default=400, ge=0)
    raw_days_fast: int = Field(default=90, ge=0)
    minute_days: int = Field(default=1826, ge=0)


class SeriesOptions(Section):
    """What is declared of one signal: steps of value and stamp, and the deadband in its unit."""

    device: str
    signal: str
    step: float | None = Field(default=None, gt=0)
    time_step_us: Literal[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] = 1_000
    deadband: float | None = Field(default=None, ge=0)


class Settings(Section):
    """The whole file."""

    lab: Lab
    equipment: list[Equipment] = Field(default_factory=list)
    connection: list[Connection] = Field(default_factory=list)
    device: list[Device] = Field(default_factory=list)
    interlock: list[Interlock] = Field(default_factory=list)
    telemetry: Telemetry = Telemetry()
    series: list[SeriesOptions] = Field(default_factory=list)
    dossier: Dossier = Dossier()
    report: Report = Report()

    @property
    def clock(self) -> LabClock:
        return LabClock.parse(self.lab.clock)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.lab.timezone)


Table = Mapping[str, Any]
More = Callable[[Table, list[str]], Iterable[ConfigProblem]]


def load(path: Path, more: More = lambda table, lines: ()) -> Settings:
    """Read and check the file; raise ConfigInvalid with every problem found.

    `more` finds what only others can know, in the file as it stands, sound or not.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(
            path, [ConfigProblem("", "config.unreadable", {"cause": str(error)}, None)]
        ) from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        problem = ConfigProblem(
            "", "config.syntax", {"cause": str(error)}, int(line[1]) if line else None
        )
        raise ConfigInvalid(path, [problem]) from error
    lines = text.splitlines()
    problems = [*_find_problems(table, lines), *more(table, lines)]
    if problems:
        raise ConfigInvalid(path, problems)
    settings = Settings.model_validate(table)
    data_dir = (path.parent / settings.lab.data_dir.expanduser()).absolute()
    return settings.model_copy(
        update={"lab": settings.lab.model_copy(update={"data_dir": data_dir})}
    )


def rows_of(table: Table, section: str, shape: type[S]) -> Iterator[tuple[int, S]]:
    """The rows of a section that are sound by themselves, with their place in it."""
    rows = table.get(section)
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        with suppress(ValidationError):
            yield index, shape.model_validate(row)


def _find_problems(table: Table, lines: list[str]) -> Iterator[ConfigProblem]:
    try:
        Settings.model_validate(table)
    except ValidationError as error:
        for found in error.errors():
            yield problem_of(found, (), lines)
    for key, code, params in _cross_references(table):
        yield ConfigProblem(dotted(key), code, params, line_of(key, lines))


CODES = {
    "extra_forbidden": "config.unknown_key",
    "missing": "config.missing",
    "greater_than": "config.too_small",
    "greater_than_equal": "config.too_small",
    "less_than": "config.too_large",
    "less_than_equal": "config.too_large",
    "enum": "config.not_one_of",
    "literal_error": "config.not_one_of",
    "string_pattern_mismatch": "config.bad_form",
    "string_too_short": "config.missing",
    "too_short": "config.missing",
    "string_type": "config.not_text",
    "int_type": "config.not_a_number",
    "int_parsing": "config.not_a_number",
    "float_type": "config.not_a_number",
    "float_parsing": "config.not_a_number",
}


def problem_of(found: ErrorDetails, prefix: Key, lines: list[str]) -> ConfigProblem:
    """A validation error in our words: our own code, the key as written, the line."""
    key: Key = (*prefix, *found["loc"])
    kind = found["type"]
    code = kind if kind.startswith("config.") else CODES.get(kind, "config.bad_value")
    limits = found.get("ctx", {})
    params = {name: str(value) for name, value in limits.items() if name != "error"}
    params |= {"message": found["msg"], "value": _shown(found.get("input"))}
    params |= {
        "limit": next((params[name] for name in ("gt", "ge", "lt", "le") if name in params), "")
    }
    return ConfigProblem(dotted(key), code, params, line_of(key, lines))


def _shown(value: object) -> str:
    text = "" if isinstance(value, dict | list) else str(value)
    return text[:60]


def _ids(table: Table, section: str) -> list[str]:
    rows = table.get(section)
    if not isinstance(rows, list):
        return []
    return [str(row.get("id", "")) if isinstance(row, dict) else "" for row in rows]


REFERENCES = (
    # section, key, section that must hold the id
    ("device", "connection", "connection"),
    ("device", "power", "device"),
    ("equipment", "devices", "device"),
    ("equipment", "main_device", "device"),
    ("interlock", "devices", "device"),
    ("series", "device", "device"),
)


def _cross_references(table: Table) -> Iterator[tuple[Key, str, dict[str, str]]]:
    for section in ("equipment", "connection", "device", "interlock"):
        ids = _ids(table, section)
        for index, found in enumerate(ids):
            if found and found in ids[:index]:
                yield (section, index, "id"), "config.duplicate_id", {"value": found}
    for section, name, target in REFERENCES:
        known = set(_ids(table, target))
        rows = table.get(section)
        for index, row in enumerate(rows if isinstance(rows, list) else []):
            for one in _texts(row.get(name) if isinstance(row, dict) else None):
                if one not in known:
                    params = {"value": str(one), "section": target}
                    yield (section, index, name), "config.unknown_reference", params
    lab = table.get("lab")
    for one in _texts(lab.get("environment") if isinstance(lab, dict) else None):
        if one not in _ids(table, "device"):
            params = {"value": str(one), "section": "device"}
            yield ("lab", "environment"), "config.unknown_reference", params


def _texts(value: object) -> list[str]:
    """The ids a reference names; what has another type is reported as such elsewhere."""
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, str) and one]
