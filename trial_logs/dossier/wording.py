"""The dossier's codes in words of a language; a parameter `name` is itself a key."""

from __future__ import annotations

from collections.abc import Mapping

from trial_logs.dossier.economics import Assumption, SubsidyStep, Unlike

Words = Mapping[str, str]


def assumption(found: Assumption, words: Words) -> str:
    """What was taken for granted, as a sentence."""
    return _say(f"assumption.{found.code}", found.params, words)


def check(found: Assumption, words: Words) -> str:
    """What the sheet says to a scheme's condition."""
    return _say(f"subsidy.check.{found.code}", found.params, words)


def step(found: SubsidyStep, words: Words) -> str:
    """One step of a subsidy's arithmetic, without its sum."""
    return _say(f"subsidy.step.{found.code}", found.params, words)


def unlike(found: Unlike, words: Words) -> str:
    """How a column differs from the first."""
    shown = {"here": found.here, "there": found.there}
    return _say(f"unlike.{found.what}", {name: words.get(v, v) for name, v in shown.items()}, words)


def _say(key: str, params: Mapping[str, str], words: Words) -> str:
    named = dict(params)
    if "name" in named:
        named["name"] = words.get(named["name"], named["name"])
    return words[key].format_map(named)
