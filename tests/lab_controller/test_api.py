"""The HTTP door: who may, what it answers, and every refusal in one shape and two languages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from equipment_drivers.errors import OutcomeUnknown, Rejected
from lab_controller.api.app import create_app
from lab_controller.api.auth import staff_token
from lab_controller.api.problems import status_of
from lab_controller.client import LabClient, Refused, Unreachable
from lab_controller.database import StorageFailed
from lab_controller.wire import (
    BookingRequestShape,
    Decision,
    PersonRequest,
    QualificationRequest,
    Refusal,
)
from lab_controller.wire_trials import (
    ConditionShape,
    LimitShape,
    MeasurementRequest,
    PartRequest,
    RunRequest,
    TrialRequest,
)
from tests.lab_controller.bench import BY, Bench
from tests.lab_controller.test_jobfiles import GOOD

TOKEN = "the-lab's-own"
URL = "http://testserver"


@pytest.fixture
def app(bench: Bench) -> FastAPI:
    return create_app(bench.lab, TOKEN)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url=URL, headers=headers) as client:
        yield client


@pytest.fixture
async def lab(app: FastAPI) -> AsyncIterator[LabClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with LabClient(URL, TOKEN, language="en", transport=transport) as client:
        yield client


def refused(answer: httpx.Response, status: int, code: str) -> Refusal:
    assert answer.status_code == status, answer.text
    refusal = Refusal.model_validate_json(answer.content)
    assert refusal.code == code
    assert refusal.text
    assert refusal.text != code
    return refusal


def slot(bench: Bench, hours: float = 1.0, length: float = 1.0) -> dict[str, str]:
    start = bench.clock.now().replace(minute=0) + timedelta(hours=hours)
    return {"start": start.isoformat(), "end": (start + timedelta(hours=length)).isoformat()}


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


# -- who may --------------------------------------------------------------------------------


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


# -- one shape ------------------------------------------------------------------------------


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


# -- the lab and its devices ----------------------------------------------------------------


async def test_the_lab_at_a_glance(lab: LabClient, bench: Bench) -> None:
    found = await lab.lab()
    assert (found.name, found.timezone, found.permit) == ("Test lab", "Asia/Tokyo", True)
    assert found.now == bench.clock.now()
    assert not found.latch.latched


async def test_a_device_on_its_three_axes(lab: LabClient, bench: Bench) -> None:
    bench.driver("usb").measure("printer", "heat", 205.5)
    bench.clock.go(11)
    found = {one.id: one for one in await lab.devices()}
    printer = found["printer"]
    assert (printer.link, printer.operation, printer.safety) == ("online", "idle", "normal")
    assert (printer.equipment, printer.connection, printer.kind) == ("bench", "usb", "fake")
    (heat,) = printer.readings
    assert (heat.value, heat.unit, heat.quality, heat.stale, heat.age_s) == (
        205.5,
        "Cel",
        "GOOD",
        True,
        11.0,
    )
    assert printer.commands == ["look", "move", "run_job"]
    assert printer.estop == "red button at the front"
    assert printer.stoppable
    assert found["room"].equipment is None
    assert (await lab.device("printer")) == printer
    assert (await lab.reconnect("printer")).id == "printer"
    with pytest.raises(Refused) as unknown:
        await lab.device("lathe")
    assert (unknown.value.status, unknown.value.refusal.code) == (404, "lab.unknown_device")


async def test_commands_and_their_refusals(lab: LabClient, bench: Bench) -> None:
    async def code(device: str, verb: str, arguments: dict[str, object] | None = None):
        with pytest.raises(Refused) as refusal:
            await lab.command(device, verb, arguments)
        return refusal.value.status, refusal.value.refusal.code

    assert await code("robot", "move", {"x": 1}) == (409, "lease.missing")
    assert await code("robot", "fly") == (404, "lab.unknown_command")
    await bench.armed("cell")
    assert await code("robot", "move", {"y": 1}) == (422, "lab.bad_arguments")
    assert await code("robot", "run_job", {"file": "nobody"}) == (404, "lab.unknown_gcode")
    lost = OutcomeUnknown(device="robot", cause="no answer in 3 s")
    bench.driver("lan").command_faults["move"] = lost
    assert await code("robot", "move", {"x": 1}) == (504, "driver.timeout")
    bench.driver("lan").command_faults["move"] = Rejected(device="robot")
    assert await code("robot", "move", {"x": 1}) == (409, "driver.rejected")
    del bench.driver("lan").command_faults["move"]
    row = await lab.command("robot", "move", {"x": 1.5})
    assert (row.state, row.issuer, row.arguments) == ("done", "staff", {"x": 1.5})
    assert await lab.command_row(row.id) == row
    log = await lab.command_log("robot")
    assert [one.state for one in log] == ["done", "failed", "unknown"]
    assert log[1].text
    assert "no answer in 3 s" in log[2].text
    assert await lab.command_log("plug") == []
    with pytest.raises(Refused) as unknown:
        await lab.command_row("nobody")
    assert unknown.value.status == 404


async def test_stop_and_reset(lab: LabClient, bench: Bench) -> None:
    with pytest.raises(Refused) as unknown:
        await lab.stop("lathe")
    assert unknown.value.status == 404
    assert bench.stopper.keeper.state.is_open
    found = await lab.stop(reason="smoke")
    assert {one.device: one.outcome for one in found.devices} == dict.fromkeys(
        ("printer", "robot", "plug"), "SENT"
    )
    assert found.notice
    assert found.devices[0].name
    assert (found.device, found.reason, found.cause) == (None, "smoke", "stop button")
    assert found.by
    assert {one.device: one.estop for one in found.devices}["printer"] == "red button at the front"
    await bench.until(lambda: bench.lab.board["robot"].latched)
    shown = await lab.lab()
    assert (shown.latch.latched, shown.latch.scopes, shown.latch.reason) == (
        True,
        ["lab"],
        "smoke",
    )
    with pytest.raises(Refused) as empty:
        await lab.reset("")
    assert empty.value.status == 422
    bench.driver("lan").resync_faults = [Rejected(device="robot")]
    with pytest.raises(Refused) as unverified:
        await lab.reset("clear")
    assert unverified.value.refusal.code == "stop.not_verified"
    assert "robot" in unverified.value.refusal.text
    assert not (await lab.reset("clear")).latched


async def test_a_window_of_telemetry(lab: LabClient, bench: Bench) -> None:
    start = bench.clock.now()
    for value in (10.0, 20.0, 30.0):
        bench.driver("usb").measure("printer", "heat", value)
        bench.clock.go(10)
    await bench.lab.recorder.flush()
    end = start + timedelta(seconds=40)
    found = await lab.window("printer", "heat", start, end, buckets=4)
    assert found.unit == "Cel"
    assert [(one.mean, one.count) for one in found.buckets] == [
        (10.0, 1),
        (20.0, 1),
        (30.0, 1),
        (None, 0),
    ]
    assert found.buckets[0].start == start
    for given, code in (
        ({"signal": "torque"}, "lab.unknown_signal"),
        ({"end": start.isoformat()}, "lab.bad_window"),
        ({"start": "2026-11-20T10:00:00"}, "lab.bad_window"),
        ({"buckets": 0}, "lab.bad_request"),
        ({"buckets": 100_000}, "lab.bad_request"),
    ):
        asked = {
            "device": "printer",
            "signal": "heat",
            "start": start.isoformat(),
            "end": end.isoformat(),
            **given,
        }
        with pytest.raises(Refused) as refusal:
            await lab._call("GET", "/telemetry", params=asked)
        assert refusal.value.refusal.code == code


async def test_job_files(lab: LabClient) -> None:
    kept = await lab.upload_gcode("jig.gcode", GOOD)
    assert (kept.name, kept.lines) == ("jig.gcode", 3)
    assert await lab.gcode() == [kept]
    with pytest.raises(Refused) as bad:
        await lab.upload_gcode("bad.gcode", b"M500\nM501\n")
    assert (bad.value.status, bad.value.refusal.code) == (422, "gcode.refused")
    assert [one.field for one in bad.value.refusal.problems] == ["line 1", "line 2"]
    assert all(one.text for one in bad.value.refusal.problems)
    with pytest.raises(Refused) as stranger:
        await lab.command("printer", "move", {"path": "/etc/passwd"})
    assert stranger.value.refusal.code == "lab.unknown_gcode"


# -- booking --------------------------------------------------------------------------------


async def test_a_booking_from_the_wish_to_the_door(lab: LabClient, bench: Bench) -> None:
    times = slot(bench)
    (one,) = [one for one in await lab.equipment() if one.id == "bench"]
    assert (one.name, one.qualification) == ("Bench", "fdm")
    free = await lab.slots("bench", bench.clock.now(), bench.clock.now() + timedelta(hours=8))
    assert any(cell.free for cell in free)
    wanted = BookingRequestShape(
        equipment="cell",
        **times,
        company="サクラ精密",
        contact="佐倉 花",
        phone="03-0000-0000",
        idempotency_key="key-00000001",
    )
    made = await lab.request_booking(wanted)
    assert (made.state, made.party_name, made.contact) == ("requested", "サクラ精密", "佐倉 花")
    assert await lab.request_booking(wanted) == made  # the same key is the same booking
    with pytest.raises(Refused) as reused:
        await lab.request_booking(wanted.model_copy(update={"head_count": 3}))
    assert reused.value.refusal.code == "booking.key_reused"
    with pytest.raises(Refused) as overlap:
        await lab.request_booking(wanted.model_copy(update={"idempotency_key": "key-00000002"}))
    assert "booking.overlap" in {one.code for one in overlap.value.refusal.problems}
    assert [one.id for one in await lab.bookings(made.start, made.end)] == [made.id]
    assert (await lab.decide(made.id, "confirm")).state == "confirmed"
    with pytest.raises(Refused) as early:
        await lab.decide(made.id, "arm")
    assert early.value.refusal.code == "lab.not_checked_in"
    bench.clock.go(3600)
    assert (await lab.decide(made.id, "check-in", Decision(head_count=2))).state == "checked_in"
    armed = await lab.decide(made.id, "arm")
    assert (armed.armed, armed.lease is not None) == (True, True)
    with pytest.raises(Refused) as here:
        await lab.decide(made.id, "cancel", Decision(reason="後で"))
    assert here.value.status == 409
    assert (await lab.booking(made.id)).armed  # a cancel that is refused takes nothing away
    assert not (await lab.decide(made.id, "disarm")).armed
    await lab.decide(made.id, "arm")
    out = await lab.decide(made.id, "check-out")
    assert (out.state, out.armed) == ("completed", False)
    assert [row[1] for row in await bench.leases()] == ["disarmed", "checked_out"]


async def test_bookings_refused(lab: LabClient, bench: Bench) -> None:
    with pytest.raises(Refused) as unknown:
        await lab.booking("nobody")
    assert (unknown.value.status, unknown.value.refusal.code) == (404, "booking.unknown_booking")
    await bench.people()
    booking = await bench.book("cell", operator=None)
    with pytest.raises(Refused):
        await lab.decide(booking.id, "fly")
    with pytest.raises(Refused):
        await lab.decide(booking.id, "disarm")
    past = slot(bench, hours=-3)
    wanted = BookingRequestShape(
        equipment="bench", **past, head_count=99, party="sakura", idempotency_key="key-00000003"
    )
    with pytest.raises(Refused) as refusal:
        await lab.request_booking(wanted)
    assert refusal.value.refusal.code == "booking.refused"
    assert len(refusal.value.refusal.problems) >= 2  # all at once
    assert all(one.text and one.text != one.code for one in refusal.value.refusal.problems)
    naive = bench.clock.now().replace(tzinfo=None)
    for call in (lab.bookings(naive, naive), lab.slots("bench", naive, naive)):
        with pytest.raises(Refused) as window:
            await call
        assert window.value.refusal.code == "lab.bad_window"
    now = bench.clock.now()
    with pytest.raises(Refused):
        await lab.slots("bench", now, now + timedelta(days=32))
    with pytest.raises(Refused) as nothing:
        await lab.slots("lathe", now, now + timedelta(days=1))
    assert nothing.value.status == 404
    declined = await lab.decide(
        (await bench.book("bench", operator=(await lab.people("sakura"))[0].id)).id,
        "cancel",
        Decision(reason="機械の点検"),
    )
    assert (declined.state, declined.reason) == ("cancelled", "機械の点検")


async def test_people_and_certificates(lab: LabClient, bench: Bench) -> None:
    await bench.people()
    assert [one.id for one in await lab.parties()] == ["sakura"]
    added = await lab.add_person("sakura", PersonRequest(name="佐倉 空", kana="さくら そら"))
    held = QualificationRequest(qualification_class="robot", issued_on=bench.clock.now().date())
    assert (await lab.add_qualification(added.id, held)).qualifications == ["robot"]
    names = {one.name: one.qualifications for one in await lab.people("sakura")}
    assert names == {"佐倉 花": ["fdm"], "佐倉 空": ["robot"]}
    for call in (
        lab.add_person("nobody", PersonRequest(name="x")),
        lab.add_qualification("nobody", held),
    ):
        with pytest.raises(Refused) as unknown:
            await call
        assert unknown.value.status == 404


async def test_arming_that_fails_says_why_in_words(lab: LabClient, bench: Bench) -> None:
    booking = await bench.checked_in()
    bench.driver("hub").command_faults["turn_on"] = Rejected(device="plug")
    with pytest.raises(Refused) as refusal:
        await lab.decide(booking.id, "arm")
    assert refusal.value.refusal.code == "lab.arm_failed"
    assert "driver.rejected" not in refusal.value.refusal.text


# -- trials ---------------------------------------------------------------------------------


async def test_a_trial_from_its_plan_to_its_numbers(lab: LabClient, bench: Bench) -> None:
    booking = await bench.armed()
    trial = await lab.create_trial(
        TrialRequest(
            booking=booking.id,
            title="治具",
            limits=[LimitShape(characteristic="幅", nominal=25, tolerance=0.1, unit="mm")],
            conditions=[ConditionShape(name="標準", settings={"層": "0.2"})],
        )
    )
    assert await lab.trial(trial.id) == trial
    assert await lab.trials(booking.id) == [trial]
    assert (await lab.booking(booking.id)).trial == trial.id
    run = await lab.plan_run(trial.id, RunRequest(condition="標準", operator="佐倉 花"))
    assert (run.state, run.number) == ("planned", 1)
    assert (await lab.run_step(run.id, "start")).state == "running"
    assert (await lab.count_part(run.id, PartRequest(verdict="good"))).good == 1
    await lab.measure(run.id, MeasurementRequest(characteristic="幅", value=25.02, unit="mm"))
    await lab.note(run.id, "きれい")
    assert (await lab.run_step(run.id, "pause", "材料")).state == "paused"
    assert (await lab.run_step(run.id, "resume")).state == "running"
    ended = await lab.run_step(run.id, "finish")
    assert (ended.state, ended.good) == ("finished", 1)
    assert await lab.run_numbers(run.id)
    again = await lab.plan_run(trial.id, RunRequest(condition="標準"))
    await lab.run_step(again.id, "start")
    assert (await lab.run_step(again.id, "abort", "やり直し")).cause == "やり直し"
    assert [one.state for one in (await lab.trial(trial.id)).runs] == ["finished", "aborted"]


async def test_trials_refused(lab: LabClient, bench: Bench) -> None:
    async def code(call) -> tuple[int, str]:
        with pytest.raises(Refused) as refusal:
            await call
        return refusal.value.status, refusal.value.refusal.code

    assert await code(lab.trial("nobody")) == (404, "trial.unknown")
    assert await code(lab.run_numbers("nobody")) == (404, "trial.unknown_run")
    assert await code(lab.create_trial(TrialRequest(booking="nobody", title="x"))) == (
        404,
        "booking.unknown_booking",
    )
    booking = await bench.checked_in()
    with pytest.raises(Refused) as invalid:
        await lab.create_trial(TrialRequest(booking=booking.id, title=" "))
    assert (invalid.value.status, invalid.value.refusal.code) == (422, "trial.invalid")
    assert invalid.value.refusal.problems
    assert all(one.text and one.text != one.code for one in invalid.value.refusal.problems)
    run = await bench.run(booking)
    trial = (await lab.trials())[0].id
    assert await code(lab.plan_run(trial, RunRequest(condition="?"))) == (
        404,
        "trial.unknown_condition",
    )
    assert await code(lab.run_step(run, "start")) == (409, "lab.not_armed")
    assert await code(lab.run_step(run, "finish")) == (409, "trial.not_running")
    assert await code(lab.count_part(run, PartRequest(verdict="good"))) == (
        409,
        "trial.not_running",
    )
    assert await code(lab.run_step(run, "fly")) == (422, "lab.bad_request")
    assert await code(lab.make_report(trial)) == (409, "lab.no_record")
    assert await code(lab.report_file(trial, "report.pdf")) == (404, "lab.unknown_report_file")
    assert await code(lab.report_file(trial, "../lab.db")) != (200, "")
    await bench.lab.arming.arm(booking.id, by=BY)
    await lab.run_step(run, "start")
    nan = MeasurementRequest(characteristic="幅", value=1e400, unit="mm")
    assert nan.value == float("inf")


# -- clients --------------------------------------------------------------------------------


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
