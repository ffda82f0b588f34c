"""Both languages say the same things, and everything the code can say is said."""

from __future__ import annotations

import re
from pathlib import Path

import trial_logs
from trial_logs import texts
from trial_logs.model import Confidentiality, PartSource, RunState, Verdict
from trial_logs.spells import OPERATION_STOPS, SAFETY_STOPS

JA, EN = texts.load("ja"), texts.load("en")
PLACEHOLDER = re.compile(r"\{(\w+)[:}]")


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    assert JA.keys() == EN.keys()
    for key in JA:
        assert set(PLACEHOLDER.findall(JA[key])) == set(PLACEHOLDER.findall(EN[key])), key


def test_every_code_in_the_source_has_a_text() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for path in Path(trial_logs.__file__).parent.glob("*.py")
    )
    codes = set(re.findall(r'"((?:trial|evidence|number|report|lab)\.[a-z_0-9.]+)"', source))
    assert "trial.equipment_busy" in codes
    assert sorted(codes - JA.keys() - {"trial.error", "report.typ", "trial_logs.lab"}) == []


def test_every_state_has_a_word() -> None:
    spells = OPERATION_STOPS | SAFETY_STOPS | {"paused", "gap", "offline"}
    wanted = {f"run_state.{state}" for state in RunState}
    wanted |= {f"verdict.{verdict}" for verdict in Verdict}
    wanted |= {f"part_source.{source}" for source in PartSource}
    wanted |= {f"confidentiality.{level}" for level in Confidentiality}
    wanted |= {f"spell.{kind}" for kind in spells}
    assert wanted - JA.keys() == set()
