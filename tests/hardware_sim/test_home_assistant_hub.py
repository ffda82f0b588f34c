"""The hub as a process, judged over HTTP and WebSocket by clients that know Home Assistant."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import homeassistant_api as ha
import httpx
import pytest
from niquests.exceptions import ConnectionError as HaConnectionError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.hardware_sim.rig import simulator
from tests.hardware_sim.waiting import until
from tests.sims.sim import Sim

TOKEN = "sim-token"


@asynccontextmanager
async def api(rig: Sim, token: str = TOKEN) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=rig.endpoint, headers=headers, timeout=5) as client:
        yield client


@asynccontextmanager
async def fed(directory: Path, *options: str) -> AsyncIterator[tuple[Sim, Sim]]:
    """A hub with one plug, `robot1`, and the cobot that hangs on it."""
    async with simulator(directory / "device", "opcua_cobot", factor=100.0) as device:
        plug = f"robot1=127.0.0.1:{device.control_port}"
        hub_options = ("--plug", plug, *options)
        hub = simulator(directory / "hub", "home_assistant_hub", *hub_options, factor=100.0)
        async with hub as rig:
            yield rig, device


async def state(client: httpx.AsyncClient, entity: str) -> dict[str, Any]:
    answer = await client.get(f"/api/states/{entity}")
    assert answer.status_code == 200, answer.text
    row: dict[str, Any] = answer.json()
    return row


async def test_rest_shapes_are_home_assistants(tmp_path: Path) -> None:
    async with simulator(tmp_path, "home_assistant_hub", "--plug", "lamp=") as rig:
        async with api(rig) as client:
            assert (await client.get("/api/")).json() == {"message": "API running."}
            assert (await client.get("/api/config")).json()["state"] == "RUNNING"
            row = await state(client, "sensor.lab_temperature")
            assert set(row) == {
                *("entity_id", "state", "attributes", "context"),
                *("last_changed", "last_updated", "last_reported"),
            }
            assert row["attributes"]["unit_of_measurement"] == "°C"
            assert row["attributes"]["device_class"] == "temperature"
            assert datetime.fromisoformat(row["last_updated"]).tzinfo
            every = {one["entity_id"] for one in (await client.get("/api/states")).json()}
            assert every == {
                *(f"sensor.lab_{kind}" for kind in ("temperature", "humidity", "vibration")),
                *(f"binary_sensor.lab_{kind}" for kind in ("door", "light_curtain")),
                *("switch.lamp", "sensor.lamp_power", "sensor.lamp_energy"),
            }
            missing = await client.get("/api/states/sensor.nope")
            assert (missing.status_code, missing.json()) == (404, {"message": "Entity not found."})
            assert (await client.get("/api/nope")).text == "404: Not Found"
            unknown = await client.post("/api/services/switch/explode", json={})
            assert (unknown.status_code, unknown.text) == (400, "400: Bad Request")
            broken = await client.post("/api/services/switch/turn_on", content=b"{")
            assert broken.json() == {"message": "Data should be valid JSON."}
        async with api(rig, "wrong") as client:
            refused = await client.get("/api/states")
            assert (refused.status_code, refused.text) == (401, "401: Unauthorized")


async def test_switching_a_plug_really_takes_the_power(tmp_path: Path) -> None:
    async with fed(tmp_path) as (rig, device), api(rig) as client:
        call = {"entity_id": "switch.robot1"}
        changed = (await client.post("/api/services/switch/turn_off", json=call)).json()
        assert {row["entity_id"]: row["state"] for row in changed}["switch.robot1"] == "off"
        assert not (await device.ask("status"))["power"]
        assert (await state(client, "sensor.robot1_power"))["state"] == "0.0"
        again = await client.post("/api/services/switch/turn_off", json=call)
        assert again.json() == []
        assert (await rig.ask("press_button", entity="switch.robot1"))["on"]
        await until(lambda: device.ask("status"), lambda now: now["booted"])
        assert (await state(client, "switch.robot1"))["state"] == "on"
        causes = [(fact["on"], fact["cause"]) for fact in rig.truth("plug")]
        assert causes == [(True, "start"), (False, "service"), (True, "button")]


async def test_a_plug_that_begins_off_keeps_a_restarted_device_dark(tmp_path: Path) -> None:
    async with fed(tmp_path, "--start-off", "robot1") as (rig, device), api(rig) as client:
        assert not (await device.ask("status"))["power"]
        assert (await state(client, "switch.robot1"))["state"] == "off"
        await device.ask("power", on=True)
        await until(lambda: device.ask("status"), lambda now: not now["power"])


async def test_the_meter_agrees_with_the_device_also_over_off_and_on(tmp_path: Path) -> None:
    async with fed(tmp_path, "--start-off", "robot1") as (rig, device), api(rig) as client:

        async def meter() -> float:
            body = {"entity_id": "sensor.robot1_energy"}
            await client.post("/api/services/homeassistant/update_entity", json=body)
            return float((await state(client, "sensor.robot1_energy"))["state"])

        begin, used = await meter(), (await device.ask("status"))["energy_kwh"]
        for goal in (0.002, 0.004):
            for service in ("turn_on", "turn_off"):
                body = {"entity_id": "switch.robot1"}
                await client.post(f"/api/services/switch/{service}", json=body)
                if service == "turn_on":
                    await until(meter, (begin + goal).__lt__)
        end, really = await meter(), (await device.ask("status"))["energy_kwh"]
        assert end - begin == pytest.approx(really - used, abs=2e-6)


async def test_the_client_library_works_against_it(tmp_path: Path) -> None:
    async with fed(tmp_path) as (rig, device):
        library = ha.AsyncClient(f"{rig.endpoint}/api", TOKEN)
        async with library as client:
            assert (await client.get_config())["state"] == "RUNNING"
            states = {row.entity_id: row for row in await client.get_states()}
            assert states["sensor.robot1_power"].attributes["unit_of_measurement"] == "W"
            single = await client.get_state(entity_id="sensor.lab_humidity")
            assert single.last_reported is not None
            assert "turn_off" in (await client.get_domains())["switch"].services
            entities = await client.get_entities()
            assert set(entities) == {"sensor", "binary_sensor", "switch"}
            body = {"entity_id": "switch.robot1"}
            changed = await client.trigger_service("switch", "turn_off", **body)
            assert ("switch.robot1", "off") in {(row.entity_id, row.state) for row in changed}
            assert not (await device.ask("status"))["power"]
            with pytest.raises(ha.errors.EndpointNotFoundError):
                await client.get_state(entity_id="sensor.nope")
            await rig.ask("fault", name="server_error")
            with pytest.raises(ha.errors.InternalServerError):
                await client.get_states()
            await rig.ask("clear")
            await rig.ask("fault", name="auth_revoked")
            with pytest.raises(ha.errors.UnauthorizedError):
                await client.get_states()
            await rig.ask("clear")
            await rig.ask("fault", name="refuse")
            with pytest.raises(HaConnectionError):
                await client.get_states()
            await rig.ask("clear")
            assert await client.get_states()


class Wire:
    """A WebSocket client with numbered commands."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0

    async def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self._socket.recv())
        return message

    async def send(self, **message: object) -> None:
        await self._socket.send(json.dumps(message))

    async def ask(self, kind: str, **fields: object) -> dict[str, Any]:
        self._number += 1
        await self.send(id=self._number, type=kind, **fields)
        while True:
            answer = await self.receive()
            if answer["type"] != "event":
                assert answer["id"] == self._number
                return answer

    async def event(self, entity: str) -> dict[str, Any]:
        while True:
            message = await self.receive()
            if message["type"] == "event" and message["event"]["data"]["entity_id"] == entity:
                event: dict[str, Any] = message["event"]
                return event


