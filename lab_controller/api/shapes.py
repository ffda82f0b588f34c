"""The rooms' objects as they travel, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from booking.model import Equipment, Party, Person, Qualification
from equipment_drivers.model import Reading
from lab_controller.board import DeviceView
from lab_controller.bootstrap import Lab
from lab_controller.guard import Standing
from lab_controller.i18n import text
from lab_controller.leases import LeaseRow
from lab_controller.ledger import LedgerRow
from lab_controller.services.bookings import BookedWith
from lab_controller.stopper.latch import LatchState
from lab_controller.wire import (
    BookingShape,
    CommandShape,
    DeviceShape,
    EquipmentShape,
    InterlockShape,
    JobShape,
    LabShape,
    LatchShape,
    MessageShape,
    PartyShape,
    PersonShape,
    ReadingShape,
    SettlementShape,
)
from lab_controller.wire_ledger import LeaseShape
from lab_controller.wire_stop import DeviceStopShape, StopShape
from lab_controller.wiring import acts


def latch(state: LatchState) -> LatchShape:
    """The stop latch."""
    press = state.lab or next(iter(state.devices.values()), None)
    if press is None:
        return LatchShape(latched=False)
    return LatchShape(
        latched=True,
        scopes=["lab"] if state.lab else sorted(state.devices),
        by=press.by,
        reason=press.reason,
        at=datetime.fromisoformat(press.at),
        cause=press.cause,
    )


def lab(of: Lab, language: str) -> LabShape:
    """The lab at a glance."""
    names = of.settings.lab.name
    return LabShape(
        name=names.in_language(language),
        language=of.language,
        timezone=of.settings.lab.timezone,
        now=of.clock.now(),
        factor=of.clock.factor,
        simulated=of.settings.lab.simulated,
        permit=of.permit.connected,
        latch=latch(of.permit.latch),
    )


def device(of: Lab, view: DeviceView, language: str) -> DeviceShape:
    """A device on its three axes."""
    card = of.devices[view.device]
    lease = of.leases.of(view.device)
    plan = of.stop_desk.plan(view.device) if acts(view) else None
    now, standings = of.clock.now(), of.guard.standings(view.device)
    code = text(language, view.link_code, view.link_params) if view.link_code else ""
    return DeviceShape(
        id=view.device,
        name=card.name.in_language(language),
        kind=view.spec.kind,
        connection=view.connection,
        equipment=of.equipment_of(view.device),
        link=view.link,
        link_text=code,
        operation=view.operation,
        safety=view.safety,
        may_actuate=view.may_actuate,
        lease=lease.number if lease else None,
        lease_holder=lease.holder if lease else None,
        lease_kind=lease.holder_kind if lease else "",
        stop_means=text(language, plan.means) if plan else "",
        stoppable=plan is None or bool(plan.steps) or not plan.known,
        estop=_estop(of, view.device, language),
        outcome_unknown=view.outcome_unknown,
        detail=dict(view.detail),
        readings=[_reading(view, one, now) for one in view.readings.values()],
        commands=sorted(view.spec.commands),
        job=JobShape(
            command=view.job.command_id,
            fraction=view.job.fraction,
            counts=dict(view.job.counts),
        )
        if view.job
        else None,
        messages=[
            MessageShape(
                code=one.code,
                text=text(
                    language, one.code, {"text": one.text, "device": one.device, **one.params}
                ),
                at=one.at,
            )
            for one in view.messages
        ],
        interlocks=[_interlock(of, view.device, one, language) for one in standings],
    )


def _interlock(of: Lab, device: str, standing: Standing, language: str) -> InterlockShape:
    rule, found = standing.rule, standing.denial
    why = ""
    if found is not None:
        code = "lab.interlock_settling" if found.settling else "lab.interlocked"
        why = text(language, code, of.guard.params(device, found))
    return InterlockShape(
        id=rule.id,
        name=rule.names[language],
        ok=found is None,
        limit=of.guard.condition_words(rule, language),
        why=why,
    )


def _estop(of: Lab, id: str, language: str) -> str:
    names = of.devices[id].estop
    if names is None:
        return ""
    return names.in_language(language)


def _reading(view: DeviceView, reading: Reading, now: datetime) -> ReadingShape:
    spec = view.spec.signals.get(reading.signal)
    return ReadingShape(
        signal=reading.signal,
        value=reading.value,
        unit=reading.unit,
        quality=reading.quality,
        age_s=max(0.0, (now - reading.received).total_seconds()),
        stale=view.is_stale(reading, now),
        precision=spec.precision if spec else 1,
    )


def command(of: Lab, row: LedgerRow, language: str) -> CommandShape:
    """A command as the ledger holds it."""
    names, found = of.devices.get(row.device), row.settlement
    return CommandShape(
        id=row.id,
        device=row.device,
        verb=row.verb,
        arguments=dict(row.arguments),
        issuer=row.issuer,
        lease=row.lease,
        issued=row.issued,
        state=row.state,
        closed=row.closed,
        code=row.code,
        answer=row.answer,
        text=text(language, row.code, {"device": row.device, **row.params}) if row.code else "",
        device_name=names.name.in_language(language) if names else row.device,
        settlement=SettlementShape(
            outcome=found.outcome,
            text=text(language, f"settled.{found.outcome}"),
            by=found.by,
            at=found.at,
            note=found.note,
        )
        if found
        else None,
    )


def lease(of: Lab, row: LeaseRow, language: str) -> LeaseShape:
    """A lease as it was written down."""
    card = of.equipment.get(row.equipment)
    return LeaseShape(
        number=row.number,
        equipment=row.equipment,
        equipment_name=card.name.in_language(language) if card else row.equipment,
        kind=row.holder_kind,
        holder=row.holder,
        by=row.granted_by,
        why=row.why,
        granted=row.granted,
        until=row.until,
        ended=row.ended,
        end_reason=row.end_reason,
        end_text=text(language, f"lease_end.{row.end_reason}") if row.end_reason else "",
        ended_by=row.ended_by,
        note=row.end_note,
    )


def stop(of: Lab, report: Mapping[str, Any], language: str) -> StopShape:
    """A stop with what became of it on each device."""
    rows = []
    for id, found in report["devices"].items():
        detail = found.get("detail", "")
        names = of.devices[id].name
        rows.append(
            DeviceStopShape(
                device=id,
                name=names.in_language(language),
                outcome=found["outcome"],
                detail=text(language, f"stop.detail.{detail}") if detail else "",
                estop=_estop(of, id, language),
            )
        )
    return StopShape(
        device=report["device"],
        by=report["by"],
        reason=report["reason"],
        cause=text(language, f"stop.cause.{report['cause']}"),
        at=datetime.fromisoformat(report["at"]),
        latch=latch(of.permit.latch),
        devices=rows,
        notice=text(language, "lab.stop_notice"),
    )


def equipment(of: Lab, one: Equipment, language: str) -> EquipmentShape:
    """Bookable equipment."""
    card = of.equipment.get(one.id, None)
    return EquipmentShape(
        id=one.id,
        name=one.name.in_language(language),
        category=one.category,
        vendor=card.vendor if card else one.vendor,
        model=card.model if card else "",
        summary=one.description.in_language(language),
        abilities=[
            f"{row.label.in_language(language)}: {row.value.in_language(language)}"
            for row in one.capabilities
        ],
        devices=list(card.devices) if card else [],
        qualification=one.policy.qualification,
        fee_yen_per_hour=one.fee_yen_per_hour,
        min_minutes=one.policy.min_minutes,
        max_minutes=one.policy.max_minutes,
        step_minutes=one.policy.step_minutes,
    )


def party(one: Party) -> PartyShape:
    """An organisation."""
    return PartyShape(id=one.id, name=one.name, kana=one.kana, role=one.role)


def person(one: Person, qualifications: list[Qualification]) -> PersonShape:
    """A person and what they are qualified for."""
    classes = sorted({row.qualification_class for row in qualifications})
    return PersonShape(id=one.id, party=one.party_id, name=one.name, qualifications=classes)


def booking(of: Lab, booked: BookedWith, trial: str | None, language: str) -> BookingShape:
    """A booking with names, and whether its equipment is armed."""
    one = booked.booking
    lease = of.leases.held_by(one.id)
    contact = booked.contact
    return BookingShape(
        id=one.id,
        number=one.number,
        equipment=one.equipment_id,
        equipment_name=booked.equipment.name.in_language(language),
        party=one.party_id,
        party_name=booked.party.name,
        operator=one.operator_id,
        operator_name=booked.operator.name if booked.operator else one.instructor,
        start=one.start,
        end=one.end,
        state=one.state,
        state_text=text(language, f"booking.state.{one.state}"),
        public_state=text(language, f"booking.public.{one.public_word}"),
        purpose=one.purpose,
        head_count=one.head_count,
        contact=contact.name if contact else "",
        phone=(contact.phone if contact else "") or booked.party.phone,
        reason=one.reason,
        armed=lease is not None,
        lease=lease.number if lease else None,
        lease_until=lease.until if lease else None,
        trial=trial,
    )
