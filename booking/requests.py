"""How a request becomes a booking: typed text put in order, one digest, one new row."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from booking.model import Booking, BookingPolicy, BookingRequest, NewParty
from booking.states import State


def tidied(request: BookingRequest) -> BookingRequest:
    """Blanks trimmed, full-width telephone and mail made plain; names stay as written."""
    visitor = request.new_party
    return replace(
        request,
        purpose=request.purpose.strip(),
        idempotency_key=request.idempotency_key.strip(),
        new_party=visitor and _tidied_visitor(visitor),
    )


def digest(request: BookingRequest) -> str:
    """One value for the whole content, so that a repeated key can be told from a reused one."""
    content = asdict(request)
    del content["idempotency_key"]
    text = json.dumps(content, default=_instant, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def drafted(
    request: BookingRequest,
    policy: BookingPolicy,
    *,
    booking_id: str,
    number: str,
    code: str,
    party_id: str,
    contact_id: str | None,
    instructor: str,
    now: datetime,
    by: str,
) -> Booking:
    """The booking as it will be stored, with every time the policy sets copied into it."""
    busy = policy.busy(request.slot)
    return Booking(
        id=booking_id,
        number=number,
        code=code,
        equipment_id=request.equipment_id,
        party_id=party_id,
        contact_id=contact_id,
        operator_id=request.operator_id,
        instructor=instructor,
        start=request.start,
        end=request.end,
        busy_from=busy.start,
        busy_until=busy.end,
        state=State.REQUESTED,
        reason="",
        purpose=request.purpose,
        head_count=request.head_count,
        language=request.language,
        check_in_from=request.start - timedelta(minutes=policy.check_in_opens_minutes),
        no_show_at=request.start + timedelta(minutes=policy.no_show_after_minutes),
        remind_at=request.start - timedelta(minutes=policy.reminder_minutes),
        late_cancel_from=request.start - timedelta(minutes=policy.late_cancel_minutes),
        reminded_at=None,
        cancelled_late=False,
        requested_at=now,
        requested_by=by,
        changed_at=now,
    )


def as_request(booking: Booking) -> BookingRequest:
    """The wish a stored booking stands for, to ask the rules again."""
    return BookingRequest(
        equipment_id=booking.equipment_id,
        start=booking.start,
        end=booking.end,
        idempotency_key=booking.id,
        party_id=booking.party_id,
        purpose=booking.purpose,
        head_count=booking.head_count,
        operator_id=booking.operator_id,
        language=booking.language,
    )


def _tidied_visitor(visitor: NewParty) -> NewParty:
    return NewParty(
        company=visitor.company.strip(),
        contact_name=visitor.contact_name.strip(),
        phone=unicodedata.normalize("NFKC", visitor.phone).strip(),
        email=unicodedata.normalize("NFKC", visitor.email).strip(),
        kana=visitor.kana.strip(),
    )


def _instant(value: datetime) -> str:
    # The same instant in another zone is the same wish.
    return str(value.timestamp()) if value.utcoffset() is not None else value.isoformat()
