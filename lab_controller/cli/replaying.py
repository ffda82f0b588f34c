"""`machikoba trial replay`: what happened in a run, from its record alone, without a lab."""

from __future__ import annotations

import glob
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Bell
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import click

from booking.store import catalogue
from lab_controller.cli.door import REFUSED, complain, refusal, shared
from lab_controller.database import StorageFailed, connect, storage_of
from lab_controller.i18n import say, text
from lab_controller.replay_words import cause_names, event_words, word
from trial_logs.errors import TrialError
from trial_logs.model import Verdict
from trial_logs.replay import Event, Moment, Replay
from trial_logs.shown import with_unit
from trial_logs.stamps import from_us

TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d{1,6})?)")
SECOND_US = 1_000_000
USUAL_ZONE = "Asia/Tokyo"

wait: Callable[[float], object] = Bell().wait


@dataclass(frozen=True, slots=True)
class Teller:
    """Says what a replay shows, in one language and in the lab's zone."""

    replay: Replay
    zone: ZoneInfo
    lang: str
    as_json: bool

    def head(self) -> None:
        """Whose record this is, and aloud whether it is a simulated one.

        It goes where the values go; with --json each object says so itself.
        """
        if self.as_json:
            return
        header, (first, last) = self.replay.header, self.replay.span
        told = {
            "run": header.run_id,
            "condition": header.condition.name,
            "start": f"{from_us(first).astimezone(self.zone):%Y-%m-%d %H:%M:%S}",
            "length": offset(last - first),
        }
        click.echo(f"# {text(self.lang, 'cli.replay_head', told)}")
        if header.simulated:
            click.echo(f"# {text(self.lang, 'cli.replay_simulated')}")

    def event(self, event: Event) -> None:
        """One line; with --json one object a line."""
        words = event_words(event, self.lang, cause_names(self.replay.header))
        if self.as_json:
            row = {**self._when(event.t_us), "kind": event.kind, "no": event.no}
            row |= {"facts": dict(event.facts), "text": words}
            self._object(row)
            return
        at = from_us(event.t_us).astimezone(self.zone)
        click.echo(
            f"{self._offset(event.t_us)}  {at:%H:%M:%S}.{at.microsecond // 1000:03}  {words}"
        )

    def moment(self, moment: Moment) -> None:
        """The whole state at an instant."""
        if self.as_json:
            self._object(self._when(moment.t_us) | self._state(moment))
            return
        at = from_us(moment.t_us).astimezone(self.zone)
        click.echo(f"{self._offset(moment.t_us)}  {at:%Y-%m-%d %H:%M:%S}")
        counts = {str(verdict): n for verdict, n in moment.counts.items()}
        state = self._word("run_state", moment.run_state)
        click.echo(text(self.lang, "cli.replay_state", counts | {"state": state}))
        told = {"element": self._word("element", self.replay.element(moment.t_us))}
        told["mode"] = self._word("run_mode", moment.mode)
        click.echo(text(self.lang, "cli.replay_time", told))
        for seen in moment.states:
            axes = ("link", "operation", "safety")
            said = {axis: word(axis, getattr(seen, axis), self.lang) for axis in axes}
            line = text(self.lang, "cli.replay_device", said | {"device": seen.device})
            dark = seen.device in moment.dark or "*" in moment.dark
            click.echo(line + (text(self.lang, "cli.replay_dark") if dark else ""))
        for one in moment.readings:
            told = {
                "device": one.series.device,
                "signal": text(self.lang, f"signal.{one.series.signal}"),
                "value": "-" if one.value is None else with_unit(f"{one.value:g}", one.series.unit),
                "quality": self._word("quality", one.quality.name),
                "age": f"{moment.age_us(one) / SECOND_US:.1f}",
            }
            click.echo(text(self.lang, "cli.replay_reading", told))

    def _state(self, moment: Moment) -> dict[str, Any]:
        return {
            "state": moment.run_state,
            "mode": moment.mode,
            "element": self.replay.element(moment.t_us),
            "counts": {verdict: moment.counts[verdict] for verdict in Verdict},
            "devices": [
                {
                    "device": seen.device,
                    "link": seen.link,
                    "operation": seen.operation,
                    "safety": seen.safety,
                    "dark": seen.device in moment.dark or "*" in moment.dark,
                }
                for seen in moment.states
            ],
            "readings": [
                {
                    **one.series._asdict(),
                    "value": one.value,
                    "quality": one.quality.name,
                    "age_s": moment.age_us(one) / SECOND_US,
                }
                for one in moment.readings
            ],
        }

    def _when(self, t_us: int) -> dict[str, Any]:
        at = from_us(t_us).astimezone(self.zone)
        header = self.replay.header
        told = {"run": header.run_id, "simulated": header.simulated}
        return told | {"offset": self._offset(t_us), "at": at.isoformat()}

    def _word(self, kind: str, code: str | None) -> str:
        return "-" if code is None else word(kind, code, self.lang)

    def _offset(self, t_us: int) -> str:
        return offset(t_us - self.replay.span[0])

    @staticmethod
    def _object(row: dict[str, Any]) -> None:
        click.echo(json.dumps(row, ensure_ascii=False))


