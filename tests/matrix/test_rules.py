"""The matrix can fail: each rule sees the wrong it is there for, and nothing in a clean cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from equipment_drivers.contract import DeviceSpec
from equipment_drivers.model import (
    DeviceState,
    Link,
    LinkChanged,
    Operation,
    Quality,
    Reading,
    Safety,
)
from lab_controller.board import Board, DeviceView
from lab_controller.facts import Told
from tests.matrix.cells import BY_NAME
from tests.matrix.place import NEIGHBOUR, Place, Seen
from tests.matrix.rules import FRESH, IN_FLIGHT, Judge
from trial_logs.model import GapEdge

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
STATE = DeviceState("arm", Operation.IDLE, Safety.NORMAL, NOW)
HEAT = Reading("arm", "heat", 21.0, "Cel", Quality.GOOD, NOW)
PATH = (Link.CONNECTING, Link.SYNCING, Link.ONLINE)
LOST = LinkChanged("wire", Link.BACKOFF, NOW, "driver.peer_silent", {})


def link(state: Link) -> LinkChanged:
    return LinkChanged("wire", state, NOW, "", {})


UP: tuple[Told, ...] = tuple(link(one) for one in PATH)
DOWN: tuple[Told, ...] = (LOST, replace(STATE, operation=Operation.UNKNOWN))


@dataclass
class FakeFloor:
    board: Board


@dataclass
class FakePlace:
    """What a judge asks of a place, with a board that hears what the test tells."""

    seen: Seen = field(default_factory=Seen)
    wire: str = "wire"
    device: str = "arm"
    lively: dict[str, dict[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        views = [
            DeviceView("arm", "wire", DeviceSpec("arm", "robot", {}, {})),
            DeviceView(NEIGHBOUR, NEIGHBOUR, DeviceSpec(NEIGHBOUR, "sensor", {}, {})),
        ]
        self.floor = FakeFloor(Board(views))
        self.lively = {NEIGHBOUR: {"room_temperature": 20.0}}

    @property
    def view(self) -> DeviceView:
        return self.floor.board["arm"]

    def live(self, device: str) -> dict[str, float]:
        return self.lively.get(device, {})

    def tell(self, *facts: Told) -> None:
        for fact in facts:
            self.seen.facts.append(fact)
            self.floor.board.hear(fact)
        self.seen.alarms += ["down" for fact in facts if fact == LOST]


@dataclass
class Story:
    """A cell as it went; by default the wire is lost, told, recorded, and comes back."""

    fault: str = "hang"
    phase: str = "idle"
    before: Sequence[Told] = ()
    told: Sequence[Told] = DOWN
    outcome: str = ""
    while_on: int = 0
    done: int = 0
    returned: Sequence[int] = (0, 0)
    gaps: Sequence[bool] = (True, False, True, False)
    meddle: Callable[[FakePlace], None] = lambda place: None

    def judged(self) -> list[str]:
        place, problems = FakePlace(), list[str]()
        judge = Judge(_as_place(place), self.fault, BY_NAME[self.phase], 1, problems)
        place.tell(*UP, STATE, HEAT, *self.before)
        judge.phase_reached(0)
        judge.fault_raised()
        place.tell(*self.told)
        self.meddle(place)
        judge.while_on(self.outcome, self.while_on)
        if LOST in self.told:
            place.tell(*UP)
        for count in self.returned:
            judge.returned(count)
        gaps = [GapEdge(NOW, "arm", opened, "") for opened in self.gaps]
        judge.afterwards(self.outcome, self.done, gaps)
        return problems


def _as_place(place: FakePlace) -> Place:
    return place  # type: ignore[return-value]


def quiet(place: FakePlace) -> None:
    place.seen.alarms.clear()


def twice(place: FakePlace) -> None:
    place.seen.alarms.append("down")


def knows_better(place: FakePlace) -> None:
    place.view.operation = Operation.IDLE


def shows_old(place: FakePlace) -> None:
    place.lively["arm"] = {"heat": 21.0}


def neighbour_falls(place: FakePlace) -> None:
    place.tell(replace(LOST, connection=NEIGHBOUR))


def heat(value: float) -> Reading:
    return replace(HEAT, value=value)


HARMLESS = Story("flood", told=[HEAT] * FRESH, gaps=(True, False))
WRONG = [
    (Story(meddle=quiet), "1 losses, 0 alarms"),
    (Story(meddle=twice), "1 losses, 2 alarms"),
    (Story(told=[*DOWN, *UP, *DOWN]), "2 losses, 2 alarms"),
    (Story(meddle=knows_better), "shown as idle"),
    (Story(meddle=shows_old), "shown as live"),
    (Story(meddle=neighbour_falls), "neighbour"),
    (Story(told=[*[HEAT] * (IN_FLIGHT + 1), *DOWN]), "out of nothing"),
    (Story(gaps=(True, False)), "gaps in the record"),
    (Story(gaps=(True, False, True)), "gaps in the record"),
    (Story(done=1), "1 requests carried out, 0 were meant"),
    (Story(phase="command", done=2), "2 requests carried out, 1 were meant"),
    (Story(phase="command", outcome="done"), "the machine has not done it"),
    (Story(phase="running", returned=(1, 2)), "went on by itself"),
    (Story(phase="stopping", outcome="stop.no_controller"), "the stop ended as"),
    (Story(phase="disconnect"), "left, but the link is"),
    (replace(HARMLESS, told=[heat(float("nan"))]), "shown as GOOD: heat = nan"),
    (replace(HARMLESS, told=[heat(1e308)]), "shown as GOOD: heat = 1e+308"),
    (replace(HARMLESS, told=[heat(90.0)]), "was 21…21"),
]


@pytest.mark.parametrize(("story", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_wrong_fails_the_cell(story: Story, said: str) -> None:
    assert any(said in one for one in story.judged()), story.judged()


CLEAN = [
    Story(),
    HARMLESS,
    Story(phase="command", outcome="unknown"),
    Story(before=[*DOWN, *UP], gaps=(True, False) * 3),  # lost before the fault, on a busy machine
]


@pytest.mark.parametrize("story", CLEAN)
def test_a_clean_cell_passes(story: Story) -> None:
    assert story.judged() == []


def test_a_bad_value_told_as_bad_is_no_lie() -> None:
    bad = replace(HEAT, value=float("nan"), quality=Quality.BAD)
    assert replace(HARMLESS, told=[bad]).judged() == []


def test_silence_is_never_taken_for_harmless() -> None:
    place = FakePlace()
    judge = Judge(_as_place(place), "hang", BY_NAME["idle"], 1, [])
    place.tell(*UP, STATE)
    judge.fault_raised()
    place.tell(*[HEAT] * FRESH)
    assert not judge.is_fresh()
    assert not judge.is_shown()
    place.tell(LOST)
    assert judge.shown_as() == "backoff driver.peer_silent"


def test_a_fault_seen_before_its_raiser_heard_of_it_is_shown() -> None:
    place, problems = FakePlace(), list[str]()
    judge = Judge(_as_place(place), "auth_revoked", BY_NAME["idle"], 1, problems)
    place.tell(*UP, STATE, HEAT)
    judge.phase_reached(0)
    place.tell(*[heat(90.0)] * FRESH)
    judge.fault_raised()
    assert not judge.is_fresh()
    judge.while_on("", 0)
    assert problems == ["shown as GOOD: heat = 90.0, was 21…21"]

    judge.phase_reached(0)
    place.tell(replace(LOST, link=Link.AUTH_ERROR, code="driver.auth_rejected"))
    judge.fault_raised()
    assert judge.shown_as() == "auth_error driver.auth_rejected"
