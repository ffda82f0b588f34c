"""What a forked simulator must not have from its siblings."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from tests.sims.sim import Sim, running


def sockets(sim: Sim) -> set[str]:
    """The sockets a process holds, as the kernel names them."""
    held = set()
    for one in Path(f"/proc/{sim.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed just now
            held.add(str(one.readlink()))
    return {name for name in held if name.startswith("socket:")}


async def test_a_simulator_shares_no_socket_with_another(tmp_path: Path) -> None:
    """Else a wire one of them closes would stay open, and its peer would never see the loss."""
    async with running("modbus_plc", tmp_path / "older", id="older") as older:
        reader, writer = await asyncio.open_connection("127.0.0.1", older.control_port)
        writer.write(b'{"op": "status"}\n')
        assert await reader.readline()  # it has taken the connection
        async with running("modbus_plc", tmp_path / "younger", id="younger") as younger:
            assert sockets(older)
            assert not sockets(older) & sockets(younger)
        writer.close()
        await writer.wait_closed()
