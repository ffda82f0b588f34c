"""Running a trial: plan, begin, pause, finish, count parts with one key, measure, note."""

from __future__ import annotations

from textual import on
from textual.message import Message

from lab_controller.wire_trials import (
    PartRequest,
    RunRequest,
    RunShape,
    TrialShape,
)
from tui.entries import Given, measurement_of
from tui.messages import ReplayCame, RunCame
from tui.screens.form import Field, Form
from tui.screens.replay import Replay
from tui.screens.trial_subject import TrialSubject
from tui.trial_words import LIVE, finish_words, limit_words, next_run

STATES = {"pause": ("running",), "resume": ("paused",), "finish": ("running", "paused")}


class RunKeys(TrialSubject):
    """What staff do while the party tries the machine."""

    # -- the plan -----------------------------------------------------------------------------

    def action_plan(self) -> None:
        """Put one more run of the condition under the cursor into the plan."""
        condition = self._condition()
        if condition and self.trial and self.may_change():
            self.ask(self._plan, self.trial, condition)

    def _condition(self) -> str:
        """The condition under the cursor; says so when there is none."""
        if self.trial is None:
            self.say(self.t("why.no_trial"))
            return ""
        kind, name = self.row
        if kind == "condition":
            return name
        return next((run.condition for run in self.trial.runs if run.id == name), "")

    async def _plan(self, trial: TrialShape, condition: str) -> Message:
        run = await self.station.client.plan_run(trial.id, self._wanted(trial, condition))
        return RunCame(run, self.t("done.planned", n=run.number, condition=condition))

    def _wanted(self, trial: TrialShape, condition: str) -> RunRequest:
        """A run of a condition, by who operates, with the lot the plan has next for it."""
        operator = self.booking.operator_name if self.booking else ""
        comes = next_run(trial)
        lot = comes.lot if comes is not None and comes.condition == condition else ""
        return RunRequest(condition=condition, operator=operator, lot=lot)

    def action_begin(self) -> None:
        """Begin the run under the cursor; a condition without a run gets one first."""
        why = self._why_not_begin()
        if why:
            self.say(why)
        elif self.trial is not None and self.may_change():
            condition = self._condition()
            title = f"{self.t('key.run.begin')}  {condition}"
            text = self.t("ask.begin", trial=self.trial.title, condition=condition)
            comes = next_run(self.trial)
            if comes is not None and comes.condition != condition:
                text += "\n" + self.t("ask.begin_other", condition=comes.condition)
            self.confirm(
                title,
                text,
                self.t("key.run.begin"),
                self._begin,
                self.trial,
                condition,
                self.row[1],
            )

    def _why_not_begin(self) -> str:
        if self.trial is None:
            return self.t("why.no_trial")
        if any(run.state in ("running", "paused") for run in self.trial.runs):
            return self.t("why.already_running")
        return "" if self.armed else self.t("why.not_armed_for_run")

    async def _begin(self, trial: TrialShape, condition: str, chosen: str) -> Message:
        client = self.station.client
        planned = [run for run in trial.runs if run.state == "planned"]
        run = next((one for one in planned if one.id == chosen), None)
        run = run or next((one for one in planned if one.condition == condition), None)
        if run is None:
            run = await client.plan_run(trial.id, self._wanted(trial, condition))
        begun = await client.run_step(run.id, "start")
        return RunCame(begun, self.t("done.begun", n=begun.number))

    # -- the run ------------------------------------------------------------------------------

    def action_run_step(self, step: str) -> None:
        """pause, resume or finish the run under way; only finishing asks."""
        run, why = self.live_or_why()
        if run is None:
            self.say(why)
        elif run.state not in STATES[step]:
            state = self.t.word("run_state", run.state)
            self.say(self.t("why.run_state", state=state))
        elif self.may_change():
            word = self.t(f"key.run.{step}")
            if step == "finish":
                text = "\n".join(finish_words(run, self.trial, self.t))
                self.confirm(f"{word}  #{run.number}", text, word, self._step, run, step, "")
            else:
                self.ask(self._step, run, step, "")

    async def _step(self, run: RunShape, step: str, reason: str) -> Message:
        moved = await self.station.client.run_step(run.id, step, reason)
        state = self.t.word("run_state", moved.state)
        return RunCame(moved, self.t("done.run", n=moved.number, state=state))

    def action_abort(self) -> None:
        """End the run under way early, with a reason."""
        run, why = self.live_or_why()
        if run is None:
            self.say(why)
        elif self.may_change():
            aborted = run

            async def send(given: Given) -> Message:
                return await self._step(aborted, "abort", given["reason"])

            title = f"{self.t('key.run.abort')}  #{run.number}"
            form = Form(self.station, title, [Field("reason", "field.reason", required=True)], send)
            self.app.push_screen(form, self.post_if)

    def action_count(self, verdict: str) -> None:
        """One part, one key: judges the oldest part that waits, or counts a new one.

        A run that is over is asked about first: a new part in it is rarely what was meant.
        """
        why, run = self.why_not_recorded(), self.run
        if why or run is None:
            self.say(why)
        elif not self.may_change():
            return
        elif run.state in LIVE or run.unjudged:
            self.ask(self._count, run, verdict)
        else:
            word, state = self.t.word("verdict", verdict), self.t.word("run_state", run.state)
            text = self.t("ask.count_late", n=run.number, state=state, verdict=word)
            self.confirm(f"{word}  #{run.number}", text, word, self._count, run, verdict)

    async def _count(self, run: RunShape, verdict: str) -> Message:
        part = PartRequest.model_validate({"verdict": verdict})
        return RunCame(await self.station.client.count_part(run.id, part))

    @on(RunCame)
    def _run_came(self, came: RunCame) -> None:
        """Show the counts at once; the lab's own word follows on the stream."""
        trial = self.trials.get(came.run.trial)
        if trial is not None:
            runs = [came.run if run.id == came.run.id else run for run in trial.runs]
            if came.run.id not in {run.id for run in trial.runs}:
                runs.append(came.run)
            self.trials[trial.id] = trial.model_copy(update={"runs": runs})
        if came.text:
            self.say(came.text)
        self.draw()

    # -- what people add ----------------------------------------------------------------------

    def action_measure(self) -> None:
        """Enter a value read from a gauge."""
        why, run, trial = self.why_not_recorded(), self.run, self.trial
        if why or run is None or trial is None:
            self.say(why)
        elif self.may_change():
            measured = run

            async def send(given: Given) -> Message:
                after = await self.station.client.measure(measured.id, measurement_of(given))
                return RunCame(after, self.t("done.measured", value=given["value"]))

            title = f"{self.t('key.run.measure')}  #{run.number}"
            form = Form(self.station, title, self._measure_fields(trial), send)
            self.app.push_screen(form, self.post_if)

    @staticmethod
    def _measure_fields(trial: TrialShape) -> list[Field]:
        limits = trial.limits
        known = [(one.characteristic, limit_words(one)) for one in limits] or None
        return [
            Field("value", "field.value", required=True),
            Field("characteristic", "field.characteristic", choices=known, required=True),
            Field("unit", "field.unit", limits[0].unit if limits else "mm", required=True),
            Field("part", "field.part_number", hint="hint.part_number"),
            Field("gauge", "field.gauge", hint="hint.gauge"),
        ]

    def action_note(self) -> None:
        """Add a remark to the run."""
        why, run = self.why_not_recorded(), self.run
        if why or run is None:
            self.say(why)
        elif self.may_change():
            noted = run

            async def send(given: Given) -> Message:
                return RunCame(
                    await self.station.client.note(noted.id, given["text"]), self.t("done.noted")
                )

            title = f"{self.t('key.run.note')}  #{run.number}"
            form = Form(self.station, title, [Field("text", "field.text", required=True)], send)
            self.app.push_screen(form, self.post_if)

    def action_replay(self) -> None:
        """Play the run under the cursor back from its record, or else the one under way."""
        run = self.run_under_cursor or self.run
        if run is None or run.state == "planned":
            self.say(self.t("why.no_replay"))
        else:
            self.ask(self._replay, run, opens=True)

    async def _replay(self, run: RunShape) -> Message:
        return ReplayCame(await self.station.client.replay(run.id))

    @on(ReplayCame)
    def _open_replay(self, came: ReplayCame) -> None:
        self.app.push_screen(Replay(self.station, came.run))
