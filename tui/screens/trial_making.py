"""A new trial from a template or an empty form, and another plan for one that is there."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.message import Message

from lab_controller.wire import BookingShape
from lab_controller.wire_trials import AmendRequest, PlanShape, TemplateShape, TrialShape
from tui.entries import Given, trial_of
from tui.look import BOLD, DIM
from tui.messages import Done, TemplatesCame
from tui.screens.form import Field, Form
from tui.screens.pick import Pick
from tui.screens.trial_subject import TrialSubject
from tui.trial_words import limit_words
from tui.widgets.rows import Row

EMPTY = "+"
ORDERS = ("", "random")


class MakingKeys(TrialSubject):
    """What makes a trial for a booking, and amends its plan."""

    def new_trial(self, booking: BookingShape) -> None:
        """Ask which template to begin with, then show the form."""
        if self.may_change():
            self.ask(self._templates, booking, opens=True)

    async def _templates(self, booking: BookingShape) -> Message:
        return TemplatesCame(booking, await self.station.client.trial_templates())

    @on(TemplatesCame)
    def _choose_template(self, came: TemplatesCame) -> None:
        if not came.templates:
            self._fill_in(came.booking, None)
            return
        templates = {one.name: one for one in came.templates}
        rows = [Row(one.name, self._template_line(one)) for one in came.templates]
        rows.append(Row(EMPTY, Text(self.t("template.empty"), DIM)))

        def chosen(name: str | None) -> None:
            if name is not None:
                self._fill_in(came.booking, templates.get(name))

        self.app.push_screen(Pick(self.station, self.t("template.choose"), rows), chosen)

    @staticmethod
    def _template_line(one: TemplateShape) -> Text:
        return Text.assemble((one.title, BOLD), "  ", (one.summary, DIM))

    def _fill_in(self, booking: BookingShape, template: TemplateShape | None) -> None:
        plan = template.plan if template else PlanShape(title=booking.purpose)

        async def send(given: Given) -> Message:
            created = await self.station.client.create_trial(trial_of(given, booking.id, plan))
            self.select(created.id)
            return Done(self.t("done.trial", title=created.title))

        title = self.t("trial.new_for", party=booking.party_name)
        self.app.push_screen(Form(self.station, title, self._fields(plan), send), self.post_if)

    def action_amend(self) -> None:
        """Put another plan in force for this trial; the one before stays, and is told."""
        trial = self.trial
        if trial is None:
            self.say(self.t("why.no_trial"))
        elif self.may_change():
            self._amend(trial)

    def _amend(self, trial: TrialShape) -> None:
        plan = PlanShape.model_validate(trial.model_dump(include=set(PlanShape.model_fields)))
        begun = any(run.started for run in trial.runs)

        async def send(given: Given) -> Message:
            wanted = trial_of(given, trial.booking, plan)
            amendment = AmendRequest(plan=wanted, why=given["why"], after_runs=begun)
            amended = await self.station.client.amend_plan(trial.id, amendment)
            return Done(self.t("done.amended", n=amended.plan_version))

        title = f"{self.t('key.trial.amend')}  {trial.id}"
        fields = [Field("why", "field.amend_why", required=True), *self._fields(plan)]
        asks = self.t("ask.amend_late") if begun else ""
        self.app.push_screen(Form(self.station, title, fields, send, asks=asks), self.post_if)

    def _fields(self, plan: PlanShape) -> list[Field]:
        sample = plan.protocol.sample
        orders = [(order, self.t(f"order.{order or 'given'}")) for order in ORDERS]
        conditions = ", ".join(one.name for one in plan.conditions)
        hint = "hint.expanded" if plan.expand else "hint.conditions"
        parts = "" if sample.parts_per_run is None else str(sample.parts_per_run)
        return [
            Field("title", "field.title", plan.title, required=True),
            Field("question", "field.question", plan.question),
            Field("part", "field.part", plan.part),
            Field("material", "field.material", plan.material),
            Field("baseline", "field.baseline", plan.baseline, hint="hint.baseline"),
            Field(
                "conditions", "field.conditions", conditions, hint=hint, required=not plan.expand
            ),
            Field("limits", "field.limits", self._limits(plan), hint="hint.limits"),
            Field("runs", "field.runs", str(sample.runs_per_condition), required=True),
            Field("parts", "field.parts", parts, hint="hint.parts"),
            Field("order", "field.order", ORDERS[plan.protocol.randomised], orders),
        ]

    @staticmethod
    def _limits(plan: PlanShape) -> str:
        return ", ".join(limit_words(one) for one in plan.limits)