@asynccontextmanager
async def websocket(rig: Sim, token: str = TOKEN) -> AsyncIterator[Wire]:
    url = rig.endpoint.replace("http", "ws") + "/api/websocket"
    async with connect(url) as socket, asyncio.timeout(20):
        wire = Wire(socket)
        assert (await wire.receive())["type"] == "auth_required"
        await wire.send(type="auth", access_token=token)
        yield wire


async def test_websocket_commands_and_pushed_changes(tmp_path: Path) -> None:
    async with fed(tmp_path) as (rig, _), websocket(rig) as wire:
        assert (await wire.receive())["type"] == "auth_ok"
        assert await wire.ask("ping") == {"id": 1, "type": "pong"}
        subscribed = await wire.ask("subscribe_events", event_type="state_changed")
        assert subscribed == {"id": 2, "type": "result", "success": True, "result": None}
        rows = (await wire.ask("get_states"))["result"]
        assert "switch.robot1" in {row["entity_id"] for row in rows}
        await rig.ask("set_binary", entity="binary_sensor.lab_door", state="on")
        event = await wire.event("binary_sensor.lab_door")
        assert event["event_type"] == "state_changed"
        assert event["data"]["old_state"]["state"] == "off"
        assert event["data"]["new_state"]["state"] == "on"
        target = {"entity_id": "switch.robot1"}
        called = await wire.ask("call_service", domain="switch", service="turn_off", target=target)
        assert called["success"]
        assert called["result"]["response"] is None
        ended = await wire.ask("unsubscribe_events", subscription=2)
        assert ended["success"]


