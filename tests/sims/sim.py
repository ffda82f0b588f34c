"""Simulators as separate processes: started on the real wire, spoken to by their control port."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.sims.child import Child, born

PATIENCE_S = 30.0


class Sim:
    """One running simulator."""

    def __init__(self, process: Child, ready: dict[str, Any], dir: Path):
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

    def executed(self) -> list[str]:
        """What a printer executed of the lines that were numbered."""
        return [line["text"] for line in self.truth("executed") if line["numbered"]]

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """Gone without a word, and its serial port with it, as an unplugged one is.

        The dead cannot take the link to their pty away, and the next pty on this machine gets its
        number: whoever looks for this machine again would find the wire of another one.
        """
        self._unlink_port()
        self.process.kill()
        await self.process.wait()

    def _unlink_port(self) -> None:
        if self.endpoint.startswith("/"):
            Path(self.endpoint).unlink(missing_ok=True)

    async def end(self) -> int:
        """SIGTERM, also of a frozen one; then the exit code."""
        self.thaw()
        self.process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


@asynccontextmanager
async def running(
    kind: str, dir: Path, *extra: str, id: str = "sim", clock: str = "", seed: int = 1
) -> AsyncIterator[Sim]:
    """Start a simulator and wait for its ready line; it is gone at the end."""
    process = await born(
        f"hardware_sim.{kind}",
        *("--id", id, "--dir", str(dir), "--clock", clock, "--seed", str(seed)),
        *extra,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            sim = Sim(process, await process.line(), dir)
        yield sim
        await sim.end()
    finally:
        await process.let_go()
