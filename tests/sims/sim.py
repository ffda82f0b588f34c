"""Simulators as separate processes: started on the real wire, spoken to by their control port."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any


class Sim:
    """One running simulator."""

    def __init__(self, process: asyncio.subprocess.Process, ready: dict[str, Any], dir: Path):
        self.process, self.dir = process, dir
        self.id: str = ready["id"]
        self.endpoint: str = ready["endpoint"]
        self.control_port: int = ready["control"]

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """One request to the control port."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.control_port)
        writer.write(json.dumps({"op": op, **fields}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await reader.readline())
        writer.close()
        await writer.wait_closed()
        assert answer["ok"], answer
        return answer

    def truth(self, what: str) -> list[dict[str, Any]]:
        """The ground-truth lines of one kind."""
        return [line for line in self.lines() if line["what"] == what]

    def lines(self) -> list[dict[str, Any]]:
        """All ground-truth lines so far."""
        text = (self.dir / "truth" / f"{self.id}.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def running(
    kind: str, dir: Path, *extra: str, id: str = "sim", clock: str = "", seed: int = 1
) -> AsyncIterator[Sim]:
    """Start a simulator and wait for its ready line; it is gone at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"hardware_sim.{kind}", "--id", id, "--dir", str(dir),
        "--clock", clock, "--seed", str(seed), *extra,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    try:
        async with asyncio.timeout(30):
            ready = json.loads(await process.stdout.readline())
        yield Sim(process, ready, dir)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]