async def test_websocket_errors(tmp_path: Path) -> None:
    async with simulator(tmp_path, "home_assistant_hub") as rig:
        async with websocket(rig) as wire:
            await wire.receive()
            assert (await wire.ask("dance"))["error"]["code"] == "unknown_command"
            unknown = await wire.ask("call_service", domain="x", service="y", service_data={})
            assert unknown["error"] == {"code": "not_found", "message": "Service x.y not found."}
            await wire.send(id=1, type="ping")
            assert (await wire.receive())["error"]["code"] == "id_reuse"
            await wire.send(type="ping")
            assert (await wire.receive())["error"]["code"] == "invalid_format"
        async with websocket(rig, "wrong") as wire:
            assert (await wire.receive())["type"] == "auth_invalid"
            with pytest.raises(ConnectionClosed):
                await wire.receive()


async def test_revoked_token_ends_open_sockets(tmp_path: Path) -> None:
    async with simulator(tmp_path, "home_assistant_hub") as rig, websocket(rig) as wire:
        await wire.receive()
        await rig.ask("fault", name="auth_revoked")
        with pytest.raises(ConnectionClosed):
            await wire.receive()


async def test_entity_faults_and_a_stuck_switch(tmp_path: Path) -> None:
    started = simulator(tmp_path, "home_assistant_hub", "--plug", "lamp=")
    async with started as rig, api(rig) as client:
        entity = "sensor.lab_temperature"
        celsius = float((await state(client, entity))["state"])
        await rig.ask("fault", name="unit", entity=entity)
        row = await state(client, entity)
        assert row["attributes"]["unit_of_measurement"] == "°F"
        assert float(row["state"]) == pytest.approx(celsius * 1.8 + 32, abs=0.5)
        await rig.ask("fault", name="unavailable", entity=entity)
        assert (await state(client, entity))["state"] == "unavailable"
        await rig.ask("fault", name="stuck_switch", entity="switch.lamp")
        body = {"entity_id": "switch.lamp"}
        answer = await client.post("/api/services/switch/turn_off", json=body)
        assert (answer.status_code, answer.json()) == (200, [])
        assert (await state(client, "switch.lamp"))["state"] == "on"
        await rig.ask("fault", name="html", times=1)
        page = await client.get("/api/states")
        assert page.status_code == 502
        assert page.headers["content-type"].startswith("text/html")
        assert (await client.get("/api/states")).status_code == 200


async def test_a_frozen_hub_answers_late(tmp_path: Path) -> None:
    async with simulator(tmp_path, "home_assistant_hub") as rig, api(rig) as client:
        await rig.ask("fault", name="hang")
        late = asyncio.ensure_future(client.get("/api/"))
        done, _ = await asyncio.wait({late}, timeout=0.2)
        assert not done
        await rig.ask("clear")
        assert (await late).status_code == 200


async def test_power_cycle_of_the_hub_leaves_the_plugs_as_they_are(tmp_path: Path) -> None:
    async with simulator(tmp_path, "home_assistant_hub", "--plug", "lamp=") as rig:
        await rig.ask("press_button", entity="switch.lamp")
        await rig.ask("power", on=False)
        with pytest.raises(httpx.ConnectError):
            async with api(rig) as client:
                await client.get("/api/")
        await rig.ask("power", on=True)
        async with api(rig) as client:
            assert (await state(client, "switch.lamp"))["state"] == "off"
        assert await rig.end() == 0
