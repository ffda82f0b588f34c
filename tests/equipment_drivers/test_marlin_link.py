"""The numbered link against a fake firmware: exactly once, in order, whatever the wire does.

Time jumps: what takes minutes of waiting on a wire takes milliseconds here.
"""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipment_drivers.devices.marlin_lines import frame
from equipment_drivers.devices.marlin_link import LinkTiming, MarlinLink
from equipment_drivers.devices.marlin_replies import Kind
from equipment_drivers.errors import DriverError, LinkLost, Stopped
from tests.equipment_drivers.fake_marlin import (
    OkAfterResend,
    checksum,
    run_at_once,
)
from tests.equipment_drivers.marlin_link_bench import Bench, Moves

MODES: tuple[OkAfterResend, ...] = ("always", "never", "sometimes")


def test_a_frame_is_number_command_and_xor() -> None:
    assert frame(3, "T0") == b"N3 T0*57\n"


@given(st.integers(0, 10**7), st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_every_frame_carries_its_own_checksum(number: int, command: str) -> None:
    body, star, rest = frame(number, command).decode("ascii").rpartition("*")
    assert (body, star, rest) == (f"N{number} {command}", "*", f"{checksum(body)}\n")


def test_a_clean_line_needs_no_second_copy() -> None:
    async def main() -> None:
        bench = Bench()
        job = await bench.stream(500)
        assert bench.executed("G1") == job
        assert bench.link.resends == 0
        assert all(line.startswith(b"N") for line in bench.wire.written)

    run_at_once(main())


@pytest.mark.parametrize("drops_repeats", [False, True], ids=["asks-again", "drops-repeats"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("noise", [0.05, 0.1])
def test_exactly_once_in_order_in_noise(
    noise: float, mode: OkAfterResend, drops_repeats: bool
) -> None:
    """50 seeds of 120 lines each; every second one with numbered acknowledgements."""

    async def main(seed: int) -> None:
        bench = Bench(mode, seed, noise, drops_repeats=drops_repeats)
        bench.firmware.advanced_ok = seed % 2 == 1
        job = await bench.stream(120)
        assert bench.executed("G1") == job
        assert all(number is not None for number, _ in bench.firmware.executed)

    for seed in range(50):
        run_at_once(main(seed))


@given(
    seed=st.integers(0, 10**9),
    mode=st.sampled_from(MODES),
    noise=st.floats(0.0, 0.15),
    lost=st.floats(0.0, 0.05),
    late=st.booleans(),
    drops_repeats=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_exactly_once_in_order_with_late_lost_and_damaged_lines(
    seed: int, mode: OkAfterResend, noise: float, lost: float, late: bool, drops_repeats: bool
) -> None:
    async def main() -> None:
        bench = Bench(mode, seed, noise, lost, late, drops_repeats)
        job = await bench.stream(60)
        assert bench.executed("G1") == job

    run_at_once(main())


SEVERAL = LinkTiming(window=4, rx_bytes=400)


@pytest.mark.parametrize("drops_repeats", [False, True], ids=["asks-again", "drops-repeats"])
@pytest.mark.parametrize("mode", MODES)
def test_exactly_once_in_order_with_several_moves_out(
    mode: OkAfterResend, drops_repeats: bool
) -> None:
    """50 seeds at 10 % noise; what follows a damaged line is sent again with it."""

    async def main(seed: int) -> int:
        bench = Bench(mode, seed, 0.1, drops_repeats=drops_repeats, timing=SEVERAL)
        bench.firmware.advanced_ok = True
        job = await bench.print(120)
        assert bench.executed("G1 ") + bench.executed("M106") == sorted(
            job, key=lambda line: line.startswith("M106")
        )
        return bench.wire.most_out

    assert max(run_at_once(main(seed)) for seed in range(50)) == 4


@given(
    seed=st.integers(0, 10**9),
    mode=st.sampled_from(MODES),
    noise=st.floats(0.0, 0.15),
    lost=st.floats(0.0, 0.05),
    late=st.booleans(),
    drops_repeats=st.booleans(),
    window=st.integers(1, 4),
)
@settings(max_examples=150, deadline=None)
def test_exactly_once_with_several_out_and_late_lost_and_damaged_lines(
    seed: int,
    mode: OkAfterResend,
    noise: float,
    lost: float,
    late: bool,
    drops_repeats: bool,
    window: int,
) -> None:
    async def main() -> None:
        timing = LinkTiming(window=window, rx_bytes=400)
        bench = Bench(mode, seed, noise, lost, late, drops_repeats, timing)
        bench.firmware.advanced_ok = True
        job = await bench.print(60)
        assert [line for line in bench.executed() if line in job] == job

    run_at_once(main())


def test_without_numbered_acknowledgements_one_line_is_out_whatever_is_allowed() -> None:
    async def main() -> int:
        bench = Bench(timing=SEVERAL)
        await bench.print(60)
        return bench.wire.most_out

    assert run_at_once(main()) == 1


@pytest.mark.parametrize("room", [96, 128, 200, 400])
def test_what_is_out_fits_the_receive_buffer(room: int) -> None:
    async def main() -> int:
        bench = Bench(timing=LinkTiming(window=4, rx_bytes=room))
        bench.firmware.advanced_ok = True
        await bench.print(60)
        return bench.wire.most_bytes_out

    assert 0 < run_at_once(main()) <= room


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("drops_repeats", [False, True], ids=["asks-again", "drops-repeats"])
def test_a_lost_ok_is_settled_by_one_further_line(mode: OkAfterResend, drops_repeats: bool) -> None:
    async def main() -> None:
        bench = Bench(mode, drops_repeats=drops_repeats)
        await bench.link.renumber()
        bench.wire.lost = 1.0
        answer = bench.link.send("G28")
        asyncio.get_running_loop().call_later(1.0, setattr, bench.wire, "lost", 0.0)
        await answer
        await bench.link.send("G1 X1")
        assert bench.executed()[2:] == ["G28", "M105", "G1 X1"]

    run_at_once(main())


def test_busy_holds_off_the_timeout_for_as_long_as_it_comes() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        bench.wire.silent = True
        answer = bench.link.send("M109 S200")
        loop = asyncio.get_running_loop()
        for second in range(2, 300, 2):
            loop.call_at(loop.time() + second, bench.link.hear, "echo:busy: processing")
        loop.call_at(loop.time() + 300, bench.link.hear, "ok")
        await answer
        assert len(bench.wire.written) == 3

    run_at_once(main())


def test_silence_ends_in_an_unknown_outcome_and_breaks_the_link() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        bench.wire.silent = True
        first, second = bench.link.send("G28 X"), bench.link.send("G28 Y")
        for answer in (first, second):
            with pytest.raises(DriverError) as caught:
                await answer
            assert caught.value.code == "driver.timeout"
        assert [fault.code for fault in bench.broken] == ["driver.peer_silent"]
        with pytest.raises(DriverError):
            await bench.link.send("M105")

    run_at_once(main())


def test_wait_with_a_line_out_means_its_ok_was_lost() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        began = asyncio.get_running_loop().time()
        bench.wire.lost = 1.0
        answer = bench.link.send("G1 X1")
        asyncio.get_running_loop().call_later(0.5, setattr, bench.wire, "lost", 0.0)
        asyncio.get_running_loop().call_later(0.6, bench.link.hear, "wait")
        await answer
        assert asyncio.get_running_loop().time() - began < 1.0
        assert bench.executed()[-2:] == ["G1 X1", "M105"]

    run_at_once(main())


def test_wait_and_ok_with_nothing_out_are_ignored() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        for line in ("wait", "ok", "ok", "Resend: 77", "echo:busy: processing"):
            bench.link.hear(line)
        await bench.link.send("G1 X1")
        assert bench.executed()[2:] == ["G1 X1"]

    run_at_once(main())


def test_reports_and_host_actions_are_no_acknowledgement() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        bench.wire.silent = True
        answer = bench.link.send("G1 X2")
        for line in ("T:20.00 /0.00", "echo:hello", "//action:paused", "Error:Probing Failed"):
            bench.link.hear(line)
        assert not answer.done()
        bench.link.hear("ok")
        assert await answer == ["T:20.00 /0.00", "echo:hello", "//action:paused"]

    run_at_once(main())


def test_a_storm_of_resends_ends_the_link() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        bench.firmware.take = lambda line: iter(("Resend: 1", "ok"))  # type: ignore[method-assign]
        with pytest.raises(DriverError) as caught:
            await bench.link.send("G1 X1")
        assert caught.value.params["cause"] == "resend_storm"
        assert bench.link.resends == 11
        assert bench.broken == [caught.value]

    run_at_once(main())


def test_a_number_that_cannot_be_wanted_is_not_followed_and_ends_the_link_when_it_stays() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        for number in range(20):
            await bench.link.send(f"G1 X{number}")
        written = len(bench.wire.written)
        bench.firmware.last = 0
        with pytest.raises(DriverError) as caught:
            await bench.link.send("G1 X99")
        assert caught.value.params["cause"] == "desync"
        assert set(bench.wire.written[written:]) == {frame(21, "G1 X99")}

    run_at_once(main())


@pytest.mark.parametrize("banner", ["start", "External Reset"])
def test_a_board_that_restarts_in_the_middle_ends_the_link(banner: str) -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        bench.wire.silent = True
        answer = bench.link.send("G1 X1")
        bench.link.hear(banner)
        with pytest.raises(DriverError) as caught:
            await answer
        assert (caught.value.code, caught.value.params["cause"]) == ("driver.faulted", "restarted")
        assert [fault.code for fault in bench.broken] == ["driver.link_lost"]

    run_at_once(main())


def test_a_banner_during_the_handshake_only_repeats_it() -> None:
    async def main() -> None:
        bench = Bench()
        bench.link.hear("start")
        handshake = asyncio.ensure_future(bench.link.renumber())
        await asyncio.sleep(0)
        bench.link.hear("External Reset")
        await handshake
        await bench.link.send("G1 X1")
        assert bench.executed("G1") == ["G1 X1"]
        assert not bench.broken

    run_at_once(main())


def test_a_halted_printer_fails_everybody_who_waits() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        answers = [bench.link.send("M112"), bench.link.send("M105"), bench.link.post("M105")]
        for answer in answers:
            with pytest.raises(DriverError) as caught:
                await answer
            assert caught.value.code == "driver.faulted"
        assert Kind.HALTED in {reply.kind for reply in bench.replies}
        assert bench.executed()[-1] == "M112"

    run_at_once(main())


@pytest.mark.parametrize("seed", range(20))
def test_a_cancelled_caller_never_spoils_the_next_line(seed: int) -> None:
    async def main() -> None:
        bench = Bench("sometimes", seed, noise=0.1)
        await bench.link.renumber()
        rng = Random(seed)
        kept = []
        for number in range(40):
            answer = bench.link.send(f"G1 X{number}")
            if rng.random() < 0.5:
                await asyncio.sleep(rng.choice((0, 0.0005, 0.0015)))
                answer.cancel()
            else:
                await answer
                kept.append(f"G1 X{number}")
        while not any(line.startswith("X:") for line in await bench.link.send("M114")):
            pass
        done = bench.executed("G1")
        assert len(done) == len(set(done))
        assert done == sorted(done, key=lambda command: int(command[4:]))
        assert set(kept) <= set(done)

    run_at_once(main())


def test_a_command_cancelled_before_its_turn_is_never_sent() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        first, second, third = (bench.link.send(f"G1 X{number}") for number in range(3))
        second.cancel()
        await first
        await third
        assert bench.executed("G1") == ["G1 X0", "G1 X2"]

    run_at_once(main())


def test_noise_is_known_as_a_share_of_lines() -> None:
    async def main() -> tuple[float, float]:
        bench = Bench(noise=0.1)
        await bench.stream(600)
        noisy = bench.link.noise
        bench.wire.rate = 0.0
        for number in range(600):
            await bench.link.send(f"G1 X{number}")
        return noisy, bench.link.noise

    noisy, quiet = run_at_once(main())
    assert 0.1 < noisy < 0.35
    assert quiet < 0.01


def test_a_wire_that_is_gone_fails_the_line() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()

        def gone(data: bytes) -> None:
            raise LinkLost(cause="EIO")

        bench.wire.write = gone  # type: ignore[method-assign]
        with pytest.raises(LinkLost):
            await bench.link.send("G1 X1")

    run_at_once(main())


class Recorded:
    """A wire that only notes what is written."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, data: bytes) -> None:
        self.lines.append(data.decode().partition("*")[0])


def bare_link() -> tuple[MarlinLink, Recorded]:
    wire = Recorded()
    link = MarlinLink(wire, LinkTiming(), on_reply=lambda reply: None, on_broken=lambda fault: None)
    link.send("M105")
    link.hear("ok")
    return link, wire


def ask_again(link: MarlinLink, number: int) -> None:
    for line in (f"Error:checksum mismatch, Last Line: {number - 1}", f"Resend: {number}", "ok"):
        link.hear(line)


async def test_a_line_that_was_damaged_is_not_done_after_its_permission_ended() -> None:
    """Its number goes out, so that the numbering stays whole, with nothing that acts."""
    link, wire = bare_link()
    allowed = [True]
    answer = link.send("M104 S200", lambda: allowed[0])
    allowed[0] = False
    ask_again(link, 1)
    assert wire.lines == ["N0 M105", "N1 M104 S200", "N1 M105"]
    with pytest.raises(Stopped):
        await answer
    link.hear("ok")
    follows = link.send("M114")
    link.hear("ok")
    assert wire.lines[-1] == "N2 M114"
    await follows


async def test_a_jobs_damaged_line_ends_with_its_permission() -> None:
    link, wire = bare_link()
    job = Moves(["G1 X1", "G1 X2"])
    ended = link.stream(job)
    job.permitted = False
    ask_again(link, 1)
    assert wire.lines == ["N0 M105", "N1 G1 X1", "N1 M105"]
    with pytest.raises(Stopped):
        await ended
    link.hear("ok")
    assert wire.lines == ["N0 M105", "N1 G1 X1", "N1 M105"]


async def test_a_command_that_waited_too_long_for_its_permission_is_not_sent() -> None:
    link, wire = bare_link()
    allowed = [True]
    first, second = link.send("M114"), link.send("M140 S60", lambda: allowed[0])
    allowed[0] = False
    link.hear("ok")
    await first
    with pytest.raises(Stopped):
        await second
    assert wire.lines == ["N0 M105", "N1 M114"]
