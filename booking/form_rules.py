"""Rules about who asks and what was written into the form; they need no equipment."""

from __future__ import annotations

from collections.abc import Iterator

from booking.errors import Problem
from booking.facts import Facts, FormRule
from booking.model import LANGUAGES, BookingRequest, NewParty, Person

TEXT_LIMITS = {"purpose": 2000, "company": 200, "kana": 200, "contact_name": 100}


def aware(request: BookingRequest, facts: Facts) -> Iterator[Problem]:
    for name, value in (("start", request.start), ("end", request.end)):
        if value.utcoffset() is None:
            yield Problem("booking.naive_time", field=name)


def party(request: BookingRequest, facts: Facts) -> Iterator[Problem]:
    if (request.party_id is None) == (request.new_party is None):
        yield Problem("booking.party_missing", field="party")
    elif request.party_id is not None and facts.party is None:
        yield Problem("booking.unknown_party", {"id": request.party_id}, field="party")
    elif facts.party is not None and not facts.party.active:
        yield Problem("booking.party_inactive", {"name": facts.party.name}, field="party")


def _contact(request: BookingRequest, facts: Facts) -> Iterator[Problem]:
    visitor = request.new_party
    if visitor is None:
        return
    for name in ("company", "contact_name"):
        if not getattr(visitor, name).strip():
            yield Problem("booking.missing", {"field": name}, field=name)
    if not visitor.phone.strip() and not visitor.email.strip():
        yield Problem("booking.contact_missing", field="phone")
    yield from _reachable(visitor)


def _reachable(visitor: NewParty) -> Iterator[Problem]:
    phone, email = visitor.phone.strip(), visitor.email.strip()
    digits = sum(letter.isdecimal() for letter in phone)
    if phone and (not 9 <= digits <= 15 or len(phone) > 40):
        yield Problem("booking.bad_phone", field="phone")
    local, _, domain = email.rpartition("@")
    blank = any(letter.isspace() for letter in email)
    if email and (not local or "." not in domain.strip(".") or blank or len(email) > 254):
        yield Problem("booking.bad_email", field="email")


def _texts(request: BookingRequest, facts: Facts) -> Iterator[Problem]:
    holders = (request, request.new_party)
    for name, limit in TEXT_LIMITS.items():
        longest = max(len(getattr(holder, name, "")) for holder in holders)
        if longest > limit:
            params = {"field": name, "limit": str(limit)}
            yield Problem("booking.text_too_long", params, field=name)
    if request.language not in LANGUAGES:
        yield Problem("booking.unknown_language", {"language": request.language}, field="language")
    if not 8 <= len(request.idempotency_key) <= 200:
        yield Problem("booking.bad_key", field="idempotency_key")


def _operator_known(request: BookingRequest, facts: Facts) -> Iterator[Problem]:
    if request.operator_id is not None:
        yield from unfit_operator(request.operator_id, facts.operator, request.party_id)


def unfit_operator(
    operator_id: str, operator: Person | None, party_id: str | None
) -> Iterator[Problem]:
    """Why this person cannot be named as the operator of the party's booking."""
    if operator is None or not operator.active:
        yield Problem("booking.unknown_operator", {"id": operator_id}, field="operator")
    elif operator.party_id != party_id:
        yield Problem("booking.operator_of_other_party", {"name": operator.name}, field="operator")


FORM_RULES: tuple[FormRule, ...] = (party, _contact, _texts, _operator_known)
