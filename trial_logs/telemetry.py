"""All samples of the lab, one file per UTC month: the front door of `trial_logs.samples`.

append, read, window, series and drop_before are for everybody; seal is for who holds the files.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter

from sqlite_utils import Database

from trial_logs.axis import Axis
from trial_logs.buckets import Bucket, BucketRow, fold_between
from trial_logs.model import Quality, Sample, Series
from trial_logs.samples import query, removal
from trial_logs.samples.journal import EXACT, Declared, MonthJournal
from trial_logs.samples.sealing import seal_some
from trial_logs.stamps import month_bounds_us, month_of

_STAMP = attrgetter("t_us")


class Telemetry:
    """The journal over its month files, which the caller opens, lists and deletes.

    `open_month(key, create)` returns the database of a month `YYYY-MM` (its tables made by
    `migrations.telemetry`, for reading also those of the previous release) or None; `months()` the
    keys there are; `drop_month(key)` deletes one; `declared(series)` is its resolution.
    """

    def __init__(
        self,
        open_month: Callable[[str, bool], Database | None],
        months: Callable[[], Iterable[str]],
        drop_month: Callable[[str], None],
        declared: Declared = lambda series: EXACT,
    ) -> None:
        self._open_month = open_month
        self._months = months
        self._drop_month = drop_month
        self._declared = declared
        self._journals: dict[str, MonthJournal] = {}
        self._stored: dict[int, Sample] = {}

    # -- writing ------------------------------------------------------------------------------

    def append(self, samples: Sequence[Sample]) -> None:
        """Store samples, those of one month in one transaction of its own and one executemany.

        A second sample in the same microsecond of a series moves one on. A value that is no finite
        number is stored as None and BAD. Where a later month fails, what the earlier ones hold is
        remembered: the same samples may be given again and none is stored twice.
        """
        ordered = sorted(samples, key=_STAMP)
        if self._stored:
            ordered = [sample for sample in ordered if id(sample) not in self._stored]
        originals: dict[int, Sample] = {}
        while ordered:
            key = month_of(ordered[0].t_us)
            end = month_bounds_us(key)[1]
            inside = bisect_left(ordered, end, key=_STAMP)
            part, ordered = ordered[:inside], ordered[inside:]
            beyond = self._journal(key).append(part)
            if ordered or beyond:
                left = {id(sample) for sample in beyond}
                done = [originals.get(id(each), each) for each in part if id(each) not in left]
                self._stored.update((id(each), each) for each in done)
                moved = [sample._replace(t_us=end) for sample in beyond]
                originals.update((id(m), s) for m, s in zip(moved, beyond, strict=True))
                ordered = moved + ordered
        for sample in samples if self._stored else ():
            self._stored.pop(id(sample), None)

    def seal(self, now_us: int) -> bool:
        """Do one step of sealing; whether there was one to do. Each is a short transaction."""
        for key in sorted(self._journals):
            over = month_bounds_us(key)[1] <= now_us
            if seal_some(self._journal(key), now_us, month_over=over):
                return True
        return False

    def resume(self, key: str) -> None:
        """Take up the unsealed samples of a month again, so that `seal` finds them."""
        self._journal(key)

    def over(self, now_us: int) -> list[str]:
        """The months that have ended and have everything sealed: their files can be closed."""
        return [
            key
            for key, journal in self._journals.items()
            if month_bounds_us(key)[1] <= now_us and journal.is_settled
        ]

    def closed(self, key: str) -> None:
        """The file of this month has been closed; it may be opened again."""
        self._journals.pop(key, None)

    def drop_before(self, t: int) -> None:
        """Forget every sample before `t` µs: whole months as files, the rest as rows."""
        for key in sorted(self._months()):
            start, end = month_bounds_us(key)
            if end <= t:
                self.closed(key)
                self._drop_month(key)
            elif start < t and (db := self._open_month(key, False)) is not None:
                removal.drop_before(db, t)
                self.closed(key)  # what is unsealed is read anew

    # -- reading ------------------------------------------------------------------------------

    def read(self, series: Series, t0: int, t1: int) -> Iterator[Sample]:
        """The samples of a series in [t0, t1) µs, in order of time, one at a time."""
        for db in self._touched(t0, t1):
            with query.snapshot(db):
                if (found := query.known(db, series)) is None:
                    continue
                for stamp, value, quality, source in query.samples(db, found, t0, t1):
                    yield Sample(series, stamp, value, Quality(quality), source)

    def window(self, series: Series, t0: int, t1: int, n: int) -> list[Bucket]:
        """[t0, t1) µs cut into `n` buckets as `Axis` says; 0 < n and t0 < t1.

        Made of the coarsest roll-up of which every bucket has a row, so a window of any length
        takes the same time; what no roll-up covers is counted from the samples.
        """
        axis, rows = Axis(t0, t1, n), list[BucketRow]()
        for db in self._touched(t0, t1):
            with query.snapshot(db):
                if (found := query.known(db, series)) is not None:
                    rows += query.bucket_rows(db, found, axis)
        return fold_between(rows, axis.edges())

    def series(self, t0: int, t1: int) -> list[Series]:
        """Every series known to a month that [t0, t1) µs touches, sorted."""
        found: set[Series] = set()
        for db in self._touched(t0, t1):
            rows = db.execute("SELECT device, signal, unit FROM series")
            found.update(Series(*row) for row in rows)
        return sorted(found)

    def _journal(self, key: str) -> MonthJournal:
        db = self._open_month(key, True)
        if db is None:
            raise FileNotFoundError(key)
        journal = self._journals.get(key)
        if journal is None or journal.db is not db:
            journal = MonthJournal(db, month_bounds_us(key)[1], self._declared)
            self._journals[key] = journal
        return journal

    def _touched(self, t0: int, t1: int) -> Iterator[Database]:
        for key in sorted(self._months()):
            start, end = month_bounds_us(key)
            if start < t1 and t0 < end and (db := self._open_month(key, False)) is not None:
                yield db
