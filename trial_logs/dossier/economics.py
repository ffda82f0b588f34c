"""The words of the purchase dossier's economics: what goes in, and every result with its parts.

Money is whole yen (`int`), rounded half up where a rule does not say otherwise. A result carries
its ends: `low` and `high` are the result with every trial number at its unfavourable or
favourable end together, a wider bracket than any joint interval, and never one false figure.
A missing result is None with a code that says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trial_logs.inference.interval import Interval

# -- what goes in ---------------------------------------------------------------------------


class CostKind(StrEnum):
    """What a line of the investment sheet buys."""

    MACHINE = "machine"
    HAND = "hand"
    FENCE = "fence"
    SI = "si"
    TEACHING = "teaching"
    TRAINING = "training"
    OTHER = "other"


class Tax(StrEnum):
    """Whether the sheet's yen are without (税抜) or with (税込) consumption tax."""

    EXCLUDED = "excluded"
    INCLUDED = "included"


class Purpose(StrEnum):
    """What the money is for, in the words the grant packs choose by."""

    VISUALISE = "visualise"
    PAPERLESS = "paperless"
    IOT = "iot"
    MRP = "mrp"
    CAD_CAM = "cad_cam"
    DATA_SERVICE = "data_service"
    LABOUR_SAVING = "labour_saving"
    NEW_PRODUCT = "new_product"


@dataclass(frozen=True, slots=True)
class InvestmentLine:
    """One thing to buy; `quote` names the file of the offer attached to the trial."""

    kind: CostKind
    name: str
    yen: int
    vendor: str = ""
    quote: str = ""


@dataclass(frozen=True, slots=True)
class RunningCosts:
    """What the machine costs in a year of use, apart from its energy."""

    maintenance_yen: int = 0
    consumables_yen: int = 0
    licence_yen: int = 0
    energy_yen_per_kwh: float = 0.0


@dataclass(frozen=True, slots=True)
class ExtraOutput:
    """Parts a year that would be sold on top, and what each leaves after its own costs."""

    parts_per_year: int
    margin_yen_per_part: int


@dataclass(frozen=True, slots=True)
class TaskTime:
    """A piece of office or recording work, how often a year, and its minutes before and after.

    `measured` names the characteristic of the trial that holds the times after; minutes entered
    in `minutes_after` count only where the trial measured none.
    """

    name: str
    times_per_year: int
    minutes_before: tuple[float, ...]
    minutes_after: tuple[float, ...] = ()
    measured: str = ""


@dataclass(frozen=True, slots=True)
class ValueAdded:
    """One year of the firm in the words of 付加価値額 = 営業利益 + 人件費 + 減価償却費."""

    operating_profit_yen: int
    personnel_yen: int
    depreciation_yen: int
    workers: int
    hours: int | None = None

    @property
    def yen(self) -> int:
        return self.operating_profit_yen + self.personnel_yen + self.depreciation_yen


@dataclass(frozen=True, slots=True)
class GrowthPlan:
    """The firm now and after `years` years of the plan it would hand in."""

    now: ValueAdded
    planned: ValueAdded
    years: int


@dataclass(frozen=True, slots=True)
class InvestmentSheet:
    """What the factory fills in for a trial. Financing is none: paid in full at the beginning.

    None: not filled in, and then said so in the result. `uptime_percent` and `attendance_percent`
    are the plan's where the trial did not measure them; the trial's own number goes first.
    """

    title: str
    tax: Tax
    lines: tuple[InvestmentLine, ...]
    running: RunningCosts
    days_per_year: int
    hours_per_day: float
    wage_yen_per_h: int
    life_years: int
    discount_percent: float
    residual_yen: int = 0
    tax_percent: int = 10
    volume_per_year: int | None = None
    lot_size: int | None = None
    setup_before_min: float | None = None
    scrap_yen_per_part: int | None = None
    extra: ExtraOutput | None = None
    task: TaskTime | None = None
    uptime_percent: float | None = None
    attendance_percent: float | None = None
    small_enterprise: bool | None = None
    workers: int | None = None
    purposes: tuple[Purpose, ...] = ()
    growth: GrowthPlan | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """The present way of making the part (現状); None: not stated.

    An interval with n = 0 was told, not measured, and is taken as it stands.
    """

    method: str
    cycle_s: Interval | None
    people: float | None
    scrap_share: Interval | None
    volume_per_year: int | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """The numbers of one condition of the trial; `attendance` is the share of machine time a
    person stood by, `uptime` 可動率. None: not measured."""

    condition: str
    simulated: bool
    cycle_s: Interval
    yield_share: Interval
    energy_kwh_per_part: Interval | None = None
    setup_s: Interval | None = None
    attendance: float | None = None
    uptime: Interval | None = None
    runs: tuple[str, ...] = ()


# -- numbers with ends ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Yen:
    """Whole yen with both ends, `low` the unfavourable one for the factory."""

    estimate: int | None
    low: int | None
    high: int | None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Spread:
    """A number with both ends, `low` the smaller one; an end that does not exist is None."""

    estimate: float | None
    low: float | None
    high: float | None
    code: str = ""


# -- what comes out -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something the result rests on that nobody measured; text under `assumption.<code>`."""

    code: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EffectPart:
    """One part of the yearly effect, a saving positive and a cost negative.

    `name` is a key under `effect.`, whose `.formula` says how it is computed.
    """

    name: str
    yen: Yen


