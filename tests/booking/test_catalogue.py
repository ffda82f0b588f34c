"""The tables say what the configuration says; what is gone is retired, never lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlite_utils import Database

from booking import desk
from booking.calendar import LabCalendar
from booking.errors import BadInput, BookingRefused, UnknownEquipment, UnknownOutage
from booking.hours import ALWAYS_OPEN
from booking.model import Text
from booking.store import audit, catalogue
from tests.booking.samples import CALENDAR, NOW, PRINTER, ROBOT, tokyo, wish

LATER = NOW + timedelta(days=1)


def test_what_was_synced_is_read_back_the_same(db: Database) -> None:
    assert catalogue.list_equipment(db) == [PRINTER, ROBOT]
    assert catalogue.equipment_by_id(db, "cobot-1") == ROBOT


def test_syncing_again_writes_nothing(db: Database) -> None:
    before = db.table("booking_audit").count
    catalogue.sync_catalogue(db, [PRINTER, ROBOT], LATER)
    assert db.table("booking_audit").count == before


def test_a_change_is_stored_and_named(db: Database) -> None:
    changed = replace(
        PRINTER, name=Text("新しい台", "New bench"), capabilities=PRINTER.capabilities[:1]
    )
    catalogue.sync_catalogue(db, [changed, ROBOT], LATER)
    assert catalogue.equipment_by_id(db, "fdm-1") == changed
    assert audit.history(db, "fdm-1")[-1].became == "name_ja name_en capabilities"


def test_what_is_gone_is_retired_and_may_come_back(db: Database) -> None:
    catalogue.sync_catalogue(db, [ROBOT], LATER)
    assert catalogue.list_equipment(db) == [ROBOT]
    assert replace(PRINTER, retired=True) in catalogue.list_equipment(db, retired=True)
    with pytest.raises(BookingRefused) as caught:
        desk.request_booking(db, wish(), CALENDAR, NOW, "portal")
    assert [problem.code for problem in caught.value.problems] == ["booking.equipment_retired"]
    catalogue.sync_catalogue(db, [ROBOT], LATER)
    catalogue.sync_catalogue(db, [PRINTER, ROBOT], LATER)
    assert not catalogue.equipment_by_id(db, "fdm-1").retired
    whats = [entry.what for entry in audit.history(db, "fdm-1")]
    assert whats == ["add", "retire", "change"]


def test_unknown_equipment_has_its_code(db: Database) -> None:
    with pytest.raises(UnknownEquipment):
        catalogue.equipment_by_id(db, "nothing")
    with pytest.raises(UnknownEquipment):
        catalogue.add_outage(db, "nothing", NOW, None, "", NOW, "staff:t")


def test_an_outage_stands_in_the_way_until_it_ends(db: Database) -> None:
    outage = catalogue.add_outage(db, "fdm-1", NOW, None, "ノズル詰まり", NOW, "staff:t")
    assert [p.code for p in desk.check(db, wish(), CALENDAR, NOW)] == ["booking.outage"]
    ended = catalogue.end_outage(db, outage.id, tokyo("2026-11-20 12:00"), "staff:t")
    assert ended.end == tokyo("2026-11-20 12:00")
    assert desk.check(db, wish(), CALENDAR, NOW) == []
    assert catalogue.end_outage(db, outage.id, LATER, "staff:t") == ended
    assert [entry.what for entry in audit.history(db, outage.id)] == ["add", "end"]


def test_a_planned_outage_called_off_before_it_began_takes_no_time(db: Database) -> None:
    outage = catalogue.add_outage(
        db, "fdm-1", LATER, LATER + timedelta(hours=1), "点検", NOW, "staff:t", planned=True
    )
    assert catalogue.end_outage(db, outage.id, NOW, "staff:t").end == LATER
    assert catalogue.outages_between(db, NOW, LATER + timedelta(days=1), "cobot-1") == []


def test_outages_are_found_by_time_and_equipment(db: Database) -> None:
    one = catalogue.add_outage(db, "fdm-1", NOW, LATER, "点検", NOW, "staff:t", planned=True)
    assert catalogue.outages_between(db, NOW, LATER) == [one]
    assert catalogue.outages_between(db, LATER, LATER + timedelta(hours=1)) == []
    assert catalogue.outages_between(db, NOW, LATER, "cobot-1") == []


def test_bad_outages_are_refused(db: Database) -> None:
    with pytest.raises(BadInput) as caught:
        catalogue.add_outage(db, "fdm-1", NOW, NOW, "", NOW, "staff:t")
    assert caught.value.code == "booking.end_before_start"
    with pytest.raises(UnknownOutage):
        catalogue.end_outage(db, "nothing", NOW, "staff:t")


def test_the_views_follow_the_labs_zone(db: Database) -> None:
    desk.request_booking(db, wish(), CALENDAR, NOW, "portal")
    berlin = LabCalendar(ALWAYS_OPEN, zone="Europe/Berlin")
    catalogue.sync_lab(db, berlin, NOW)
    (row,) = db.query("SELECT starts FROM booking_schedule")
    assert row["starts"] == "05:00"
    count = db.table("booking_audit").count
    catalogue.sync_lab(db, berlin, NOW)
    assert db.table("booking_audit").count == count
