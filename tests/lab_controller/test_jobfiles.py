"""Job files: checked before they are kept, found by what is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_controller import jobfiles
from lab_controller.jobfiles import FileTooLarge, GcodeRefused, JobFiles, UnknownGcode

GOOD = b"; a jig\nG28\nG1 X10 Y10 F1200\nM104 S0\n"


@pytest.fixture
def files(tmp_path: Path) -> JobFiles:
    return JobFiles(tmp_path / "gcode")


def test_a_sound_file_is_kept_byte_for_byte(files: JobFiles) -> None:
    kept = files.keep("jig.gcode", GOOD)
    assert (kept.name, kept.lines) == ("jig.gcode", 3)
    assert kept.path.read_bytes() == GOOD
    assert files.get(kept.id) == kept
    assert files.keep("again.gcode", GOOD).id == kept.id


def test_a_line_that_may_not_be_sent_refuses_the_file(files: JobFiles) -> None:
    with pytest.raises(GcodeRefused) as refused:
        files.keep("bad.gcode", GOOD + b"M500\nM502\n")
    assert [problem.line for problem in refused.value.problems] == [5, 6]
    assert refused.value.params == {"count": "2", "line": "5", "text": "M500"}
    assert files.all() == []


def test_a_file_past_the_limit_is_refused(files: JobFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobfiles, "LARGEST_BYTES", len(GOOD))
    files.keep("just.gcode", GOOD)
    with pytest.raises(FileTooLarge):
        files.keep("more.gcode", GOOD + b"\n")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("治具 1.gcode", "治具 1.gcode"),
        ("a\nb<c>.gcode", "a_b_c_.gcode"),
        ("", "job.gcode"),
        ("x" * 200, "x" * 80),
    ],
)
def test_a_name_is_only_a_name(files: JobFiles, given: str, shown: str) -> None:
    kept = files.keep(given, GOOD)
    assert kept.name == shown
    assert kept.path.parent == files._folder


@pytest.mark.parametrize("id", ["nobody", "../lab", "0" * 16, ""])
def test_a_file_nobody_kept_is_unknown(files: JobFiles, id: str) -> None:
    with pytest.raises(UnknownGcode):
        files.get(id)


def test_all_files_by_name(files: JobFiles) -> None:
    files.keep("b.gcode", GOOD)
    files.keep("a.gcode", GOOD + b"G28\n")
    assert [one.name for one in files.all()] == ["a.gcode", "b.gcode"]
    assert [one.name for one in JobFiles(files._folder).all()] == ["a.gcode", "b.gcode"]
