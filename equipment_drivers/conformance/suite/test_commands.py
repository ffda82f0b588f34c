"""What is refused is refused before a byte; what may act acts once; what was lost stays unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from equipment_drivers.conformance.bench import Deed
from equipment_drivers.conformance.wire import GO, MAY_NOT, NO_LEASE, PATIENCE_S, Wire, needs_a_peer
from equipment_drivers.contract import Effect
from equipment_drivers.errors import (
    BadArguments,
    DriverError,
    NotAllowedNow,
    NotSupported,
    OutcomeUnknown,
    Refused,
    Stopped,
)
from equipment_drivers.model import Operation

ABSURD = (float("nan"), float("inf"), 1e308, -1e308)


def act_of(wire: Wire) -> Deed:
    """What acts on this bench, or skip."""
    if wire.bench.act is None:
        pytest.skip("the device only measures")
    return wire.bench.act


async def test_bad_arguments_are_refused_before_a_byte(offline: Wire) -> None:
    """Refused for their arguments even without a wire: so nothing can have been sent."""
    for device in offline.connection.devices:
        for verb in offline.driver.device_spec(device).commands:
            with pytest.raises(BadArguments):
                await offline.connection.execute(device, verb, {"no_such_thing": 1}, GO)


async def test_absurd_numbers_move_nothing(wire: Wire) -> None:
    deed = act_of(wire)
    before = await wire.bench.witness()
    for key, value in deed.args.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            for absurd in ABSURD:
                args: Mapping[str, object] = {**deed.args, key: absurd}
                with pytest.raises(Refused):
                    await wire.do(Deed(deed.verb, args))
    assert await wire.bench.witness() == before


async def test_what_it_does_not_know_is_not_supported(wire: Wire) -> None:
    for device, verb in ((wire.device, "no_such_verb"), ("no_such_device", "refresh")):
        with pytest.raises(NotSupported):
            await wire.connection.execute(device, verb, {}, GO)


async def test_reading_needs_no_lease(wire: Wire) -> None:
    deed = wire.bench.read
    if deed is None or wire.command(deed.verb).effect is not Effect.READ:
        pytest.skip("the device has no command that only reads")
    before = await wire.bench.witness()
    await wire.do(deed, NO_LEASE)
    assert await wire.bench.witness() == before


async def test_acting_is_done_once_for_each_command(wire: Wire) -> None:
    deed = act_of(wire)
    before = await wire.bench.witness()
    await wire.do(deed)
    once = await wire.settled() - before
    await wire.do(deed)
    assert once > 0, "the witness does not see it"
    assert await wire.settled() - before == 2 * once


async def test_nothing_acts_that_may_not(wire: Wire) -> None:
    """Neither through the connection nor by the driver itself, whose own check is the last."""
    before = await wire.bench.witness()
    for deed in (act_of(wire), wire.bench.job):
        if deed is None:
            continue
        with pytest.raises(Stopped):
            await wire.do(deed, MAY_NOT)
        args = wire.command(deed.verb).args.model_validate(dict(deed.args))
        with pytest.raises(Stopped):
            await wire.driver.execute(wire.device, deed.verb, args, MAY_NOT)
    assert await wire.settled() == before


async def test_nothing_is_sent_without_a_link(offline: Wire) -> None:
    deed = offline.bench.act or offline.bench.read
    if deed is None:
        pytest.skip("the device takes no command")
    before = await offline.bench.witness()
    with pytest.raises(NotAllowedNow):
        await offline.do(deed)
    await offline.online()
    assert await offline.settled() == before  # and nothing was parked
    await offline.stop()
    with pytest.raises(NotAllowedNow):
        await offline.do(deed)


async def test_x02_a_command_may_be_cancelled_at_every_step(wire: Wire) -> None:
    """After n steps of the loop for n = 1, 2, 3 …; then the next command passes, nothing waits."""
    deed = wire.bench.act or wire.bench.read
    if deed is None:
        pytest.skip("the device takes no command")
    before = await wire.bench.witness()
    tried = 0
    for steps in (*range(1, 17), 24, 32, 64, 128):
        task = wire.doing(deed)
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=PATIENCE_S)
        tried += 1
        assert task.done(), f"after {steps} steps it does not end"
        done = await wire.settled()
    assert done == await wire.settled()
    await wire.do(deed)
    per_act = await wire.settled() - done
    assert done - before <= tried * per_act


async def test_a_job_that_is_ended_goes_no_further(wire: Wire) -> None:
    job = wire.bench.job
    if job is None or wire.command(job.verb).timeout_s is not None:
        pytest.skip("the device has no job that the controller feeds")
    task = wire.doing(job)
    await wire.until(lambda: wire.operation is Operation.BUSY)
    await wire.connection.cancel_jobs()
    with pytest.raises(Stopped):
        await task
    await wire.until(lambda: wire.operation is not Operation.BUSY)
    first = await wire.settled()
    assert await wire.settled() == first


async def test_what_was_in_flight_is_unknown_and_never_sent_again(wire: Wire) -> None:
    deed = act_of(wire)
    needs_a_peer(wire)
    before = await wire.bench.witness()
    await wire.do(deed)
    per_act = await wire.settled() - before
    await wire.bench.freeze(True)
    with pytest.raises(OutcomeUnknown):
        await wire.do(deed)
    await wire.until(lambda: not wire.link.carries_commands, wire.silence_s)
    await wire.bench.freeze(False)
    await wire.until(lambda: wire.link.carries_commands)
    count = await wire.settled() - before
    assert count <= 2 * per_act
    assert await wire.settled() - before == count


async def test_a_driver_raises_its_own_errors_only(wire: Wire) -> None:
    """An operation that is not allowed now is refused as such, for every command."""
    for verb, command in wire.driver.device_spec(wire.device).commands.items():
        if wire.operation in command.allowed or command.args.model_json_schema().get("required"):
            continue
        with pytest.raises(DriverError) as caught:
            await wire.connection.execute(wire.device, verb, {}, GO)
        assert isinstance(caught.value, NotAllowedNow)
