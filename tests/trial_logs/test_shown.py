"""Reasons as a report gives them: a word, a sentence, or what a person wrote; never a mark."""

from __future__ import annotations

import re

import pytest

from lab_controller.i18n import catalogue
from trial_logs.shown import cause, one_decimal

CODES = sorted(key for key in catalogue("ja") if re.match(r"(driver|lab|stop)\.[a-z_]+$", key))


@pytest.mark.parametrize(
    ("code", "ja", "en"),
    [
        ("pressed", "停止指令", "stop command"),
        ("driver.link_lost", "機器との接続が切れました", "The connection to the device was lost"),
        (
            "driver.port_busy",
            "接続口はほかのソフトが使っています",
            "Port is used by other software",
        ),
        (
            "lab.storage_failed",
            "ファイル を読み書きできません",
            "The file cannot be read or written",
        ),
    ],
)
def test_a_code_is_a_word_or_a_sentence(code: str, ja: str, en: str) -> None:
    assert [cause(code, catalogue(language)) for language in ("ja", "en")] == [ja, en]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_code_leaves_a_mark_to_be_filled(language: str) -> None:
    words = catalogue(language)
    assert [code for code in CODES if set("{}") & set(cause(code, words))] == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [(12.34, "12.3"), (1.0, "1.0"), (0.846, "0.85"), (-0.04, "-0.040"), (0.0, "0.0")],
)
def test_one_decimal_hides_neither_sign_nor_size(value: float, shown: str) -> None:
    assert one_decimal(value) == shown


def test_what_a_person_wrote_stands_as_it_is() -> None:
    assert cause("材料の交換。5 分 {待ち}", catalogue("ja")) == "材料の交換。5 分 {待ち}"
