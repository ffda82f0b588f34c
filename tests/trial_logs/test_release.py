"""A vendor sees what was released and nothing else; files keep no trick of their names."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from tests.trial_logs.day import DRAFT, NOW
from trial_logs.attachments import (
    LONGEST_NAME,
    Attachment,
    AttachmentKind,
    NewFile,
    judged,
    media_type,
    safe_name,
)
from trial_logs.errors import Invalid, Unknown
from trial_logs.model import Condition, Limit, Trial
from trial_logs.protocol import Baseline, Protocol
from trial_logs.release import FIELDS, RunFacts, TrialFacts, checked, vendor_view
from trial_logs.stores import attachments, releases

# Every value of a field is a mark that occurs nowhere else.
MARKS = {
    "title": ["Qtitle"],
    "question": ["Qquestion"],
    "part": ["Qpart"],
    "material": ["Qmaterial"],
    "baseline": ["Qbaseline", "71.0", "7,654,321"],
    "conditions": ["QconditionA", "QfactorA", "QlevelA", "QconditionB"],
    "limits": ["Qwidth", "23.5", "0.375"],
    "parts": ["4011 / 4012 / 4013", "4021 / 4022 / 4023"],
    "yield": ["33.3% [32.5%, 34.2%] (n = 12036)", "(n = 12066)"],
    "cycle_times": ["31.1", "31.7", "64.3", "63.9"],
    "throughput": ["115", "116"],
    "capability": ["5017 / 5018"],
    "energy": ["8.11", "8.22", "0.0911", "0.0922"],
    "comparison": ["1.00", "2.07"],
    "photos": ["release.row.photo"],
}
SECRET = ["Qparty", "Qequipment", "Qbooking", "Qoperator", "T99990101"]
SECRET += ["Qphoto", "Qdrawing", "Qsecret"]


def run_facts(number: int, condition: str, **values: float) -> RunFacts:
    figure = {key: {"value": value, "code": ""} for key, value in values.items()}
    base = 4000 + 10 * number
    return RunFacts(
        number,
        condition,
        simulated=False,
        numbers={
            "condition": condition,
            "operator": "Qoperator",
            "counts": {"good": base + 1, "scrap": base + 2, "rework": base + 3},
            "cycle_time_s": {"n": 3, "mean": figure["mean"], "median": figure["median"]},
            "throughput_per_h": figure["throughput"],
            "energy_kwh": figure["energy"],
            "energy_kwh_per_part": figure["each"],
            "limits": [
                {"limit": {"characteristic": "Qwidth"}, "result": {"within": 5017, "n": 5018}}
            ],
        },
    )


def attached(number: int, name: str, kind: AttachmentKind, media: str) -> Attachment:
    return Attachment(number, "T", NewFile(name, kind, "ab" * 32, 5, media), NOW, "Qoperator")


FACTS = TrialFacts(
    Trial(
        "T99990101-01",
        NOW,
        replace(
            DRAFT,
            booking_id="Qbooking",
            party_id="Qparty",
            equipment_id="Qequipment",
            title="Qtitle",
            question="Qquestion",
            part="Qpart",
            material="Qmaterial",
            baseline="Qbaseline",
            limits=(Limit("Qwidth", 23.5, 0.375, "mm", "Qsecret"),),
            conditions=(
                Condition("QconditionA", {"QfactorA": "QlevelA"}),
                Condition("QconditionB"),
            ),
            protocol=Protocol(
                baseline=Baseline(
                    method="Qsecret", cycle_time_s=71.0, yearly_volume=7_654_321, source="Qsecret"
                )
            ),
        ),
    ),
    (
        run_facts(1, "QconditionA", mean=31.1, median=31.7, throughput=115.0,
                  energy=8.11, each=0.0911),
        run_facts(2, "QconditionB", mean=64.3, median=63.9, throughput=116.0,
                  energy=8.22, each=0.0922),
    ),
    (
        attached(1, "Qphoto.png", AttachmentKind.PHOTO, "image/png"),
        attached(2, "Qdrawing.pdf", AttachmentKind.DRAWING, "application/pdf"),
        attached(3, "Qsecret.png", AttachmentKind.DRAWING, "image/png"),
    ),
)  # fmt: skip


def shown(fields: set[str]) -> str:
    """Everything a view holds, as text."""
    view = vendor_view(FACTS, fields)
    return json.dumps(
        [
            [
                section.field,
                section.photos,
                [(row.label, row.value, row.params) for row in section.rows],
            ]
            for section in view.sections
        ],
        ensure_ascii=False,
    )


def test_every_field_has_marks_and_shows_them() -> None:
    assert set(MARKS) == set(FIELDS)
    for field, marks in MARKS.items():
        found = shown({field})
        assert [mark for mark in marks if mark not in found] == [], field


@settings(max_examples=150, deadline=None)
@given(st.sets(st.sampled_from(sorted(FIELDS))))
def test_nothing_but_what_was_released_is_in_the_view(fields: set[str]) -> None:
    found = shown(fields)
    hidden = [mark for field in set(MARKS) - fields for mark in MARKS[field]] + SECRET
    assert [mark for mark in hidden if mark in found] == []
    assert [section.field for section in vendor_view(FACTS, fields).sections] == [
        field for field in FIELDS if field in fields
    ]


def test_a_limit_is_named_only_where_limits_are_released() -> None:
    alone, named = (
        vendor_view(FACTS, fields).sections[-1].rows[0]
        for fields in (["capability"], ["limits", "capability"])
    )
    assert (alone.label, alone.params) == ("release.row.within", {"run": "1", "place": "1"})
    assert (named.label, named.params) == (
        "release.row.within_named", {"run": "1", "name": "Qwidth"},
    )  # fmt: skip


def test_all_good_parts_are_never_told_without_how_many() -> None:
    few = RunFacts(1, "A", simulated=False, numbers={"counts": {"good": 3}})
    (section,) = vendor_view(TrialFacts(FACTS.trial, (few,)), ["yield"]).sections
    assert [row.value for row in section.rows] == ["100.0% [43.9%, 100.0%] (n = 3)"]
    (none,) = vendor_view(TrialFacts(FACTS.trial, (replace(few, numbers={}),)), ["yield"]).sections
    assert none.rows == ()


def test_nothing_is_the_default_and_the_simulated_flag_always_travels() -> None:
    assert vendor_view(FACTS, ()).sections == ()
    simulated = replace(FACTS, runs=(replace(FACTS.runs[0], simulated=True), FACTS.runs[1]))
    assert vendor_view(simulated, ["title"]).simulated
    assert not vendor_view(FACTS, ["title"]).simulated
    assert checked(["part", "part"]) == ("part",)
    with pytest.raises(Invalid) as refused:
        checked(["part", "operator", "drawings"])
    assert [each.params["field"] for each in refused.value.problems] == ["operator", "drawings"]


def test_a_link_opens_while_it_stands_and_leaves_no_token(lab: Database) -> None:
    trial = "T20261120-01"
    releases.release(lab, trial, ["part", "yield"], "staff", NOW)
    releases.release(lab, trial, ["part"], "staff", NOW)
    releases.new_link(lab, trial, "first", "staff", NOW)
    releases.new_link(lab, trial, "second", "staff", NOW)
    assert [releases.trial_of_link(lab, token) for token in ("first", "second", "", "\ud800")] == [
        None, trial, None, None,
    ]  # fmt: skip
    assert "second" not in "".join(lab.conn.iterdump())
    releases.revoke(lab, trial, ["part"], "staff", NOW)
    assert [each.field for each in releases.released(lab, trial)] == ["yield"]
    assert releases.trial_of_link(lab, "second") == trial
    releases.revoke(lab, trial, ["yield"], "staff", NOW)
    assert releases.trial_of_link(lab, "second") is None
    kept = lab.execute("SELECT field, revoked_by FROM trial_release ORDER BY id").fetchall()
    assert kept == [("part", "staff"), ("yield", "staff")]


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\lab.toml", "lab.toml"),
        ("C:\\図面\\治具.pdf", "治具.pdf"),
        ("..", "file"),
        ("", "file"),
        (".hidden", "hidden"),
        ("見積\u202egnp.exe", "見積gnp.exe"),
        ("a\x00b\nc.txt", "a_b_c.txt"),
        ('a"b<c>.png', "a_b_c_.png"),
        ("x" * 200 + ".png", "x" * 76 + ".png"),
        ("図" * 200, "図" * 80),
        ("ガ.png".replace("ガ", "カ\u3099"), "ガ.png"),
    ],
)
def test_a_name_keeps_no_trick(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_any_name_becomes_one_that_every_disk_takes(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe) <= LONGEST_NAME
    assert len(safe.encode()) <= 255
    assert not set('/\\<>:"|?*') & set(safe)
    assert safe == safe.strip(". ")
    assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs") for char in safe)


def test_images_and_pdf_must_be_what_they_say() -> None:
    assert judged("a.png", AttachmentKind.PHOTO, PNG).media_type == "image/png"
    assert judged("見積.pdf", AttachmentKind.QUOTE, b"%PDF-1.7\n").media_type == "application/pdf"
    assert media_type(b"<html><script>") == "application/octet-stream"
    for name, kind, content, code in (
        ("a.png", AttachmentKind.PHOTO, b"MZ\x90\0", "trial.attachment_not_what_it_says"),
        ("a.pdf", AttachmentKind.QUOTE, PNG, "trial.attachment_not_what_it_says"),
        ("a.txt", AttachmentKind.PHOTO, b"hello", "trial.attachment_no_photo"),
        ("a.txt", AttachmentKind.OTHER, b"", "trial.attachment_empty"),
    ):
        with pytest.raises(Invalid) as refused:
            judged(name, kind, content)
        assert [each.code for each in refused.value.problems] == [code]


def test_files_of_a_trial_are_listed_once(lab: Database) -> None:
    trial = "T20261120-01"
    file = judged("a.png", AttachmentKind.PHOTO, PNG)
    first = attachments.add(lab, trial, file, "staff", NOW)
    assert attachments.add(lab, trial, replace(file, name="b.png"), "staff", NOW) == first
    assert attachments.attachments_of(lab, trial) == [first]
    assert attachments.attachment(lab, trial, first.number) == first
    for wanted in ((trial, 99), ("T1", first.number)):
        with pytest.raises(Unknown, match=r"trial\.unknown_attachment"):
            attachments.attachment(lab, *wanted)
    with pytest.raises(Unknown, match=r"trial\.unknown"):
        attachments.add(lab, "../..", file, "staff", NOW)
