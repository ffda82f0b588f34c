"""A robot on OPC UA with a Stop method; prints its endpoint, and each stop, as a line of JSON.

With a folder (server.der, server.pem) it is secured and lets in only the user `stopper`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.common.methods import uamethod
from asyncua.crypto.permission_rules import User, UserRole

from hardware_sim import opcua_standard

URI = "urn:test:robot"


class OneUser:
    """Lets in one user by password."""

    def get_user(
        self, iserver: object, username: str = "", password: str = "", certificate: object = None
    ) -> User | None:
        known = (username, password) == ("stopper", "secret-word")
        return User(role=UserRole.User) if known else None


async def secured(folder: Path) -> Server:
    """A server with one endpoint, signed and encrypted."""
    server = Server(user_manager=OneUser())
    await opcua_standard.init(server)
    await server.load_certificate(folder / "server.der")
    await server.load_private_key(folder / "server.pem")
    await server.set_application_uri("urn:test:server")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    server.set_identity_tokens([ua.UserNameIdentityToken])
    return server


async def plain() -> Server:
    """A server for everybody."""
    server = Server()
    await opcua_standard.init(server)
    return server


def say(**words: object) -> None:
    """One line to whoever started this."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


async def serve(port: int, *folder: str) -> None:
    logging.disable(logging.CRITICAL)
    server = await (secured(Path(folder[0])) if folder else plain())
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    await server.register_namespace("urn:test:something:else")
    index = await server.register_namespace(URI)
    robot = await server.nodes.objects.add_object(index, "Robot")
    state = await robot.add_variable(index, "State", "Running")

    @uamethod
    async def stop(parent: ua.NodeId) -> Any:
        await state.write_value("Stopped")
        say(stopped=True)

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
        say(endpoint=f"opc.tcp://127.0.0.1:{port}/")
        await asyncio.Event().wait()


def main() -> int:
    """Serve until this process is ended."""
    asyncio.run(serve(int(sys.argv[1]), *sys.argv[2:]))
    return 0
