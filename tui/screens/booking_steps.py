"""Taking a booking's steps, the same way on every screen that shows bookings."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

from textual import on
from textual.message import Message

from lab_controller.client import Refused
from lab_controller.wire import BookingShape, PersonShape
from tui.entries import Given, decision_of, request_of
from tui.messages import DirectoryCame, Done, OperatorsCame, StepRefused, TrialWanted, Trouble
from tui.screens.base import LabScreen
from tui.screens.form import Field, Form
from tui.steps import STEPS, Step, next_step, why_not


class BookingSteps(LabScreen):
    """A screen with a selected booking whose steps can be taken."""

    def selected(self) -> BookingShape | None:
        """The booking the keys are about."""
        raise NotImplementedError

    def day_wanted(self) -> date:
        """The day a new request starts from."""
        return self.view.local_now.date()

    def action_next_step(self) -> None:
        """Take the step that usually comes next."""
        booking = self.selected()
        step = next_step(booking, self.view) if booking else None
        if step is None:
            self.say(self.t("why.nothing_next" if booking else "why.no_booking"))
        else:
            self.action_step(step.wire)

    def action_step(self, wire: str) -> None:
        """Take a step, or say why it cannot be taken."""
        booking, step = self.selected(), STEPS[wire]
        if booking is None:
            self.say(self.t("why.no_booking"))
            return
        why = why_not(step, booking, self.view)
        if why is not None:
            self.say(self.t(why[0], **why[1]))
        elif self.may_change():
            self._take(step, booking)

    def action_open_trial(self) -> None:
        """Go to this booking's trial."""
        booking = self.selected()
        if booking is None:
            self.say(self.t("why.no_booking"))
        else:
            self.app.post_message(TrialWanted(booking.id))

    # -- taking a step ------------------------------------------------------------------------

    def _take(self, step: Step, booking: BookingShape) -> None:
        title = f"{self.t(f'key.{step.key}')}  {booking.number}  {booking.party_name}"
        if step.wire == "operator":
            self.ask(self._operators, booking, opens=True)
        elif step.fields:
            starting = {"head_count": str(booking.head_count)}
            fields = [
                Field(n, f"field.{n}", starting.get(n, ""), required=True) for n in step.fields
            ]
            self._form(title, fields, step, booking)
        elif step.asks:
            text = self.t(f"ask.{step.wire}", equipment=booking.equipment_name)
            yes = self.t(f"key.{step.key}")
            self.confirm(title, text, yes, self._decide, step, booking, {})
        else:
            self.ask(self._decide, step, booking, {})

    def _form(
        self,
        title: str,
        fields: list[Field],
        step: Step,
        booking: BookingShape,
        trouble: Trouble | None = None,
    ) -> None:
        async def send(given: Given) -> Message:
            return await self._decide(step, booking, given)

        form = Form(self.station, title, fields, send, trouble=trouble)
        self.app.push_screen(form, self.post_if)

    async def _decide(self, step: Step, booking: BookingShape, given: Given) -> Message:
        try:
            done = await self.station.client.decide(booking.id, step.wire, decision_of(given))
        except Refused as error:
            trouble = Trouble.of(error)
            if step.may_override and trouble.overridable and "override_reason" not in given:
                return StepRefused(booking, step.wire, trouble, given)
            raise
        return Done(self.t("done.step", number=done.number, state=done.state_text))

    @on(StepRefused)
    def _offer_override(self, refused: StepRefused) -> None:
        """What staff may set aside, with a reason of their own; what was entered stays."""
        step, booking = STEPS[refused.step], refused.booking
        kept = [Field(name, f"field.{name}", value) for name, value in refused.given.items()]
        fields = [*kept, Field("override_reason", "field.override_reason", required=True)]
        if step.wire == "confirm":
            fields.append(Field("operator", "field.instructor", hint="hint.instructor"))
        title = self.t("override.title", number=booking.number)
        self._form(title, fields, step, booking, refused.trouble)

    # -- who operates -------------------------------------------------------------------------

    async def _operators(self, booking: BookingShape) -> Message:
        return OperatorsCame(booking, await self.station.client.people(booking.party))

    @on(OperatorsCame)
    def _choose_operator(self, came: OperatorsCame) -> None:
        booking = came.booking
        choices = [(one.id, self._person_words(one)) for one in came.people]
        field = Field("operator", "field.operator", booking.operator or "", choices)
        title = f"{self.t('key.step.operator')}  {booking.number}"
        self._form(title, [field], STEPS["operator"], booking)

    def _person_words(self, one: PersonShape) -> str:
        # a class the lab made itself is shown by its own name
        held = ", ".join(self.t.word("qualification", each) for each in one.qualifications)
        return f"{one.name} ({held})" if held else one.name

    # -- a request on behalf of somebody ------------------------------------------------------

    def action_request(self) -> None:
        """Ask for a slot on behalf of a party on the phone or at the desk."""
        if self.may_change():
            self.ask(self._directory, opens=True)

    async def _directory(self) -> Message:
        client = self.station.client
        equipment, parties = await client.equipment(), await client.parties()
        people = [person for party in parties for person in await client.people(party.id)]
        return DirectoryCame(equipment, parties, people)

    @on(DirectoryCame)
    def _open_request(self, came: DirectoryCame) -> None:
        key = uuid.uuid4().hex

        async def send(given: Given) -> Message:
            wanted = request_of(given, self.view.zone, key)
            booked = await self.station.client.request_booking(wanted)
            return Done(self.t("done.requested", number=booked.number))

        form = Form(self.station, self.t("request.title"), self._request_fields(came), send)
        self.app.push_screen(form, self.post_if)

    def _request_fields(self, came: DirectoryCame) -> list[Field]:
        start = self.view.local_now.replace(minute=0, second=0) + timedelta(hours=1)
        names = {party.id: party.name for party in came.parties}
        parties = [("", self.t("request.new_party")), *names.items()]
        people = [("", self.t("request.no_operator"))]
        people += [(one.id, f"{one.name} ({names.get(one.party, '')})") for one in came.people]
        return [
            Field("equipment", "field.equipment", "", [(e.id, e.name) for e in came.equipment]),
            Field("day", "field.day", f"{self.day_wanted():%Y-%m-%d}"),
            Field("start", "field.start", f"{start:%H:%M}"),
            Field("end", "field.end", f"{start + timedelta(hours=2):%H:%M}"),
            Field("party", "field.party", "", parties),
            Field("company", "field.company", hint="hint.new_party"),
            Field("contact", "field.contact", hint="hint.new_party"),
            Field("phone", "field.phone", hint="hint.new_party"),
            Field("purpose", "field.purpose"),
            Field("head_count", "field.head_count", "1"),
            Field("operator", "field.operator", "", people),
            Field("override_reason", "field.override_reason", hint="hint.override"),
        ]
