"""Parties, their people, and what these people are qualified for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from booking.errors import BadInput, UnknownParty, UnknownPerson, UnknownQualification
from booking.model import Party, Person, Qualification, Role
from booking.store import audit
from booking.store.rows import Database, Row, new_id, one, rows, to_ms


def add_party(
    db: Database,
    *,
    name: str,
    now: datetime,
    by: str,
    kana: str = "",
    role: Role = Role.FACTORY,
    phone: str = "",
    email: str = "",
    party_id: str | None = None,
) -> Party:
    """Enter an organisation. Raises BadInput `booking.missing` without a name."""
    _demand(name=name)
    party = Party(party_id or new_id(), name.strip(), kana, role, phone, email)
    db.table("booking_parties").insert(
        {"id": party.id, **_columns(party), "created_at": to_ms(now)}
    )
    audit.note(db, now, by, "add", "party", party.id, became=role)
    return party


def update_party(db: Database, party: Party, now: datetime, by: str, reason: str = "") -> Party:
    """Store changed values of a known party; nothing changed: nothing is written."""
    _demand(name=party.name)
    old = _columns(party_by_id(db, party.id))
    _update(db, "party", party.id, old, _columns(party), now, by, reason)
    return party


def find_party(db: Database, party_id: str) -> Party | None:
    """One party or None."""
    row = one(db, "SELECT * FROM booking_parties WHERE id = :id", id=party_id)
    return None if row is None else _party(row)


def party_by_id(db: Database, party_id: str) -> Party:
    """One party; raises UnknownParty."""
    found = find_party(db, party_id)
    if found is None:
        raise UnknownParty(id=party_id)
    return found


def list_parties(db: Database) -> list[Party]:
    """All parties by name."""
    return [_party(row) for row in rows(db, "SELECT * FROM booking_parties ORDER BY kana, name")]


def add_person(
    db: Database,
    party_id: str,
    *,
    name: str,
    now: datetime,
    by: str,
    kana: str = "",
    role: Role | None = None,
    phone: str = "",
    email: str = "",
    person_id: str | None = None,
) -> Person:
    """Enter somebody of a party, by default in the party's role. Raises UnknownParty, BadInput."""
    _demand(name=name)
    party = party_by_id(db, party_id)
    person = Person(
        person_id or new_id(), party_id, name.strip(), kana, role or party.role, phone, email
    )
    db.table("booking_people").insert(
        {"id": person.id, **_person_columns(person), "created_at": to_ms(now)}
    )
    audit.note(db, now, by, "add", "person", person.id, became=person.role)
    return person


def update_person(db: Database, person: Person, now: datetime, by: str, reason: str = "") -> Person:
    """Store changed values of a known person; nothing changed: nothing is written."""
    _demand(name=person.name)
    old = _person_columns(person_by_id(db, person.id))
    party_by_id(db, person.party_id)
    _update(db, "person", person.id, old, _person_columns(person), now, by, reason)
    return person


def find_person(db: Database, person_id: str) -> Person | None:
    """One person or None."""
    row = one(db, "SELECT * FROM booking_people WHERE id = :id", id=person_id)
    return None if row is None else _person(row)


def person_by_id(db: Database, person_id: str) -> Person:
    """One person; raises UnknownPerson."""
    found = find_person(db, person_id)
    if found is None:
        raise UnknownPerson(id=person_id)
    return found


def people_of(db: Database, party_id: str) -> list[Person]:
    """The people of a party by name."""
    sql = "SELECT * FROM booking_people WHERE party_id = :id ORDER BY kana, name"
    return [_person(row) for row in rows(db, sql, {"id": party_id})]


def add_qualification(
    db: Database,
    person_id: str,
    *,
    qualification_class: str,
    issued_on: date,
    now: datetime,
    by: str,
    expires_on: date | None = None,
    certificate_no: str = "",
) -> Qualification:
    """Enter a certificate. Raises UnknownPerson, BadInput."""
    person_by_id(db, person_id)
    qualification = Qualification(
        new_id(), person_id, qualification_class, issued_on, expires_on, certificate_no
    )
    columns = _qualification_columns(qualification)
    db.table("booking_qualifications").insert({"id": qualification.id, **columns})
    audit.note(db, now, by, "add", "qualification", qualification.id, became=qualification_class)
    return qualification


def update_qualification(
    db: Database, qualification: Qualification, now: datetime, by: str, reason: str = ""
) -> Qualification:
    """Store changed values of a known certificate (to withdraw it, set its last day)."""
    sql = "SELECT * FROM booking_qualifications WHERE id = :id"
    row = one(db, sql, id=qualification.id)
    if row is None:
        raise UnknownQualification(id=qualification.id)
    old = _qualification_columns(_qualification(row))
    new = _qualification_columns(qualification)
    _update(db, "qualification", qualification.id, old, new, now, by, reason)
    return qualification


def qualifications_of(db: Database, person_id: str) -> list[Qualification]:
    """The certificates of a person, oldest first, expired ones included."""
    sql = "SELECT * FROM booking_qualifications WHERE person_id = :id ORDER BY issued_on, id"
    return [_qualification(row) for row in rows(db, sql, {"id": person_id})]


TABLES = {
    "party": "booking_parties",
    "person": "booking_people",
    "qualification": "booking_qualifications",
}


def _update(
    db: Database,
    subject: str,
    row_id: str,
    old: Mapping[str, object],
    new: dict[str, object],
    now: datetime,
    by: str,
    reason: str,
) -> None:
    changed = " ".join(key for key, value in new.items() if old[key] != value)
    if changed:
        db.table(TABLES[subject]).update(row_id, new)
        audit.note(db, now, by, "change", subject, row_id, became=changed, reason=reason)


def _demand(**texts: str) -> None:
    for name, text in texts.items():
        if not text.strip():
            raise BadInput("booking.missing", field=name)


def _columns(who: Party | Person) -> dict[str, object]:
    """What is kept of an organisation and of a person alike."""
    return {
        "name": who.name,
        "kana": who.kana,
        "role": who.role.value,
        "phone": who.phone,
        "email": who.email,
        "active": int(who.active),
    }


def _person_columns(person: Person) -> dict[str, object]:
    return {"party_id": person.party_id, **_columns(person)}


def _qualification_columns(held: Qualification) -> dict[str, object]:
    _demand(qualification_class=held.qualification_class)
    if held.expires_on is not None and held.expires_on < held.issued_on:
        raise BadInput("booking.expires_before_issued")
    return {
        "person_id": held.person_id,
        "qualification_class": held.qualification_class,
        "issued_on": held.issued_on.isoformat(),
        "expires_on": None if held.expires_on is None else held.expires_on.isoformat(),
        "certificate_no": held.certificate_no,
    }


def _fields(row: Row) -> dict[str, Any]:
    """The other way: what `_columns` wrote, and the identity."""
    names = ("id", "name", "kana", "phone", "email")
    read = {name: row[name] for name in names}
    return read | {"role": Role(row["role"]), "active": bool(row["active"])}


def _party(row: Row) -> Party:
    return Party(**_fields(row))


def _person(row: Row) -> Person:
    return Person(party_id=row["party_id"], **_fields(row))


def _qualification(row: Row) -> Qualification:
    expires = row["expires_on"]
    return Qualification(
        id=row["id"],
        person_id=row["person_id"],
        qualification_class=row["qualification_class"],
        issued_on=date.fromisoformat(row["issued_on"]),
        expires_on=None if expires is None else date.fromisoformat(expires),
        certificate_no=row["certificate_no"],
    )
