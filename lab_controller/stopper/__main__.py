"""`python -m lab_controller.stopper --dir DATA_DIR -- CONTROLLER COMMAND…`: the process itself."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from lab_controller.stopper import place
from lab_controller.stopper.controller import ControllerChannel
from lab_controller.stopper.door import Door
from lab_controller.stopper.errors import StopFault
from lab_controller.stopper.latch_file import LatchKeeper
from lab_controller.stopper.means.reach import Reach
from lab_controller.stopper.stopper import Stopper
from lab_controller.stopper.supervise import FAREWELL_S, FIRST_PAUSE_S, HANG_S, Rules, Supervisor
from lab_controller.stopper.texts import LANGUAGES, say
from lab_controller.stopper.urgency import be_urgent, settle_memory


def options(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m lab_controller.stopper")
    parser.add_argument("--dir", type=Path, required=True, metavar="DATA_DIR")
    parser.add_argument("--no-restart", action="store_true")
    parser.add_argument("--hang", type=float, default=HANG_S, metavar="SECONDS")
    parser.add_argument("--pause", type=float, default=FIRST_PAUSE_S, metavar="SECONDS")
    parser.add_argument("--farewell", type=float, default=FAREWELL_S, metavar="SECONDS")
    parser.add_argument("--lang", choices=LANGUAGES, default=LANGUAGES[0])
    parser.add_argument("command", nargs="+", metavar="COMMAND")
    return parser.parse_args(arguments)


async def run(chosen: argparse.Namespace, socket: Path) -> int:
    """Put the parts together and supervise until the end."""
    controller = ControllerChannel()
    keeper = LatchKeeper(chosen.dir / place.LATCH_NAME)
    stopper = Stopper(keeper, Reach(), controller.push)
    niceness = be_urgent()
    rules = Rules(chosen.hang, not chosen.no_restart, chosen.pause, chosen.farewell, niceness)
    supervisor = Supervisor(chosen.command, socket, stopper, controller, rules)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.end)
    settle_memory()
    door = Door(socket, stopper, controller, supervisor.facts)
    try:
        return await supervisor.run()
    finally:
        await stopper.close()
        await door.close()
        controller.close()


def main(arguments: list[str]) -> int:
    """The process: 1 for a refusal, else what the supervision says."""
    chosen = options(arguments)
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    try:
        held = place.lock(chosen.dir)
        try:
            folder = place.make_runtime_dir(chosen.dir)
            try:
                return asyncio.run(run(chosen, folder / place.SOCKET_NAME))
            finally:
                with suppress(OSError):  # somebody else's file in it keeps it
                    folder.rmdir()
        finally:
            os.close(held)
    except StopFault as fault:
        sys.stderr.write(say(chosen.lang, fault) + "\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
