"""What a driver says of itself: data without I/O, whole and well-formed."""

from __future__ import annotations

import json
import math
import re

from equipment_drivers.conformance import plan_shape
from equipment_drivers.conformance.bench import FAULTS, Bench
from equipment_drivers.conformance.wire import Wire
from equipment_drivers.contract import API_VERSION, Driver, Effect
from equipment_drivers.texts import LANGUAGES, texts

WORD = re.compile(r"[a-z][a-z0-9_]*")
LONGEST_S = 3600.0


def test_the_driver_says_who_it_is(bench: Bench, driver: type[Driver]) -> None:
    spec = driver.spec
    assert spec.id == bench.driver
    assert spec.api_version == API_VERSION
    assert WORD.fullmatch(spec.kind)
    assert not isinstance(spec.verified_on, str)


def test_the_bench_says_something_about_every_fault(bench: Bench) -> None:
    assert set(bench.faults) == set(FAULTS)


def test_options_have_a_schema_and_refuse_what_they_do_not_know(driver: type[Driver]) -> None:
    for options in (driver.spec.connection_options, driver.spec.device_options):
        schema = json.loads(json.dumps(options.model_json_schema()))
        assert schema["type"] == "object"
        assert options.model_config.get("extra") == "forbid"
        assert options.model_config.get("frozen") is True
        required = {name for name, field in options.model_fields.items() if field.is_required()}
        assert not [name for name in required if name.endswith(("_s", "_ms"))], (
            "times need defaults"
        )


def test_a_driver_is_made_without_touching_the_wire(offline: Wire) -> None:
    silence = offline.driver.max_silence_s
    assert silence > 0
    assert silence <= LONGEST_S or isinstance(offline.bench.faults["hang"], str)
    assert offline.driver.stop_descriptor() is None
    assert offline.facts == []


def test_commands_are_described_whole(offline: Wire) -> None:
    for device in offline.connection.devices:
        spec = offline.driver.device_spec(device)
        assert spec.device == device
        assert WORD.fullmatch(spec.kind)
        for verb, command in spec.commands.items():
            assert command.verb == verb
            assert WORD.fullmatch(verb)
            assert command.allowed, f"{verb} is never allowed"
            assert command.timeout_s is None or 0 < command.timeout_s <= LONGEST_S
            assert command.args.model_config.get("extra") == "forbid"
            assert json.loads(json.dumps(command.args.model_json_schema()))


def test_signals_are_described_whole(offline: Wire) -> None:
    for device in offline.connection.devices:
        for name, signal in offline.driver.device_spec(device).signals.items():
            assert signal.name == name
            assert WORD.fullmatch(name)
            assert signal.unit
            assert 0 < signal.max_age_s < math.inf
            assert signal.precision >= 0


def test_what_the_bench_does_is_what_the_driver_offers(offline: Wire) -> None:
    bench = offline.bench
    for deed, effects in (
        (bench.read, {Effect.READ, Effect.CONFIGURE}),
        (bench.act, {Effect.ACTUATE, Effect.CONFIGURE}),
        (bench.job, {Effect.ACTUATE}),
    ):
        if deed is not None:
            command = offline.command(deed.verb)
            assert command.effect in effects
            command.args.model_validate(dict(deed.args))


def test_stop_plans_are_data_the_stopper_can_carry_out(offline: Wire) -> None:
    for device in offline.connection.devices:
        plan = offline.driver.stop_plan(device)
        assert plan_shape.problems(plan, device, offline.connection.id) == []


async def test_the_plan_of_a_device_that_was_seen_is_still_one(wire: Wire) -> None:
    for device in wire.connection.devices:
        plan = wire.driver.stop_plan(device)
        assert plan_shape.problems(plan, device, wire.connection.id) == []
        if any(step.kind == "descriptor" for step in plan.steps):
            assert wire.driver.stop_descriptor() is not None


async def test_people_are_told_in_both_languages_what_stopping_means(wire: Wire) -> None:
    means = {wire.driver.stop_plan(device).means for device in wire.connection.devices}
    for language in LANGUAGES:
        assert means <= set(texts(language)), language
