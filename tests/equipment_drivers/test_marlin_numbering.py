"""Numbered lines, M-03 to M-11: what acknowledges, what is asked for again, what silence means.

Time jumps: what takes minutes of waiting on a wire takes milliseconds here.
"""

from __future__ import annotations

import asyncio

import pytest

from equipment_drivers.devices.marlin_lines import HISTORY, SentLines, frame
from equipment_drivers.devices.marlin_link import LinkTiming
from tests.equipment_drivers.fake_marlin import run_at_once
from tests.equipment_drivers.marlin_bench import (
    failure,
)
from tests.equipment_drivers.marlin_link_bench import Bench

# -- lines in and out ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["ok", "ok T:21.0 /0.0 B:21.0 /0.0", "ok N3 P15 B3", "ok 3"])
def test_m03_every_form_of_ok_acknowledges(form: str) -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        for _ in range(2):
            await bench.link.send("M400")
        bench.wire.silent = True
        answer = bench.link.send("G28")
        bench.link.hear(form)
        await answer

    run_at_once(main())


def test_m03_an_ok_of_another_line_is_stale() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        await bench.link.send("M400")
        bench.wire.silent = True
        answer = bench.link.send("G28")
        bench.link.hear("ok N1 P15 B3")
        assert not answer.done()
        bench.link.hear("ok N2 P15 B3")
        await answer

    run_at_once(main())


def test_m04_a_line_is_numbered_checksummed_plain_and_short_enough() -> None:
    async def main() -> list[bytes]:
        bench = Bench()
        await bench.stream(3)
        return bench.wire.written

    for line in run_at_once(main()):
        body, _, given = line.rstrip(b"\n").rpartition(b"*")
        total = 0
        for byte in body:
            total ^= byte
        assert int(given) == total
        assert body.startswith(b"N")
        assert body.isascii()
        assert len(line) <= 96


def test_m04_fifty_lines_back_can_be_sent_again_and_sixty_four_are_kept() -> None:
    sent = SentLines()
    for number in range(200):
        sent.append(f"G1 X{number}")
    assert HISTORY == 64
    assert sent.line(199 - 63).frame == frame(136, "G1 X136")
    assert [number for number in range(202) if sent.has(number)] == list(range(149, 200))


def test_m05_only_an_ok_lets_the_next_line_out() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        bench.wire.silent = True
        before = len(bench.wire.written)
        answers = [bench.link.send("G1 X1"), bench.link.send("G1 X2")]
        for line in ("Error:No thermistor", "echo:hm", " T:20.00 /0.00", "//action:notification x"):
            bench.link.hear(line)
        assert len(bench.wire.written) == before + 1
        bench.link.hear("ok")
        assert len(bench.wire.written) == before + 2
        bench.link.hear("ok")
        await asyncio.gather(*answers)

    run_at_once(main())


# -- asked again --------------------------------------------------------------------------------


@pytest.mark.parametrize("follows", [True, False], ids=["with-ok", "without-ok"])
def test_m06_the_ok_after_a_resend_is_no_acknowledgement(follows: bool) -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        bench.wire.silent = True
        answer = bench.link.send("G1 X1")
        for line in ("Error:checksum mismatch, Last Line: 0", "Resend: 1", "ok")[: 2 + follows]:
            bench.link.hear(line)
        assert not answer.done()
        await asyncio.sleep(bench.timing.settle_s * 1.5)
        assert bench.wire.written[-2:] == [frame(1, "G1 X1")] * 2
        bench.link.hear("ok")
        await answer

    run_at_once(main())


def test_m07_a_resend_of_the_next_line_acknowledges_a_line_sent_twice() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        bench.wire.silent = True
        answer = bench.link.send("G1 X1")
        for line in ("Error:checksum mismatch, Last Line: 0", "Resend: 1", "ok"):
            bench.link.hear(line)
        bench.link.hear("Error:Line Number is not Last Line Number+1, Last Line: 1")
        bench.link.hear("Resend: 2")
        await answer
        assert bench.wire.written.count(frame(1, "G1 X1")) == 2

    run_at_once(main())


@pytest.mark.parametrize("wanted", [1, 20, 102, 9999], ids=["1", "lost-digit", "unsent", "far"])
def test_m08_a_number_that_cannot_be_is_not_followed_and_at_last_ends_the_link(wanted: int) -> None:
    async def main() -> None:
        bench = Bench()
        await bench.stream(98)
        before = len(bench.wire.written)
        bench.firmware.take = lambda line: iter((f"Resend: {wanted}", "ok"))  # type: ignore[method-assign]
        fault = await failure(bench.link.send("G1 X9"))
        assert (fault.code, fault.params["cause"]) == ("driver.protocol", "desync")
        assert set(bench.wire.written[before:]) == {bench.wire.written[before]}
        assert bench.broken == [fault]

    run_at_once(main())


# -- silence ------------------------------------------------------------------------------------


@pytest.mark.parametrize("drops_repeats", [False, True], ids=["asks-again", "drops-repeats"])
@pytest.mark.parametrize("lost", ["ok", "line"])
def test_m09_silence_is_settled_by_one_further_numbered_question(
    lost: str, drops_repeats: bool
) -> None:
    """Not by the line itself: since Marlin 2.1 a repeat may be dropped without a word."""

    async def main() -> None:
        bench = Bench(drops_repeats=drops_repeats)
        await bench.link.renumber()
        bench.wire.lost, bench.wire.silent = (1.0, False) if lost == "ok" else (0.0, True)
        answer = bench.link.send("G1 X1")

        def back() -> None:
            bench.wire.lost, bench.wire.silent = 0.0, False

        asyncio.get_running_loop().call_later(1.0, back)
        await answer
        await bench.link.send("G1 X2")
        assert bench.executed("G1") == ["G1 X1", "G1 X2"]
        assert all(line.startswith(b"N") for line in bench.wire.written)
        assert frame(2, "M105") in bench.wire.written

    run_at_once(main())


@pytest.mark.parametrize(
    ("timing", "silence"),
    [(LinkTiming(ok_s=3.0), 3.0), (LinkTiming(ok_s=30.0, long_ok_s=30.0), 30.0)],
    ids=["busy-protocol", "without"],
)
def test_m09_how_long_silence_may_last(timing: LinkTiming, silence: float) -> None:
    async def main() -> None:
        bench = Bench(timing=timing)
        await bench.link.renumber()
        bench.wire.silent = True
        bench.link.post("G1 X1")
        for wait, out in ((silence - 0.05, frame(1, "G1 X1")), (0.1, frame(2, "M105"))):
            await asyncio.sleep(wait)
            assert bench.wire.written[-1] == out

    run_at_once(main())


def test_m11_busy_puts_the_timeout_off_and_wait_brings_it_on() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.link.renumber()
        bench.link.hear("wait")
        assert len(bench.wire.written) == 2
        bench.wire.silent = True
        answer = bench.link.send("G28")
        for _ in range(100):
            await asyncio.sleep(2.0)
            bench.link.hear("echo:busy: processing")
        assert bench.wire.written[-1] == frame(1, "G28")
        bench.link.hear("wait")
        assert bench.wire.written[-1] == frame(2, "M105")
        bench.link.hear("ok")
        await answer

    run_at_once(main())
