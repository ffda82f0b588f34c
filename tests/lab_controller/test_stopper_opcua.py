"""The warm OPC UA session: it comes back by itself, and each call stands for itself."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from cryptography.x509.oid import ExtendedKeyUsageOID

from lab_controller.stopper import fanout
from lab_controller.stopper.means import opcua_call, opcua_client
from lab_controller.stopper.means.opcua_trust import NotTrusted, demand_trust
from lab_controller.stopper.means.reach import Reach
from lab_controller.stopper.plans import Plan, parse_plans
from tests.lab_controller.stopper_rig import (
    OPCUA_DEVICE,
    PATIENCE_S,
    closed_port,
    opcua_plan,
)
from tests.sims.child import Child, born


async def server(port: int, *folder: str) -> Child:
    process = await born(OPCUA_DEVICE, str(port), *folder)
    async with asyncio.timeout(PATIENCE_S):
        await process.line()
    return process


async def until(reach: Reach, plan: Plan, ready: bool) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if reach.ready(plan.steps[0]) is ready:
                return
            await asyncio.sleep(0.01)


async def stop(reach: Reach, *plans: Plan) -> dict[str, Any]:
    report = await fanout.collect(plans, fanout.fire(reach, plans))
    return {name: (one["outcome"], one["detail"]) for name, one in report.items()}


async def test_the_session_comes_back_and_each_call_stands_for_itself() -> None:
    port = closed_port()
    endpoint = f"opc.tcp://127.0.0.1:{port}/"
    plans = parse_plans([opcua_plan("robot", endpoint)])[0]
    other = opcua_plan("other", endpoint, method="Dance")
    other["steps"][0]["payload"]["confirm"] = None
    strange = opcua_plan("strange", endpoint)
    strange["steps"][0]["payload"]["object"] = [["urn:nowhere", "Robot"]]
    halting = opcua_plan("halting", endpoint, method="Halt")
    halting["steps"][0]["payload"]["args"] = [["Int32", 2]]
    odd = opcua_plan("odd", endpoint, method="Halt")
    odd["steps"][0]["payload"]["args"] = [["Colour", 2]]
    more = parse_plans([opcua_plan("robot", endpoint), other, strange, odd])[0]
    with_args = parse_plans([halting])[0]
    reach = Reach()
    first = await server(port)
    await reach.adopt(plans.values())
    await until(reach, plans["robot"], True)
    await reach.adopt(more.values())  # on the living session
    assert await stop(reach, *more.values()) == {
        "robot": ("CONFIRMED", ""),
        "other": ("FAILED", "rejected"),
        "strange": ("FAILED", "rejected"),
        "odd": ("FAILED", "rejected"),
    }

    await first.let_go()
    await until(reach, plans["robot"], False)
    second = await server(port)
    await until(reach, plans["robot"], True)
    await reach.adopt(with_args.values())
    await until(reach, with_args["halting"], True)
    assert (await stop(reach, with_args["halting"]))["halting"] == ("CONFIRMED", "")

    assert (await stop(reach, plans["robot"]))["robot"] == ("CONFIRMED", "")
    await reach.close()
    await second.let_go()


class Strange:
    """A client that a server's answers break in a way nobody foresaw."""

    def __init__(self, *_: object, **__: object) -> None:
        self.connection_lost_callback: object = None

    async def connect(self) -> None:
        raise AttributeError("no such field")

    async def disconnect(self) -> None:
        return


async def test_a_mistake_in_the_library_does_not_end_the_warm_session(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = closed_port()
    plans = parse_plans([opcua_plan("robot", f"opc.tcp://127.0.0.1:{port}/")])[0]
    reach = Reach()
    with monkeypatch.context() as patch:
        patch.setattr(opcua_client, "Client", Strange)
        await reach.adopt(plans.values())
        async with asyncio.timeout(PATIENCE_S):
            while "no such field" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0)
    running = await server(port)
    assert (await stop(reach, plans["robot"]))["robot"] == ("CONFIRMED", "")
    await reach.close()
    await running.let_go()


