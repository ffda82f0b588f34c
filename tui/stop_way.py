"""The two ways a stop goes: through the controller, and past it straight to the stopper.

The second is taken when the controller refuses, is gone, or has not answered in time.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_controller.client import LabClient, Refused, Unreachable

CONTROLLER_WITHIN_S = 1.5
STOPPER_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Stopped:
    """What became of the stop on one device. `estop` is empty when only the lab knows it.

    `detail` is a sentence already, or a code of the stopper's where `coded` is True.
    """

    device: str
    outcome: str
    detail: str = ""
    estop: str = ""
    coded: bool = False


@dataclass(frozen=True, slots=True)
class StopAnswer:
    """The stop as a whole. `way`: controller, stopper, or none – then press the buttons."""

    way: str
    devices: tuple[Stopped, ...] = ()
    cause: str = ""


def stop_command(data_dir: Path, device: str | None, language: str) -> list[str]:
    """The command that reaches the stopper without the controller."""
    command = [sys.executable, "-m", "lab_controller", "stop", "--data", str(data_dir)]
    return [*command, "--lang", language, "--json", *([device] if device else [])]


async def stop_lab(
    client: LabClient,
    device: str | None,
    data_dir: Path | None,
    *,
    within_s: float = CONTROLLER_WITHIN_S,
) -> StopAnswer:
    """Stop the lab or one device, whatever it takes. Never raises: it ends with an answer."""
    try:
        async with asyncio.timeout(within_s):
            answer = await client.stop(device)
    except (Refused, Unreachable, TimeoutError) as error:
        cause = str(error) if isinstance(error, Refused) else ""
        if data_dir is None:
            return StopAnswer("none", cause=cause)
        command = stop_command(data_dir, device, client.language)
        return await _past_the_controller(command, client.language)
    rows = (Stopped(one.device, one.outcome, one.detail, one.estop) for one in answer.devices)
    return StopAnswer("controller", tuple(rows))


async def _past_the_controller(command: Sequence[str], language: str) -> StopAnswer:
    """Run the stop command and read its report."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        return StopAnswer("none", cause=str(error))
    try:
        async with asyncio.timeout(STOPPER_WITHIN_S):
            out, errors = await process.communicate()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return StopAnswer("none")
    return read_report(out, errors.decode("utf-8", "replace").strip(), language)


def read_report(out: bytes, errors: str, language: str) -> StopAnswer:
    """The stopper's report as the command prints it; anything else counts as not stopped."""
    try:
        report: dict[str, dict[str, dict[str, Any]]] = json.loads(out)
        found = report["devices"].items()
        rows = tuple(
            Stopped(
                device,
                str(one["outcome"]),
                str(one.get("detail", "")),
                str(one.get("estop", {}).get(language, "")),
                coded=True,
            )
            for device, one in found
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return StopAnswer("none", cause=errors)
    return StopAnswer("stopper", rows)
