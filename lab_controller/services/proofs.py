"""Proving what the lab keeps and what it gave away, from its files alone; nothing is written.

A record is proved against the heads lab.db took, a file against the digest lab.db took when it
was made. A file that differs is made again from the record of that time, which tells the place.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from lab_controller.database import Database, connect, storage_of
from lab_controller.errors import LabError
from lab_controller.services.archives import is_archive, unpacked
from lab_controller.services.reports import Order, evidence_of, write_files
from lab_controller.spoken_of import trial_in
from trial_logs import record, store
from trial_logs.chain import last_segment
from trial_logs.digest import Mark, RunEnd, read_mark, trial_digest
from trial_logs.errors import ReportFailed
from trial_logs.exports.differences import Place, first_place, first_value
from trial_logs.exports.folder import FILES, PDF
from trial_logs.exports.package import sha256_of
from trial_logs.plan_versions import as_of, changed_keys, digest, draft_of, plan_json
from trial_logs.proof import Difference, cut, first_cell, heads_of, verify
from trial_logs.stores.reports import MadeReport, made_with, reports_of
from trial_logs.summary import numbers_json, summarise

Found = dict[str, list[Difference]]

NUMBER = re.compile(r"T[\d-]+(-R\d+)?")
"""What the number of a trial or a run looks like, known or not."""


class NotARecord(LabError):
    """The file named as another copy holds no run."""

    code = "lab.not_a_record"


class NoSuchThing(LabError):
    """What was named is no file here and no trial's or run's number."""

    code = "lab.no_such_thing"


class NothingToProve(LabError):
    """The folder named holds no file."""

    code = "lab.nothing_to_prove"


def prove(lab: Database, data_dir: Path, what: str) -> Found:
    """Every difference, by run id and file name; `what` is a trial, a run, a printed code, a file
    or a folder of files.

    Raises Unknown for a trial or run that is not there, NoSuchThing for any other name,
    NothingToProve.
    """
    mark = read_mark(what)
    if mark is not None:
        return _prove_mark(lab, data_dir, mark)
    path = Path(what)
    if path.is_dir():
        files, found = sorted(each for each in path.iterdir() if each.is_file()), Found()
        if not files:
            raise NothingToProve(folder=path)
        for file in files:
            found |= _prove_file(lab, data_dir, file, found)
        return found
    if path.is_file():
        return _prove_file(lab, data_dir, path, {})
    if NUMBER.fullmatch(what) is None:
        raise NoSuchThing(what=what)
    return {run: _prove_run(lab, data_dir, run) for run in runs_of(lab, what)}


def runs_of(lab: Database, what: str) -> list[str]:
    """The runs of a trial that have begun, or the one run of that id. Raises Unknown."""
    if "-R" in what:
        return [store.get_run(lab, what).id]
    trial = store.get_trial(lab, what)
    return [run.id for run in store.list_runs(lab, trial.id) if run.started is not None]


def compare(lab: Database, data_dir: Path, run: str, copy: Path) -> list[Difference]:
    """The first cell in which a run's record differs from another copy of it, which must itself
    be what was recorded. Raises NotARecord, Unknown."""
    heads = [head.head for head in store.recorded_heads(lab, store.get_run(lab, run).id)]
    with ExitStack() as stack:
        kept, now = (
            stack.enter_context(closing(connect(each, read_only=True)))
            for each in (copy, evidence_of(data_dir, run))
        )
        with storage_of(copy):
            if last_segment(kept) is None:
                raise NotARecord(file=copy)
        told = first_cell(kept, now)
        if told is None:
            return verify(now, heads)
        wrong = [each for each in verify(kept, heads) if each.code != SHORT]
        return (
            [Difference("evidence.copy_differs", {"file": copy.name}), *wrong] if wrong else [told]
        )


BYTE = "byte "
"""How a place begins that only a program can find."""

TODAY = datetime.max.replace(tzinfo=UTC)
"""After every change of a plan."""

SHORT = "evidence.head_missing"
"""What verify says of a good copy that was taken before the last correction."""


class Recomputed(NamedTuple):
    """What differs; `older` where only the numbers an earlier release knew were compared."""

    differences: list[Difference]
    older: bool = False


def recompute(lab: Database, data_dir: Path, run: str) -> Recomputed:
    """Compute a run's numbers again from its record as lab.db took it; the first that differs."""
    heads = store.recorded_heads(lab, store.get_run(lab, run).id)
    if not heads:
        return Recomputed([Difference("evidence.not_closed", {"run": run})])
    path = evidence_of(data_dir, run)
    if not path.exists():
        return Recomputed([Difference("evidence.missing_file", {"run": run})])
    taken = heads[-1]
    with _as_of(data_dir, RunEnd(run, taken.segments, taken.head)) as place:
        if place is None:
            return Recomputed([Difference("evidence.head_missing", {"head": taken.head[:12]})])
        with closing(connect(place, read_only=True)) as db:
            text = numbers_json(summarise(db))
    if text == taken.numbers:
        return Recomputed([])
    before, after = json.loads(taken.numbers), json.loads(text)
    # an earlier release knew fewer numbers; those it had must be the same
    older = before.get("format") != after.get("format")
    told = first_value(before, after, older=older)
    if told is None and older:
        return Recomputed([], older=True)
    where = (told or Place("–", "", ""))._asdict()
    return Recomputed([Difference("evidence.number_changed", {"run": run, **where})])


