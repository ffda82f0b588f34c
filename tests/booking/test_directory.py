"""Parties, people and certificates are entered and changed; the audit holds no personal value."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlite_utils import Database

from booking.errors import BadInput, UnknownParty, UnknownPerson, UnknownQualification
from booking.model import Role
from booking.store import audit, directory
from tests.booking.samples import NOW


def test_a_party_is_entered_and_changed(db: Database) -> None:
    party = directory.add_party(db, name=" ロボ商会 ", role=Role.VENDOR, now=NOW, by="staff:t")
    assert party.name == "ロボ商会"
    changed = replace(party, active=False, phone="03-1111-2222")
    directory.update_party(db, changed, NOW, "staff:t", "退会")
    assert directory.party_by_id(db, party.id) == changed
    last = audit.history(db, party.id)[-1]
    assert (last.became, last.reason) == ("phone active", "退会")
    assert changed in directory.list_parties(db)


def test_a_person_takes_the_partys_role_unless_told(db: Database) -> None:
    vendor = directory.add_party(db, name="ロボ商会", role=Role.VENDOR, now=NOW, by="staff:t")
    one = directory.add_person(db, vendor.id, name="一郎", now=NOW, by="staff:t")
    two = directory.add_person(db, vendor.id, name="次郎", role=Role.STAFF, now=NOW, by="staff:t")
    assert (one.role, two.role) == (Role.VENDOR, Role.STAFF)
    assert directory.people_of(db, vendor.id) == [one, two]
    moved = replace(one, party_id="sakura")
    assert directory.update_person(db, moved, NOW, "staff:t") == directory.person_by_id(db, one.id)


def test_a_change_of_nothing_is_no_change(db: Database) -> None:
    before = db.table("booking_audit").count
    directory.update_party(db, directory.party_by_id(db, "sakura"), NOW, "staff:t")
    directory.update_person(db, directory.person_by_id(db, "hana"), NOW, "staff:t")
    assert db.table("booking_audit").count == before


def test_a_certificate_can_be_withdrawn_by_its_last_day(db: Database) -> None:
    (held,) = directory.qualifications_of(db, "hana")
    ended = replace(held, expires_on=date(2026, 11, 19))
    directory.update_qualification(db, ended, NOW, "staff:t", "講習未受講")
    assert directory.qualifications_of(db, "hana") == [ended]
    open_ended = directory.add_qualification(
        db,
        "hana",
        qualification_class="robot_teaching",
        issued_on=date(2026, 1, 1),
        now=NOW,
        by="staff:t",
        certificate_no="31-0001",
    )
    assert open_ended in directory.qualifications_of(db, "hana")


def test_what_is_missing_is_named(db: Database) -> None:
    with pytest.raises(BadInput) as caught:
        directory.add_party(db, name=" ", now=NOW, by="staff:t")
    assert (caught.value.code, caught.value.params) == ("booking.missing", {"field": "name"})
    with pytest.raises(BadInput):
        directory.add_person(db, "sakura", name="", now=NOW, by="staff:t")
    with pytest.raises(BadInput) as caught:
        directory.add_qualification(
            db,
            "hana",
            qualification_class="x",
            issued_on=date(2026, 1, 2),
            expires_on=date(2026, 1, 1),
            now=NOW,
            by="staff:t",
        )
    assert caught.value.code == "booking.expires_before_issued"


def test_unknown_rows_have_their_codes(db: Database) -> None:
    (held,) = directory.qualifications_of(db, "hana")
    party, person = directory.party_by_id(db, "sakura"), directory.person_by_id(db, "hana")
    with pytest.raises(UnknownParty):
        directory.update_party(db, replace(party, id="who"), NOW, "staff:t")
    with pytest.raises(UnknownParty):
        directory.add_person(db, "who", name="名前", now=NOW, by="staff:t")
    with pytest.raises(UnknownParty):
        directory.update_person(db, replace(person, party_id="who"), NOW, "staff:t")
    with pytest.raises(UnknownPerson):
        directory.update_person(db, replace(person, id="who"), NOW, "staff:t")
    with pytest.raises(UnknownPerson):
        directory.add_qualification(
            db, "who", qualification_class="x", issued_on=date(2026, 1, 1), now=NOW, by="staff:t"
        )
    with pytest.raises(UnknownQualification):
        directory.update_qualification(db, replace(held, id="who"), NOW, "staff:t")


def test_names_and_numbers_stay_out_of_the_audit(db: Database) -> None:
    written = " ".join(str(row) for row in db.table("booking_audit").rows)
    assert "サクラ" not in written
    assert "佐倉" not in written
    assert "03-0000" not in written
