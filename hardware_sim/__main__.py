"""`python -m hardware_sim --profile FILE.toml --dir DIR`: the simulated lab in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tomllib
from pathlib import Path

from hardware_sim.clock import SimClock
from hardware_sim.lab import BadProfile, Lab, SimFailed, read_profile
from hardware_sim.process import announce, end_event


def main() -> int:
    """Run the lab until SIGTERM, SIGINT or the death of the parent; 2 = the profile is wrong."""
    parser = argparse.ArgumentParser(prog="python -m hardware_sim")
    parser.add_argument("--profile", required=True, type=Path)
    parser.add_argument("--dir", required=True, type=Path)
    parser.add_argument("--clock", default="", help="START/FACTOR/ORIGIN")
    parser.add_argument("--factor", type=float, help="speed of lab time (default: the profile's)")
    parser.add_argument("--parent", type=int, default=os.getppid())
    arguments = parser.parse_args()
    try:
        return asyncio.run(_run(arguments))
    except (BadProfile, tomllib.TOMLDecodeError, OSError) as error:
        sys.stderr.write(f"{arguments.profile}: {error}\n")
        return 2
    except SimFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1


async def _run(arguments: argparse.Namespace) -> int:
    profile = read_profile(arguments.profile)
    clock = (
        SimClock.parse(arguments.clock)
        if arguments.clock
        else SimClock.begin(profile.start, arguments.factor or profile.factor)
    )
    ending = end_event(arguments.parent)
    lab = Lab(profile, arguments.dir, clock)
    try:
        await lab.start()
        announce({"ready": True, **lab.listing()})
        await ending.wait()
    finally:
        await lab.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
