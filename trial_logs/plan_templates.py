"""Plans to begin with: what to ask, vary and measure, when to stop, what to bring.

A template is a TOML file in `trial_logs/templates/`; each text in it is `{ ja = …, en = … }`, and
its `plan` has the keys of a plan file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from trial_logs.errors import Unknown

NAMES = (
    "pick_and_place",
    "machine_tending",
    "palletising",
    "fdm_part",
    "inspection",
    "iot_retrofit",
    "business_software",
)
LANGUAGES = frozenset({"ja", "en"})


@dataclass(frozen=True, slots=True)
class Template:
    """A plan to begin with, in one language."""

    name: str
    title: str
    summary: str
    bring: tuple[str, ...]
    baseline_questions: tuple[str, ...]
    plan: Mapping[str, Any]


def template(name: str, language: str) -> Template:
    """The template of that name. Raises Unknown `trial.unknown_template`."""
    if name not in NAMES:
        raise Unknown("trial.unknown_template", template=name, known=", ".join(NAMES))
    source = files("trial_logs") / "templates" / f"{name}.toml"
    found = in_language(tomllib.loads(source.read_text(encoding="utf-8")), language)
    plan = found["plan"]
    protocol = {"template": name, **plan.get("protocol", {})}
    return Template(
        name=name,
        title=found["title"],
        summary=found["summary"],
        bring=tuple(found["bring"]),
        baseline_questions=tuple(found["baseline_questions"]),
        plan={"title": found["title"], **plan, "protocol": protocol},
    )


def in_language(value: Any, language: str) -> Any:
    """The same table with every pair of texts replaced by the one of that language."""
    if isinstance(value, list):
        return [in_language(each, language) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == LANGUAGES:
        return value["en" if language == "en" else "ja"]
    return {key: in_language(each, language) for key, each in value.items()}
