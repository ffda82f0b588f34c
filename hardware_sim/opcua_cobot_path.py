"""The programs of the cobot cell and where its six axes are while they run."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

Pose = tuple[float, float, float, float, float, float]

REST: Pose = (0.0, -90.0, 90.0, -90.0, -90.0, 0.0)


@dataclass(frozen=True, slots=True)
class Program:
    """One cyclic task: median cycle time (s), its lognormal spread, and way points.

    A way point is (share of the cycle that is done there, axis angles in degrees).
    """

    name: str
    cycle_s: float
    spread: float
    path: tuple[tuple[float, Pose], ...]


_ABOVE_FEEDER: Pose = (-52.0, -78.0, 96.0, -108.0, -90.0, -52.0)
_AT_FEEDER: Pose = (-52.0, -66.0, 108.0, -132.0, -90.0, -52.0)
_ABOVE_TRAY: Pose = (38.0, -82.0, 92.0, -100.0, -90.0, 38.0)
_AT_TRAY: Pose = (38.0, -71.0, 104.0, -123.0, -90.0, 38.0)
_BEFORE_DOOR: Pose = (84.0, -95.0, 110.0, -105.0, -90.0, 84.0)
_IN_CHUCK: Pose = (112.0, -62.0, 88.0, -26.0, -68.0, 0.0)

PROGRAMS = {
    program.name: program
    for program in (
        Program(
            "pick_and_place",
            9.5,
            0.06,
            (
                (0.0, _ABOVE_TRAY),
                (0.22, _ABOVE_FEEDER),
                (0.34, _AT_FEEDER),
                (0.42, _AT_FEEDER),
                (0.52, _ABOVE_FEEDER),
                (0.74, _ABOVE_TRAY),
                (0.85, _AT_TRAY),
                (0.92, _AT_TRAY),
                (1.0, _ABOVE_TRAY),
            ),
        ),
        Program(
            "machine_tending",
            31.0,
            0.04,
            (
                (0.0, _BEFORE_DOOR),
                (0.10, _IN_CHUCK),
                (0.18, _IN_CHUCK),
                (0.28, _BEFORE_DOOR),
                (0.40, _ABOVE_TRAY),
                (0.46, _AT_TRAY),
                (0.50, _AT_TRAY),
                (0.55, _ABOVE_TRAY),
                (0.66, _ABOVE_FEEDER),
                (0.71, _AT_FEEDER),
                (0.75, _AT_FEEDER),
                (0.80, _ABOVE_FEEDER),
                (1.0, _BEFORE_DOOR),
            ),
        ),
    )
}


def pose_at(program: Program, begin: Pose, progress: float) -> Pose:
    """The axes when `progress` (0–1) of a cycle that began at `begin` is done.

    Between two way points each axis speeds up and slows down smoothly.
    """
    shares = [share for share, _ in program.path]
    index = min(max(bisect_right(shares, progress), 1), len(shares) - 1)
    (before, start), (after, end) = program.path[index - 1], program.path[index]
    if index == 1:
        start = begin
    done = min(max((progress - before) / (after - before), 0.0), 1.0)
    eased = done * done * (3.0 - 2.0 * done)
    a, b, c, d, e, f = (low + (high - low) * eased for low, high in zip(start, end, strict=True))
    return a, b, c, d, e, f
