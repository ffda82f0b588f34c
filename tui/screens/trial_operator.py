"""What no sensor sees, by one key: the mode, why a machine stood, what was used up, and undo."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual import on
from textual.message import Message

from lab_controller.wire_operator import (
    ConsumableRequest,
    FloorShape,
    ModeRequest,
    StoodShape,
    StopCauseRequest,
    UndoRequest,
)
from lab_controller.wire_trials import RunShape
from tui.entries import Given, number
from tui.floor_words import MODES, stood_words, waiting_stop
from tui.messages import FloorCame, RunCame, UndoCame
from tui.screens.form import Field, Form
from tui.screens.one_key import MOST, OneKey
from tui.screens.scan import Scan
from tui.screens.trial_subject import TrialSubject
from tui.trial_words import LIVE

OTHER = "other"


class OperatorKeys(TrialSubject):
    """The keys of the one who works at the machine; each asks at most for one more."""

    def read_floor(self) -> None:
        """Ask how the run under way stands for the one who works at it."""
        run = self.run
        if run is None or run.state not in LIVE:
            self.floor = None
        elif self.view.live:
            self.ask(self._floor_of, run, group="floor")

    async def _floor_of(self, run: RunShape) -> Message:
        return FloorCame(await self.station.client.run_floor(run.id))

    @on(FloorCame)
    def _floor_came(self, came: FloorCame) -> None:
        changed, self.floor = came.floor != self.floor, came.floor
        if changed:
            self.draw()

    @on(RunCame)
    def _floor_moved(self) -> None:
        """What was just answered is asked no second time."""
        self.read_floor()

    def _with_floor(self, then: Callable[[RunShape, FloorShape], None]) -> None:
        """Go on with the run under way, or say why there is nothing to go on with."""
        run, why = self.live_or_why()
        if run is None:
            self.say(why)
        elif self.floor is None or self.floor.run != run.id:
            self.say(self.t("why.no_floor"))
        elif self.may_change():
            then(run, self.floor)

    def _after(
        self, question: Callable[..., Awaitable[RunShape]], done: str
    ) -> Callable[..., Awaitable[Message]]:
        async def ask(*about: object) -> Message:
            return RunCame(await question(*about), done)

        return ask

    # -- mode ---------------------------------------------------------------------------------

    def action_mode(self) -> None:
        """Say by one digit what the equipment is used for from now on."""
        self._with_floor(self._choose_mode)

    def _choose_mode(self, run: RunShape, floor: FloorShape) -> None:
        answers = [(mode, self.t.word("run_mode", mode)) for mode in MODES]

        def chosen(mode: str | None) -> None:
            if mode:
                wanted = ModeRequest.model_validate({"mode": mode})
                done = self.t("done.mode", mode=self.t.word("run_mode", mode))
                self.ask(self._after(self.station.client.set_mode, done), run.id, wanted)

        words = self.t("mode.now", mode=floor.mode_text)
        self.app.push_screen(OneKey(self.station, self.t("mode.title"), answers, words), chosen)

    # -- why it stood -------------------------------------------------------------------------

    def action_cause(self) -> None:
        """Say by one digit why the machine stood, for the newest stop nobody has explained."""
        self._with_floor(self._choose_cause)

    def _choose_cause(self, run: RunShape, floor: FloorShape) -> None:
        stop = waiting_stop(floor)
        if stop is None:
            self.say(self.t("why.no_stop"))
            return
        known = [
            (one.value, one.name)
            for one in floor.keys
            if one.kind == "stop_cause" and one.value != OTHER
        ]
        answers = [*known[: MOST - 1], (OTHER, self.t("cause.in_words"))]

        def chosen(cause: str | None) -> None:
            if cause == OTHER:
                self._cause_in_words(run, stop)
            elif cause:
                self.ask(self._explain, run, stop, cause, "")

        words = stood_words(stop, self.view.local(stop.at), self.t)
        self.app.push_screen(OneKey(self.station, self.t("cause.title"), answers, words), chosen)

    def _cause_in_words(self, run: RunShape, stop: StoodShape) -> None:
        async def send(given: Given) -> Message:
            return await self._explain(run, stop, OTHER, given["text"])

        fields = [Field("text", "field.cause", hint="hint.cause", required=True)]
        form = Form(self.station, self.t("cause.title"), fields, send)
        self.app.push_screen(form, self.post_if)

    async def _explain(self, run: RunShape, stop: StoodShape, cause: str, text: str) -> Message:
        wanted = StopCauseRequest(cause=cause, text=text, device=stop.device, at=stop.at)
        after = await self.station.client.explain_stop(run.id, wanted)
        return RunCame(after, self.t("done.cause"))

    # -- what was used up, undo, barcodes -----------------------------------------------------

    def action_consumable(self) -> None:
        """Write down what was used up."""
        self._with_floor(self._use)

    def _use(self, run: RunShape, floor: FloorShape) -> None:
        async def send(given: Given) -> Message:
            amount = number("amount", given["amount"])
            wanted = ConsumableRequest(name=given["name"], amount=amount, unit=given["unit"])
            after = await self.station.client.use(run.id, wanted)
            return RunCame(after, self.t("done.used", name=given["name"]))

        fields = [
            Field("name", "field.consumable", hint="hint.consumable", required=True),
            Field("amount", "field.amount", "1", required=True),
            Field("unit", "field.unit", "g", required=True),
        ]
        title = f"{self.t('key.run.consumable')}  #{run.number}"
        self.app.push_screen(Form(self.station, title, fields, send), self.post_if)

    def action_undo(self) -> None:
        """Take back the newest part or verdict somebody gave; the record keeps both, with why."""
        why, run = self.why_not_recorded(), self.run
        if why or run is None:
            self.say(why)
        elif self.may_change():
            self.ask(self._undo_of, run, group="undo", opens=True)

    async def _undo_of(self, run: RunShape) -> Message:
        # asked for anew: a part may have been counted since the last look
        return UndoCame(run, (await self.station.client.run_floor(run.id)).undo_part)

    @on(UndoCame)
    def _undo_came(self, came: UndoCame) -> None:
        if not self.is_current:
            return
        if came.part is None:
            self.say(self.t("why.nothing_to_undo"))
            return

        async def send(given: Given) -> Message:
            wanted = UndoRequest(why=given["reason"])
            after = await self.station.client.undo(came.run.id, wanted)
            waits = after.unjudged > came.run.unjudged  # a part a machine made is still there
            done = "done.undone_verdict" if waits else "done.undone"
            return RunCame(after, self.t(done, n=came.part))

        reason = self.t("undo.miscounted")
        fields = [Field("reason", "field.reason", reason, required=True)]
        title = f"{self.t('key.run.undo')}  {self.t('field.part')} {came.part}"
        self.app.push_screen(Form(self.station, title, fields, send), self.post_if)

    def action_scan(self) -> None:
        """Read barcodes, one after the other."""
        self._with_floor(self._scan)

    def _scan(self, run: RunShape, floor: FloorShape) -> None:
        self.app.push_screen(Scan(self.station, run, floor), self.post_if)
