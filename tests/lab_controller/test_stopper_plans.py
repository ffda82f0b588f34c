"""Plans are data from outside: whatever comes, the good ones stay usable."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_controller.stopper.calls import HttpCall, OpcuaCall, OpcuaServer, Security, SocketCall
from lab_controller.stopper.plans import parse_plans
from tests.lab_controller.stopper_rig import descriptor_plan, http_plan, opcua_plan, socket_plan

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
GOOD = {
    "descriptor": descriptor_plan("d"),
    "http": http_plan("d", 8123),
    "opcua_call": opcua_plan("d", "opc.tcp://127.0.0.1:4840/"),
    "socket": socket_plan("d", 29999),
}
SECURITY = {
    "policy": "Basic256Sha256",
    "mode": "SignAndEncrypt",
    "certificate_file": "a.der",
    "private_key_file": "a.pem",
    "trust_dir": "trusted",
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_plan_has_no_problem(kind: str) -> None:
    plans, lost = parse_plans([GOOD[kind]])
    assert (plans["d"].problems, lost) == ((), [])
    assert plans["d"].steps[0].kind == kind


def test_calls_carry_what_the_plan_says() -> None:
    plans, _ = parse_plans([{**GOOD["http"], "device": "h"}, {**GOOD["opcua_call"], "device": "o"}])
    http, opcua = plans["h"].steps[0].call, plans["o"].steps[0].call
    assert isinstance(http, HttpCall)
    assert (http.host, http.port, http.method, http.target) == ("127.0.0.1", 8123, "POST", "/off")
    assert isinstance(opcua, OpcuaCall)
    assert (opcua.object, opcua.method) == (
        (("urn:test:robot", "Robot"),),
        ("urn:test:robot", "Stop"),
    )


@given(json_values)
def test_any_value_as_plans_leaves_the_good_one_usable(junk: Any) -> None:
    plans, _ = parse_plans([junk, descriptor_plan("printer")])
    assert plans["printer"].steps[0].call is not None


@given(
    kind=st.sampled_from(sorted(GOOD)),
    key=st.sampled_from(
        [
            "write_hex",
            "expect",
            "url",
            "method",
            "headers",
            "body",
            "endpoint",
            "object",
            "args",
            "confirm",
        ]
    ),
    junk=json_values,
)
def test_any_value_in_a_payload_is_a_problem_or_a_call(kind: str, key: str, junk: Any) -> None:
    step = GOOD[kind]["steps"][0]
    bent = {**step, "payload": {**step["payload"], key: junk}}
    plans, _ = parse_plans([{**GOOD[kind], "steps": [bent]}])
    read = plans["d"].steps[0]
    assert (read.call is None) == bool(read.problem)
    assert hash(read.call) is not None


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("descriptor", {"write_hex": "4d3"}),
        ("descriptor", {"expect": "("}),
        ("http", {"url": "ftp://127.0.0.1/off"}),
        ("http", {"url": "http://127.0.0.1:99999/off"}),
        ("http", {"url": "http://127.0.0.1:8123/a b"}),
        ("http", {"headers": {"X": "a\r\nContent-Length: 0"}}),
        ("http", {"method": "post"}),
        ("http", {"confirm": {"url": "http://elsewhere/state", "key": "state", "equals": "off"}}),
        ("http", {"confirm": {"url": "http://127.0.0.1:8123/state", "key": "state"}}),
        ("opcua_call", {"endpoint": "http://127.0.0.1/"}),
        ("opcua_call", {"method": ["only-one"]}),
        ("opcua_call", {"args": None}),
        ("opcua_call", {"args": [["Int32"]]}),
        ("opcua_call", {"confirm": {"path": [], "equals": "Stopped"}}),
    ],
)
def test_what_could_not_be_carried_out_is_a_problem(kind: str, change: dict[str, Any]) -> None:
    step = GOOD[kind]["steps"][0]
    bent = {**step, "payload": {**step["payload"], **change}}
    plans, _ = parse_plans([{**GOOD[kind], "steps": [bent]}])
    assert plans["d"].problems


@pytest.mark.parametrize("deadline", [0, -1, 11, float("nan"), True, "1"])
def test_a_deadline_is_a_number_of_seconds_up_to_ten(deadline: object) -> None:
    plan = descriptor_plan("d")
    plan["steps"][0]["deadline_s"] = deadline
    assert parse_plans([plan])[0]["d"].problems


def test_a_device_named_twice_is_not_stopped_by_guess() -> None:
    plans, _ = parse_plans([descriptor_plan("d"), http_plan("d", 8123)])
    assert plans["d"].problems == ("device: given twice",)


def changed(kind: str, **payload: Any) -> Any:
    plan = GOOD[kind]
    return {
        **plan,
        "steps": [{**plan["steps"][0], "payload": plan["steps"][0]["payload"] | payload}],
    }


def test_a_socket_step_says_where_what_and_how_it_is_kept() -> None:
    call = parse_plans([GOOD["socket"]])[0]["d"].steps[0].call
    assert isinstance(call, SocketCall)
    assert (call.address, call.data, call.keep) == (("127.0.0.1", 29999), b"stop d\n", b"mode\n")
    assert call.greeting is not None
    assert call.greeting.search(b"Connected: Universal Robots")


def test_a_session_is_told_apart_by_who_it_is_and_keeps_its_password() -> None:
    data = changed("opcua_call", security=SECURITY, user="hanako", password="secret-word")
    call = parse_plans([data])[0]["d"].steps[0].call
    assert isinstance(call, OpcuaCall)
    endpoint = "opc.tcp://127.0.0.1:4840/"
    assert call.server == OpcuaServer(endpoint, Security(**SECURITY), "hanako", "secret-word")
    assert call.server != OpcuaServer(endpoint)
    assert "secret-word" not in repr(call)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("socket", {"port": 0}),
        ("socket", {"port": True}),
        ("socket", {"port": "29999"}),
        ("socket", {"host": ""}),
        ("socket", {"greeting": "("}),
        ("socket", {"expect": 3}),
        ("socket", {"keep_hex": "0x"}),
        ("socket", {"write_hex": ""}),
        ("opcua_call", {"security": {**SECURITY, "trust_dir": ""}}),
        ("opcua_call", {"user": None}),
        ("opcua_call", {"password": 5}),
    ],
)
def test_what_cannot_be_carried_out_is_said_of_its_step(kind: str, payload: Any) -> None:
    plan = parse_plans([changed(kind, **payload)])[0]["d"]
    assert len(plan.problems) == 1
    assert next(iter(payload)).split("_")[0] in plan.problems[0] or "trust_dir" in plan.problems[0]


def test_what_the_lab_knows_of_a_device_never_spoils_its_plan() -> None:
    place = {"ja": "赤", "en": "red"}
    plan = parse_plans([{**GOOD["socket"], "known": False, "estop": place}])[0]["d"]
    assert (plan.known, plan.estop) == (False, place)
    odd = parse_plans([{**GOOD["socket"], "known": "?", "estop": "red"}])[0]["d"]
    assert (odd.known, odd.estop, odd.problems) == (True, {}, ())


def test_a_token_in_a_header_is_not_shown() -> None:
    plans, _ = parse_plans([http_plan("d", 1)])
    call = plans["d"].steps[0].call
    assert isinstance(call, HttpCall)
    assert call.headers == (("Authorization", "Bearer secret-word"),)
    assert "secret-word" not in repr(plans)