def _prove_run(lab: Database, data_dir: Path, run: str) -> list[Difference]:
    heads = [head.head for head in store.recorded_heads(lab, run)]
    if not heads:
        return [Difference("evidence.not_closed", {"run": run})]
    path = evidence_of(data_dir, run)
    if not path.exists():
        return [Difference("evidence.missing_file", {"run": run})]
    with closing(connect(path, read_only=True)) as evidence:
        return verify(evidence, heads) or list(_plan_differences(lab, evidence))


def _plan_differences(lab: Database, evidence: Database) -> Iterator[Difference]:
    """Whether lab.db still holds, word for word, the plan a run's record says it began under.

    And whether the plan the lab works by is its newest version. Books that keep no version of a
    plan, as those of an earlier release, say nothing of it.
    """
    header = record.read_header(evidence)
    trial = store.get_trial(lab, header.trial_id)
    if not trial.versions:
        return
    kept = {digest(each.plan) for each in trial.versions}
    if header.plan_sha256 and header.plan_sha256 not in kept:
        params = {"run": header.run_id, "sha256": header.plan_sha256[:12]}
        yield Difference("evidence.plan_missing", params)
    newest = trial.versions[-1].plan
    if draft_of(newest) != trial.draft:
        keys = changed_keys(newest, plan_json(trial.draft))
        params = {"run": header.run_id, "key": ", ".join(keys)}
        yield Difference("evidence.plan_differs", params)


def _prove_mark(lab: Database, data_dir: Path, mark: Mark) -> Found:
    """A printed code: of the trial as it stands, or as it stood when a report was made."""
    found: Found = {run: _prove_run(lab, data_dir, run) for run in runs_of(lab, mark.trial_id)}
    now = [_end_of(data_dir, run) for run in found]
    if trial_digest(mark.trial_id, [each for each in now if each]) == mark.digest:
        return found
    for made in reports_of(lab, mark.trial_id):
        if made.digest == mark.digest:
            return found | {mark.trial_id: _ends_missing(data_dir, made)}
    return found | {mark.trial_id: [Difference("report.digest_unknown", {"trial": mark.trial_id})]}


def _prove_archive(lab: Database, data_dir: Path, archive: Path, known: Found) -> Found:
    """The archive itself, then each file in it as if it lay there by itself."""
    with tempfile.TemporaryDirectory() as folder:
        files, told = unpacked(archive, Path(folder))
        found: Found = {archive.name: told}
        for file in files:
            proved = _prove_file(lab, data_dir, file, known | found)
            if proved[file.name]:
                params = {"file": archive.name, "name": file.name}
                told.append(Difference("report.member_changed", params))
            proved[f"{archive.name}/{file.name}"] = proved.pop(file.name)
            found |= proved
        return found


def _prove_file(lab: Database, data_dir: Path, file: Path, known: Found) -> Found:
    if is_archive(file):
        return _prove_archive(lab, data_dir, file, known)
    made = next(iter(made_with(lab, sha256_of(file))), None)
    told = [] if made is None else _ends_missing(data_dir, made)
    if made is None:
        made, told = _made_unnoted(lab, data_dir, file)
    if made is None:
        return {file.name: told}
    runs = [end.run_id for end in made.ends if end.run_id not in known]
    proved = {run: _prove_run(lab, data_dir, run) for run in runs}
    return {file.name: told, **proved}


