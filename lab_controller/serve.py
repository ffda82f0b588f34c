"""The controller process: one lab, its web doors, one loop. Started by the stopper as its child."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from lab_controller import wiring
from lab_controller.api.app import create_app
from lab_controller.api.auth import staff_token
from lab_controller.bootstrap import Lab, build
from lab_controller.errors import LabError
from lab_controller.stopper.place import socket_path

log = logging.getLogger(__name__)

ADDRESS_FILE = "controller.url"
LOOPBACK = "127.0.0.1"


class AlreadyRunning(LabError):
    """Another controller holds this data folder."""

    code = "lab.already_running"


def run(config: Path, *, port: int) -> None:
    """Serve the lab of a configuration until SIGTERM, on loopback only.

    Raises ConfigInvalid, AlreadyRunning.
    """
    settings = wiring.check(config)
    data_dir = settings.lab.data_dir
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "controller.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunning(dir=data_dir) from error
        ending = asyncio.Event()
        lab = build(settings, config, socket=socket_path(data_dir), on_lost=ending.set)
        app = create_app(lab, staff_token(data_dir))
        asyncio.run(_serve(app, data_dir, port, ending))


class WebServer(uvicorn.Server):
    """A server that leaves signals to us: devices come to rest before the doors close."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def _serve(app: FastAPI, data_dir: Path, port: int, ending: asyncio.Event) -> None:
    """Serve until `ending`: a signal, or the stopper's death."""
    lab: Lab = app.state.lab
    listener = socket.create_server((LOOPBACK, port))
    address = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    server = WebServer(
        uvicorn.Config(
            app,
            log_level="warning",
            ws="websockets-sansio",
            timeout_graceful_shutdown=3,
            access_log=False,
        )
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    await lab.start()
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="web")
    _publish(data_dir, address)
    log.info("serving at %s", address)
    await asyncio.wait(
        {serving, asyncio.create_task(ending.wait())}, return_when=asyncio.FIRST_COMPLETED
    )
    try:
        await lab.stop()
    finally:
        server.should_exit = True
        await serving


def _publish(data_dir: Path, address: str) -> None:
    """Leave the address where clients of this data folder look for it, whole or not at all."""
    fresh = data_dir / f"{ADDRESS_FILE}.new"
    fresh.write_text(address + "\n", encoding="ascii")
    os.replace(fresh, data_dir / ADDRESS_FILE)
