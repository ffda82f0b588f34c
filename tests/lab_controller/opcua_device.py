"""A robot on OPC UA with a Stop method; prints its endpoint and ends with its stdin."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

from asyncua import Server, ua
from asyncua.common.methods import uamethod

URI = "urn:test:robot"


async def main(port: int) -> None:
    logging.disable(logging.CRITICAL)
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    await server.register_namespace("urn:test:something:else")
    index = await server.register_namespace(URI)
    robot = await server.nodes.objects.add_object(index, "Robot")
    state = await robot.add_variable(index, "State", "Running")

    @uamethod
    async def stop(parent: ua.NodeId) -> Any:
        await state.write_value("Stopped")
        sys.stdout.write("stopped\n")
        sys.stdout.flush()

    @uamethod
    def refuse(parent: ua.NodeId) -> Any:
        return ua.StatusCode(ua.StatusCodes.BadUserAccessDenied)

    @uamethod
    async def halt(parent: ua.NodeId, mode: int) -> Any:
        await state.write_value("Stopped" if mode == 2 else f"mode {mode}")

    halt_id = ua.NodeId("halt", index)
    kinds = [ua.VariantType.Int32]
    await robot.add_method(halt_id, ua.QualifiedName("Halt", index), halt, kinds)
    await robot.add_method(ua.NodeId("stop", index), ua.QualifiedName("Stop", index), stop)
    await robot.add_method(ua.NodeId("refuse", index), ua.QualifiedName("Refuse", index), refuse)
    async with server:
        sys.stdout.write(f"opc.tcp://127.0.0.1:{port}/\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