@click.command()
@click.argument("run")
@click.option("--at", metavar="H:MM:SS", help="Show the state at this time from the beginning.")
@click.option("--step", is_flag=True, help="Wait for Enter after each event (at a terminal).")
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), help="Play N times as fast.")
@shared
def replay(
    run: str,
    at: str | None,
    step: bool,
    speed: float | None,
    data_dir: Path,
    lang: str,
    as_json: bool,
) -> None:
    """Play a RUN back from its record: what happened, with the lab's own times.

    The record is opened read-only. With --json each event is one object on one line.
    """
    with opened(run, data_dir, lang) as found:
        teller = Teller(found, zone_of(data_dir), lang, as_json)
        first, last = found.span
        teller.head()
        if at is not None:
            teller.moment(found.seek(first + within(at, last - first, lang)))
            return
        before = first
        for event in found.events(first, last + 1):
            if speed is not None:
                wait((event.t_us - before) / SECOND_US / speed)
            before = event.t_us
            teller.event(event)
            if step and sys.stdin.isatty():
                click.prompt(text(lang, "cli.replay_key"), default="", show_default=False, err=True)


@contextmanager
def opened(run: str, data_dir: Path, lang: str) -> Iterator[Replay]:
    """The record of a run, open to be read; a refusal in words where there is none."""
    path = data_dir / "evidence" / f"{run}.db"
    if not path.is_file():
        if runs := sorted(each.stem for each in path.parent.glob(f"{glob.escape(run)}-R*.db")):
            refuse(lang, "cli.replay_wants_run", trial=run, runs=", ".join(runs))
        refuse(lang, "cli.replay_no_record", run=run, file=path)
    try:
        with storage_of(path):
            db = connect(path, read_only=True)
            try:
                yield Replay(db)
            finally:
                db.close()
    except (TrialError, StorageFailed) as error:
        click.echo(say(lang, error), err=True)
        sys.exit(REFUSED)


def zone_of(data_dir: Path) -> ZoneInfo:
    """The zone the lab last ran in, by its own books; a record without them is shown in Tokyo's."""
    path = data_dir / "lab.db"
    if not path.is_file():
        return ZoneInfo(USUAL_ZONE)
    with storage_of(path):
        db = connect(path, read_only=True)
        try:
            return ZoneInfo(catalogue.lab_zone(db))
        finally:
            db.close()


def within(given: str, length_us: int, lang: str) -> int:
    """A time from the beginning, as people type it, in µs; it has to lie in the run."""
    found = TIME.fullmatch(given.strip())
    if found is None:
        refuse(lang, "cli.replay_bad_time", given=given)
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    t_us = round((hours * 3600 + minutes * 60 + seconds) * SECOND_US)
    if t_us > length_us:
        refuse(lang, "cli.replay_outside", given=given, length=offset(length_us))
    return t_us


def offset(t_us: int) -> str:
    """A length of time as h:mm:ss.mmm."""
    seconds, ms = divmod(t_us // 1000, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"


def refuse(lang: str, code: str, **params: object) -> NoReturn:
    """Say why not and end."""
    complain(refusal(lang, code, params))
    sys.exit(REFUSED)