@dataclass(frozen=True, slots=True)
class AnnualEffect:
    """What a year with the machine changes. `total` is the sum of the printed parts."""

    parts: tuple[EffectPart, ...]
    total: Yen
    hours_before: Spread
    hours_after: Spread
    hours_saved: Spread
    volume_on_machine: Spread
    capacity_parts: Spread
    assumptions: tuple[Assumption, ...]
    simulated: bool


@dataclass(frozen=True, slots=True)
class Payback:
    """Years until the outlay is back; `low` is the shortest. Code `payback.never` where it is not.

    `method` is `payback.simple` or `payback.discounted`.
    """

    years: Spread
    method: str


@dataclass(frozen=True, slots=True)
class NpvYear:
    """One year: its money, what that is worth today, and the sum so far. Year 0 is the outlay."""

    year: int
    flow: Yen
    present: Yen
    cumulative: Yen


@dataclass(frozen=True, slots=True)
class Npv:
    """Net present value year by year; `value` is the last cumulative sum."""

    rate_percent: float
    years: tuple[NpvYear, ...]
    value: Yen


@dataclass(frozen=True, slots=True)
class SensitivityRow:
    """The result with one factor changed by `change` (0.1 = +10 %) and all else as planned."""

    factor: str
    change: float
    value: float
    unit: str
    effect_yen: int | None
    npv_yen: int | None
    payback_years: float | None
    code: str = ""


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Where a factor makes the net present value zero; None with a code where it never does."""

    factor: str
    value: float | None
    unit: str
    change: float | None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """All rows, the factors by how far they move the NPV (tornado order), the break-evens."""

    rows: tuple[SensitivityRow, ...]
    order: tuple[str, ...]
    break_even: tuple[BreakEven, ...]


@dataclass(frozen=True, slots=True)
class Economics:
    """Everything the money pages of the dossier print for one condition of a trial."""

    sheet: InvestmentSheet
    before: Before
    condition: str
    outlay_yen: int
    effect: AnnualEffect
    payback: Payback
    discounted_payback: Payback
    npv: Npv
    irr: Spread
    sensitivity: Sensitivity
    simulated: bool


# -- what grant offices ask -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LabourSaving:
    """省力化指数 of 0..1 with the hours it is made of; may be negative."""

    before_h: Spread
    after_h: Spread
    index: Spread


@dataclass(frozen=True, slots=True)
class Productivity:
    """労働生産性 now and at the plan's end, and its compound yearly growth in percent.

    `per` is `worker` or `hour`. None with a code where the plan lacks what it takes.
    """

    per: str
    now_yen: int | None
    planned_yen: int | None
    years: int
    growth_percent: float | None
    code: str = ""

    def reaches(self, percent: float) -> bool | None:
        """Whether the growth reaches a scheme's threshold; None where there is no growth."""
        if self.growth_percent is None:
            return None
        return round(self.growth_percent, 9) >= percent  # a plan made to fit must not fail by 1e-15


@dataclass(frozen=True, slots=True)
class SubsidyStep:
    """One step of a subsidy's arithmetic; text under `subsidy.step.<code>`."""

    code: str
    params: Mapping[str, str]
    yen: int


@dataclass(frozen=True, slots=True)
class SubsidyVariant:
    """One scheme applied to the sheet. `marks`, `checks` and `conditions` are printed beside it.

    `status` of the source is `example`, `secondary` or `primary` (text `subsidy.status.…`).
    `conditions` are the pack's own words by language, `checks` what the sheet says to them.
    `refused` names why nothing is computed: the money is then zero and `own_yen` the outlay.
    """

    pack: str
    scheme: str
    name: Mapping[str, str]
    issuer: Mapping[str, str]
    source: Mapping[str, str]
    fiscal_year: int
    valid_from: date
    valid_until: date
    status: str
    steps: tuple[SubsidyStep, ...]
    eligible_yen: int
    subsidy_yen: int
    own_yen: int
    payback: Payback | None
    conditions: tuple[Mapping[str, str], ...] = ()
    checks: tuple[Assumption, ...] = ()
    marks: tuple[str, ...] = ()
    refused: str = ""


# -- side by side ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unlike:
    """One way a column differs from the first one; text under `unlike.<what>`."""

    what: str
    here: str
    there: str


@dataclass(frozen=True, slots=True)
class Column:
    """One machine or condition; `unlike` says where it differs from the first column."""

    id: str
    name: str
    simulated: bool
    unlike: tuple[Unlike, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One value with its interval, n and method, and why it may not be set against the first."""

    value: Interval
    unlike: tuple[Unlike, ...] = ()


@dataclass(frozen=True, slots=True)
class CellDifference:
    """`right` minus `left` (column ids), only ever between like columns.

    `joint` is the wider interval that holds together with those of all other differences.
    """

    left: str
    right: str
    value: Interval
    joint: Interval | None = None


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One criterion over all columns, in the order of the columns."""

    criterion: str
    unit: str
    cells: tuple[Cell, ...]
    differences: tuple[CellDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class ComparisonTable:
    """Columns in the given order, never by who does best. There is no average of columns."""

    columns: tuple[Column, ...]
    rows: tuple[ComparisonRow, ...]
