"""Every text the code asks for is there, in both languages."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.rooms import modules, tree
from tui.device_words import QUALITY
from tui.look import AXES, BOOKING, COMMAND, OUTCOME, RUN
from tui.screens.bookings import FILTERS, WIDTHS
from tui.steps import STEPS
from tui.texts import LANGUAGES, Texts, catalogue
from tui.trial_words import COUNTS
from tui.verbs import BY_JOB, ENTRIES, NEVER_ASKS
from tui.widgets.timeline import ELEMENT

KINDS = {
    "state": [*BOOKING],
    "run_state": [*RUN],
    "verdict": [verdict for verdict, _ in COUNTS],
    "command": [*COMMAND],
    "stop.outcome": [*OUTCOME],
    "quality": [*QUALITY],
    "filter": [*FILTERS],
    "column": [*WIDTHS],
    "verb": [*BY_JOB, *NEVER_ASKS, *ENTRIES],
    "why": [*STEPS],
    "element": [*ELEMENT],
    **{axis: [*marks] for axis, marks in AXES.items()},
}


def asked_for() -> Iterator[str]:
    """The literal keys passed to a `t(…)`, `self.t(…)` or `station.t(…)`."""
    for path in modules("tui"):
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = ast.unparse(node.func)
            first = node.args[0]
            if (name == "t" or name.endswith(".t")) and isinstance(first, ast.Constant):
                yield str(first.value)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_literal_key_has_a_text(language: str) -> None:
    asked = set(asked_for())
    assert len(asked) > 100
    assert asked - set(catalogue(language)) == set()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_word_of_a_kind_has_a_text(kind: str, language: str) -> None:
    t = Texts(language)
    assert [code for code in KINDS[kind] if not t.has(f"{kind}.{code}")] == []


def test_an_unknown_code_is_shown_as_it_is() -> None:
    t = Texts("ja")
    assert t.word("signal", "flow_rate") == "flow_rate"
    assert t("no.such.text") == "no.such.text"


def test_a_missing_parameter_hides_nothing() -> None:
    assert "{state}" in Texts("en")("why.confirm")


def test_an_unknown_language_reads_as_japanese() -> None:
    assert Texts("fr")("mode.real") == Texts("ja")("mode.real")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0秒前"), (119, "119秒前"), (120, "2分前"), (7200, "2時間前"), (200_000, "2日前")],
)
def test_ages(seconds: float, said: str) -> None:
    assert Texts("ja").seconds(seconds) == said
