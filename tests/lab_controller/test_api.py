"""The HTTP door: who may, and every refusal in one shape and two languages."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from lab_controller.api.auth import staff_token
from lab_controller.api.problems import status_of
from lab_controller.client import LabClient, Refused, Unreachable
from lab_controller.database import StorageFailed
from tests.lab_controller.bench import Bench
from tests.lab_controller.web import TOKEN, URL, refused, slot

PUBLIC = {"/api/v1/lab", "/api/v1/equipment", "/api/v1/equipment/{equipment}/slots"}
OWN_TOKEN = {"/api/v1/vendor/trials/{trial}": "lab.unknown_vendor_link"}


def staff_routes(app: FastAPI) -> list[tuple[str, str]]:
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    return [
        (method.upper(), path)
        for path, methods in paths.items()
        for method in methods
        if path not in PUBLIC
    ]


async def test_every_route_but_the_public_ones_wants_the_token(
    app: FastAPI, http: httpx.AsyncClient
) -> None:
    routes = staff_routes(app)
    assert len(routes) > 25
    for method, path in routes:
        missing = await http.request(method, path, headers={"Authorization": ""})
        refused(missing, 401, "auth.token_missing")
        wrong = await http.request(method, path, headers={"Authorization": "Bearer other"})
        refused(wrong, 401, OWN_TOKEN.get(path, "auth.token_wrong"))
        scheme = await http.request(method, path, headers={"Authorization": f"Basic {TOKEN}"})
        refused(scheme, 401, "auth.token_missing")


async def test_the_public_may_look(http: httpx.AsyncClient, bench: Bench) -> None:
    for path in PUBLIC:
        answer = await http.get(
            path.replace("{equipment}", "bench"),
            params=slot(bench) if "slots" in path else {},
            headers={"Authorization": ""},
        )
        assert answer.status_code == 200, path


async def test_nothing_changes_without_the_token(http: httpx.AsyncClient, bench: Bench) -> None:
    answer = await http.post("/api/v1/stop", json={}, headers={"Authorization": ""})
    refused(answer, 401, "auth.token_missing")
    assert bench.stopper.keeper.state.is_open


async def test_only_our_own_host_names_are_answered(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/lab", headers={"Host": "evil.example"})
    assert answer.status_code == 400


def test_the_token_is_made_once_and_only_its_owner_may_read_it(tmp_path) -> None:
    token = staff_token(tmp_path)
    assert len(token) >= 32
    assert staff_token(tmp_path) == token
    assert (tmp_path / "staff.token").stat().st_mode & 0o777 == 0o600


async def test_refusals_come_in_the_readers_language(http: httpx.AsyncClient) -> None:
    texts = {}
    for accept in ("ja", "en", "fr", "fr;q=1, en-GB;q=0.5", ""):
        answer = await http.get("/api/v1/devices/x", headers={"Accept-Language": accept})
        texts[accept] = refused(answer, 404, "lab.unknown_device").text
    assert texts["ja"] != texts["en"]
    assert texts["fr"] == texts[""] == texts["ja"]  # the lab's own language
    assert texts["fr;q=1, en-GB;q=0.5"] == texts["en"]


async def test_no_such_path_and_no_such_method(http: httpx.AsyncClient) -> None:
    refused(await http.get("/api/v1/nothing"), 404, "lab.not_found")
    refused(await http.delete("/api/v1/lab"), 405, "lab.http")


async def test_a_body_of_the_wrong_shape_names_every_field(http: httpx.AsyncClient) -> None:
    refusal = refused(
        await http.post("/api/v1/bookings", json={"equipment": 7, "colour": "red"}),
        422,
        "lab.bad_request",
    )
    fields = {problem.field for problem in refusal.problems}
    assert {"equipment", "start", "end", "idempotency_key", "colour"} <= fields
    assert all(problem.code == "lab.bad_field" for problem in refusal.problems)
    refused(await http.post("/api/v1/bookings", content=b"{"), 422, "lab.bad_request")


async def test_a_mistake_of_ours_is_a_number_and_no_trace(
    http: httpx.AsyncClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wrong() -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(bench.lab.bookings, "parties", wrong)
    answer = await http.get("/api/v1/parties")
    refusal = refused(answer, 500, "lab.internal")
    assert "secret" not in answer.text
    assert len(refusal.params["reference"]) == 8


async def test_a_full_disk_is_said(
    http: httpx.AsyncClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full() -> None:
        raise StorageFailed(file="lab.db", cause="full")

    monkeypatch.setattr(bench.lab.bookings, "parties", full)
    refused(await http.get("/api/v1/parties"), 507, "lab.storage_failed")


async def test_the_openapi_document_is_whole(app: FastAPI, http: httpx.AsyncClient) -> None:
    document = (await http.get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.")
    shapes = document["components"]["schemas"]
    operations = [
        operation
        for path, methods in document["paths"].items()
        if path.startswith("/api/")
        for operation in methods.values()
    ]
    assert len({one["operationId"] for one in operations}) == len(operations)
    for operation in operations:
        refusal = operation["responses"]["409"]["content"]["application/json"]["schema"]
        assert refusal == {"$ref": "#/components/schemas/Refusal"}
        assert operation["summary"]

    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(one) for one in node.values()))
        if isinstance(node, list):
            return set().union(*(references(one) for one in node))
        return set()

    wanted = references(document)
    assert wanted == {f"#/components/schemas/{name}" for name in shapes} & wanted
    assert not any("/stream" in path for path in document["paths"])


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("booking.unknown_booking", 404),
        ("trial.unknown", 404),
        ("lab.unknown_device", 404),
        ("lab.bad_window", 422),
        ("booking.bad_hours", 422),
        ("booking.refused", 409),
        ("trial.equipment_busy", 409),
        ("lease.taken", 409),
        ("stop.latched", 409),
        ("driver.timeout", 504),
        ("stop.no_permit", 503),
        ("acme.strange", 409),
    ],
)
def test_the_status_of_a_code(code: str, status: int) -> None:
    assert status_of(code) == status


async def test_health_tells_permit_and_records(http: httpx.AsyncClient, bench: Bench) -> None:
    found = (await http.get("/healthz")).json()
    assert found == {"ok": True, "permit": True, "records": "ok"}
    bench.lab.recorder.failing = "disk full"
    found = (await http.get("/healthz")).json()
    assert (found["ok"], found["records"]) == (False, "disk full")
    bench.lab.recorder.failing = ""


async def test_nobody_there_is_unreachable() -> None:
    async with LabClient("http://127.0.0.1:1") as client:
        with pytest.raises(Unreachable):
            await client.lab()
        with pytest.raises(Unreachable):
            await anext(client.stream())


async def test_an_answer_that_is_none_of_ours_is_still_a_refusal() -> None:
    def proxy(request: httpx.Request) -> httpx.Response:
        return httpx.Response(502, text="<html>Bad gateway</html>")

    async with LabClient(URL, transport=httpx.MockTransport(proxy)) as client:
        with pytest.raises(Refused) as refusal:
            await client.lab()
    assert (refusal.value.status, refusal.value.refusal.code) == (502, "lab.http")


async def test_a_clients_token_comes_from_its_file(bench: Bench, app: FastAPI, tmp_path) -> None:
    path = tmp_path / "staff.token"
    path.write_text(TOKEN + "\n", encoding="ascii")
    async with LabClient.for_lab(URL, path, language="en") as client:
        assert client._headers()["Authorization"] == f"Bearer {TOKEN}"