async def pair(folder: Path, who: str) -> None:
    """A key `who`.pem and a certificate `who`.der."""
    await setup_self_signed_certificate(
        folder / f"{who}.pem",
        folder / f"{who}.der",
        f"urn:test:{who}",
        "localhost",
        [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH],
        {"commonName": who},
    )


async def test_a_secured_session_needs_a_trusted_server_and_the_right_password(
    tmp_path: Path,
) -> None:
    trust = tmp_path / "trusted"
    trust.mkdir()
    for who in ("server", "client", "other"):
        await pair(tmp_path, who)
    port = closed_port()
    plan = opcua_plan("robot", f"opc.tcp://127.0.0.1:{port}/", deadline_s=10.0)
    plan["steps"][0]["payload"] |= {
        "security": {
            "policy": "Basic256Sha256",
            "mode": "SignAndEncrypt",
            "certificate_file": str(tmp_path / "client.der"),
            "private_key_file": str(tmp_path / "client.pem"),
            "trust_dir": str(trust),
        },
        "user": "stopper",
        "password": "secret-word",
    }
    wrong = {**plan, "steps": [{**plan["steps"][0], "deadline_s": 0.5}], "device": "wrong"}
    wrong["steps"][0]["payload"] = {**plan["steps"][0]["payload"], "password": "guessed"}
    running = await server(port, str(tmp_path))
    reach = Reach()
    plans = parse_plans([plan])[0]
    await reach.adopt(plans.values())
    (trust / "other.der").write_bytes((tmp_path / "other.der").read_bytes())
    stopping = asyncio.create_task(stop(reach, plans["robot"]))
    session = next(iter(reach._opcua.values()))
    async with asyncio.timeout(PATIENCE_S):
        while "not in" not in session.fault:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert not stopping.done()

    (trust / "server.der").write_bytes((tmp_path / "server.der").read_bytes())
    assert (await stopping)["robot"] == ("CONFIRMED", "")
    assert reach.ready(plans["robot"].steps[0])

    both = parse_plans([plan, wrong])[0]
    await reach.adopt(both.values())
    assert (await stop(reach, both["wrong"]))["wrong"] == ("FAILED", "unreachable")
    assert (await stop(reach, both["robot"]))["robot"] == ("CONFIRMED", "")
    assert "secret-word" not in repr(both)
    await reach.close()
    await running.let_go()


async def test_a_session_ends_though_a_cancelling_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, lost = asyncio.Event(), asyncio.Event()

    async def stubborn(_: object) -> None:
        begun.set()
        while not lost.is_set():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(opcua_call, "client_of", stubborn)
    monkeypatch.setattr(opcua_call, "CLOSE_TIMEOUT_S", 0.01)
    reach = Reach()
    plans = parse_plans([opcua_plan("robot", "opc.tcp://127.0.0.1:1/")])[0]
    await reach.adopt(plans.values())
    async with asyncio.timeout(PATIENCE_S):
        await begun.wait()
        await reach.close()
    assert lost.is_set()


async def test_a_certificate_is_trusted_in_either_form_and_no_other(tmp_path: Path) -> None:
    for who in ("server", "other"):
        await pair(tmp_path, who)
    shown, other = ((tmp_path / f"{who}.der").read_bytes() for who in ("server", "other"))
    trust = tmp_path / "trusted"
    with pytest.raises(NotTrusted):
        demand_trust(shown, trust)  # no such folder
    trust.mkdir()
    (trust / "notes.txt").write_bytes(shown)
    (trust / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nö\n")
    (trust / "other.der").write_bytes(other)
    for untrusted in (shown, b""):
        with pytest.raises(NotTrusted):
            demand_trust(untrusted, trust)
    both = ssl.DER_cert_to_PEM_cert(other) + ssl.DER_cert_to_PEM_cert(shown)
    (trust / "chain.crt").write_text(both)
    demand_trust(shown, trust)
    demand_trust(shown + other, trust)  # a server may show its whole chain