def _made_unnoted(
    lab: Database, data_dir: Path, file: Path
) -> tuple[MadeReport | None, list[Difference]]:
    """What a file of which lab.db took no note was made as, else where it first differs.

    An export writes nothing into lab.db: such a file is proved by making it again from the
    record of today.
    """
    places: list[tuple[tuple[int, int], Difference]] = []
    candidates = list(_candidates(lab, data_dir, file))
    same_again: set[tuple[str, tuple[RunEnd, ...]]] = set()
    for made, name, sha256 in candidates:
        if not sha256 and (made.language, made.ends) in same_again:
            continue
        with tempfile.TemporaryDirectory() as folder:
            again = _make_again(lab, data_dir, made, name, Path(folder))
            if again is None or (sha256 and sha256_of(again) != sha256):
                continue
            place = first_place(again, file)
        same_again.add((made.language, made.ends))
        if place is None:
            return made, []
        params = {"file": file.name, "trial": made.trial_id, **place._asdict()}
        code = "report.changed" if sha256 else "report.differs_now"
        if place.where.startswith(BYTE):
            code, params["where"] = f"{code}_byte", place.where.removeprefix(BYTE)
        places.append((_depth(place), Difference(code, params)))
    if places:
        return None, [max(places, key=lambda each: each[0])[1]]
    code = "report.changed_somewhere" if candidates else "report.not_made_here"
    return None, [Difference(code, {"file": file.name})]


def _candidates(lab: Database, data_dir: Path, file: Path) -> Iterator[tuple[MadeReport, str, str]]:
    """What a file may have been made as, by the end of its name: the files lab.db took note of
    with their digest, then one made today in each language that was ever printed, without."""
    trial = trial_in(file)
    if not trial:
        return
    kept = reports_of(lab, trial)
    for made in kept:
        sums = {one.name: one.sha256 for one in made.files}
        if name := _longest_end(file, sums):
            yield made, name, sums[name]
    name = _longest_end(file, (PDF, *FILES))
    found = [_end_of(data_dir, run) for run in runs_of(lab, trial)]
    ends = tuple(end for end in found if end is not None)
    for made in {made.language: made for made in reversed(kept)}.values():
        if name:
            yield replace(made, ends=ends, made=TODAY), name, ""


def _longest_end(file: Path, names: Iterable[str]) -> str:
    return max((name for name in names if file.name.endswith(name)), key=len, default="")


def _depth(place: Place) -> tuple[int, int]:
    """How far one had to read: the nearer of two makings differs the later."""
    numbers = re.findall(r"\d+", place.where)
    return (not place.where.startswith(BYTE), int(numbers[0]) if numbers else 0)


def _make_again(
    lab: Database, data_dir: Path, made: MadeReport, name: str, folder: Path
) -> Path | None:
    """The file as it was made, from the record of that time; None where that is not possible."""
    with ExitStack() as stack:
        places = [stack.enter_context(_as_of(data_dir, end)) for end in made.ends]
        evidence = tuple(place for place in places if place is not None)
        if len(evidence) < len(places):
            return None
        order = Order(
            trial=as_of(store.get_trial(lab, made.trial_id), made.made),
            evidence=evidence,
            names=made.inputs["names"],
            devices=made.inputs["devices"],
            zone=made.inputs["zone"],
            language=made.language,
            folder=folder,
            formats=[FILES.get(name, "pdf")],
            fonts=tuple(Path(font) for font in made.inputs.get("fonts", ())),
        )
        try:
            write_files(order)
        except ReportFailed:
            return None
    return folder / name if (folder / name).exists() else None


@contextmanager
def _as_of(data_dir: Path, end: RunEnd) -> Iterator[Path | None]:
    """A file with the record of a run as it stood at an end; None where it never stood so."""
    path = evidence_of(data_dir, end.run_id)
    now = _end_of(data_dir, end.run_id)
    if now == end:
        yield path
        return
    if not _has(path, end):
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        with closing(connect(path, read_only=True)) as whole, closing(connect(copy)) as part:
            whole.conn.backup(part.conn)
            cut(part, end.segments)
        yield copy


def _ends_missing(data_dir: Path, made: MadeReport) -> list[Difference]:
    """Ends a report was made from that its runs' records do not hold."""
    return [
        Difference("evidence.head_missing", {"head": end.head[:12]})
        for end in made.ends
        if not _has(evidence_of(data_dir, end.run_id), end)
    ]


def _has(path: Path, end: RunEnd) -> bool:
    heads = _ends_of(path)
    return end.segments <= len(heads) and heads[end.segments - 1] == end.head


def _ends_of(path: Path) -> list[str]:
    if not path.exists():
        return []
    with closing(connect(path, read_only=True)) as db, storage_of(path):
        return heads_of(db)


def _end_of(data_dir: Path, run: str) -> RunEnd | None:
    heads = _ends_of(evidence_of(data_dir, run))
    return RunEnd(run, len(heads), heads[-1]) if heads else None
