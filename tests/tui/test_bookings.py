"""The day as staff use it: bookings move on step by step, and nothing typed is lost."""

from __future__ import annotations

from datetime import timedelta

from lab_controller.wire import Refusal
from tests.tui.fake_bookings import overlap
from tests.tui.fake_lab import FakeLab
from tests.tui.rig import called, desk, field, picture, press, until, what, words
from tui.screens.dialog import Confirm, Notice
from tui.screens.form import Form
from tui.screens.pick import Pick
from tui.widgets.board import Board
from tui.widgets.choice import Choice
from tui.widgets.rows import Rows


class TestToday:
    async def test_the_board_shows_bookings_and_now(self) -> None:
        async with desk() as (app, _):
            shown = picture(app.screen)
            for word in ("10:23", "3Dプリンター作業台", "[#|さくら", "使用中", "? 大田"):
                assert word in shown

    async def test_the_booking_under_way_is_selected_with_what_comes_next(self) -> None:
        async with desk() as (app, _):
            assert app.screen.query_one(Board).key == "b2"
            assert "終わったら d 片付け" in words(app.screen, "detail")

    async def test_arrows_move_along_and_between_the_lanes(self) -> None:
        async with desk() as (app, pilot):
            board = app.screen.query_one(Board)
            seen = []
            for key in ("right", "left", "left", "down", "down", "up"):
                await press(pilot, key)
                seen.append(board.key)
            assert seen == ["b3", "b2", "b1", "b4", "b6", "b4"]

    async def test_a_new_request_is_seen_at_once(self) -> None:
        async with desk() as (app, pilot):
            made = app.lab.bookings["b3"]
            later = made.end + timedelta(hours=1)
            app.lab.bookings["b8"] = made.model_copy(
                update={"id": "b8", "start": made.end, "end": later, "party_name": "蒲田"}
            )
            app.client.tell("bookings")
            await until(pilot, lambda: "蒲" in picture(app.screen))

    async def test_another_day_and_back(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "right_square_bracket")
            assert "11/21(土) 明日" in picture(app.screen)
            assert app.screen.query_one(Board).key == ""
            await press(pilot, "0")
            assert "11/20(金) 今日" in picture(app.screen)


class TestSteps:
    async def test_enter_takes_the_next_step(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "right", "enter")
            assert app.lab.bookings["b3"].state == "confirmed"

    async def test_a_step_that_cannot_be_taken_says_why(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "c")
            assert called(app.lab) == []
            assert "申込み中の予約だけ確定できます" in picture(app.screen)

    async def test_arming_asks_and_enter_alone_means_no(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "down", "a")
            assert isinstance(app.screen, Confirm)
            await press(pilot, "enter")
            assert called(app.lab) == []
            await press(pilot, "a", "y")
            assert called(app.lab) == ["arm"]

    async def test_check_in_takes_the_head_count(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "4", "end", "i")
            assert field(app.screen, "head_count").value == "2"
            await press(pilot, "backspace", "x", "enter")
            assert "整数" in words(app.screen, "problems")
            await press(pilot, "backspace", "4", "enter")
            booking, decision = what(app.lab, "check-in")
            assert (booking, decision.head_count) == ("b5", 4)

    async def test_declining_needs_a_reason(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "right", "x", "enter")
            assert called(app.lab) == []
            await press(pilot, *"full", "enter")
            assert app.lab.bookings["b3"].reason == "full"

    async def test_a_refusal_shows_every_problem_and_stays(self) -> None:
        lab = FakeLab()
        lab.refusals["confirm"] = overlap()
        async with desk(lab) as (app, pilot):
            await press(pilot, "right", "c")
            assert isinstance(app.screen, Notice)
            shown = picture(app.screen)
            for word in ("この内容では", "ほかの予約が入っています", "遅すぎます", "15:00"):
                assert word in shown
            await press(pilot, "escape")
            assert not isinstance(app.screen, Notice)

    async def test_staff_may_go_on_with_a_reason(self) -> None:
        lab = FakeLab()
        refusal = overlap()
        problems = [one for one in refusal.problems if one.overridable]
        lab.refusals["confirm"] = Refusal(code=refusal.code, text="x", problems=problems)
        async with desk(lab) as (app, pilot):
            await press(pilot, "right", "c")
            assert isinstance(app.screen, Form)
            assert "遅すぎます" in words(app.screen, "problems")
            del lab.refusals["confirm"]
            await press(pilot, *"vip", "enter")
            _, decision = what(lab, "confirm")
            assert decision.override_reason == "vip"

    async def test_a_readonly_console_changes_nothing(self) -> None:
        async with desk(readonly=True) as (app, pilot):
            await press(pilot, "d", "right", "c", "n", "2", "r", "v", "3", "g", "b", "j")
            assert called(app.lab) == []
            assert "閲覧のみ" in picture(app.screen)


class TestRequest:
    async def test_a_request_on_behalf(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "n", "right", "tab", "tab", "tab", "tab", "right", "f2")
            wanted = what(app.lab, "request")
            assert (wanted.equipment, wanted.party) == ("cell", "sakura")
            assert wanted.start.isoformat() == "2026-11-20T11:00:00+09:00"

    async def test_what_cannot_be_read_is_marked_and_kept(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "n", "tab", "tab", "x", "f2")
            assert called(app.lab) == []
            assert field(app.screen, "start").value == "x"
            assert "10:00 の形" in words(app.screen, "problems")
            assert app.screen.query_one("#row-start").has_class("-wrong")

    async def test_a_refused_request_keeps_what_was_typed(self) -> None:
        lab = FakeLab()
        lab.refusals["request"] = overlap()
        async with desk(lab) as (app, pilot):
            await press(pilot, "n")
            field(app.screen, "company").value = "新しい会社"
            await press(pilot, "f2")
            assert field(app.screen, "company").value == "新しい会社"
            assert "ほかの予約が入っています" in words(app.screen, "problems")
            keys = [about.idempotency_key for name, about in lab.calls if name == "request"]
            del lab.refusals["request"]
            await press(pilot, "f2")
            assert what(lab, "request").idempotency_key == keys[0]

    async def test_a_choice_opens_its_list(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "n", "enter")
            assert isinstance(app.screen, Pick)
            await press(pilot, "end", "enter")
            assert app.screen.query_one("#field-equipment", Choice).value == "iot"


class TestBookings:
    async def test_the_filter_and_the_search(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "4")
            assert "5 件" in picture(app.screen)
            await press(pilot, "f")
            assert "2 件" in picture(app.screen)
            await press(pilot, "f", "f", "f", "slash", *"1120-003", "enter")
            assert "1 件" in picture(app.screen)
            assert isinstance(app.focused, Rows)
            assert "申込み中" in words(app.screen, "detail")

    async def test_the_reason_of_a_declined_booking_is_shown(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "4", "f", "f", "f", "end")
            assert "点検のため" in words(app.screen, "detail")

    async def test_naming_the_operator(self) -> None:
        async with desk() as (app, pilot):
            await press(pilot, "p", "f2")
            _, decision = what(app.lab, "operator")
            assert decision.operator == "p1"
