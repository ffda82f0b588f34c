"""A plan as a commented TOML file: what people fill in, register, and get back.

The keys are those of the plan; a key that is not given stands there as a comment with what it is
for, so that nothing need be looked up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Plan = Mapping[str, Any]
Words = Mapping[str, str]

TOP = ("booking", "title", "question", "part", "material", "baseline", "confidentiality", "expand")
PROTOCOL = ("template", "planned_cycle_s", "microstop_s", "randomised", "seed")
BASELINE = (
    "method", "cycle_time_s", "cycle_times_s", "people", "scrap", "inspected",
    "cost_per_hour_yen", "yearly_volume", "source",
)  # fmt: skip
SAMPLE = ("parts_per_run", "runs_per_condition")
LISTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("limits", ("characteristic", "nominal", "tolerance", "low", "high", "unit", "gauge")),
    ("protocol.factors", ("name", "levels", "unit")),
    ("protocol.lots", ("name", "quantity", "note")),
    ("protocol.stop_rules", ("kind", "value")),
    ("protocol.stop_causes", ("code", "name")),
)
BANDS = ("device", "signal", "low", "high", "hold_s")
EXAMPLES: Mapping[str, object] = {
    "planned_cycle_s": 4.5,
    "seed": 1,
    "cycle_time_s": 12.0,
    "people": 0.5,
    "scrap": 3,
    "inspected": 200,
    "cost_per_hour_yen": 2400,
    "yearly_volume": 120000,
    "parts_per_run": 30,
    "nominal": 20.0,
    "tolerance": 0.1,
    "low": 19.9,
    "high": 20.1,
    "quantity": 100,
    "value": 5,
    "expand": True,
    "microstop_s": 300.0,
    "runs_per_condition": 2,
    "confidentiality": "party",
    "randomised": True,
    "cycle_times_s": [12.1, 11.8, 12.6],
    "levels": ["50", "100"],
    "kind": "minutes",
    "code": "part_jam",
    "unit": "mm",
}
"""Shown behind a key that is not given; taking the # away leaves a file that is read."""


def plan_text(
    plan: Plan, words: Words, *, bring: Sequence[str] = (), questions: Sequence[str] = ()
) -> str:
    """The plan as TOML; reading it back gives the same plan."""
    protocol: Plan = plan.get("protocol", {})
    lines = [
        *_said(words["plan_file.head"]),
        *_listed(words["plan_file.bring"], bring),
        "",
        *_keys(plan, TOP, words),
        *_section("protocol", protocol, PROTOCOL, words),
        *_section("protocol.sample", protocol.get("sample", {}), SAMPLE, words),
        *_listed(words["plan_file.questions"], questions, before=[""]),
        *_section("protocol.baseline", protocol.get("baseline", {}), BASELINE, words),
    ]
    for path, keys in LISTS:
        lines += _rows(path, _at(plan, path), keys, words)
    lines += _conditions(plan.get("conditions", ()), words)
    return "\n".join(lines) + "\n"


def _section(path: str, table: Plan, keys: Iterable[str], words: Words) -> Iterator[str]:
    yield from ("", *_said(words[f"plan_file.{path}"]), f"[{path}]")
    yield from _keys(table, keys, words)


def _keys(table: Plan, keys: Iterable[str], words: Words) -> Iterator[str]:
    """Each key with what it is for behind it; one not given as a comment."""
    for key in keys:
        value, told = table.get(key), words.get(f"plan_file.key.{key}", "")
        given = value is not None
        line = f"{key} = {toml_value(value if given else EXAMPLES.get(key, ''))}"
        yield ("" if given else "# ") + line + (f"  # {told}" if told else "")


def _rows(path: str, rows: Sequence[Plan], keys: Sequence[str], words: Words) -> Iterator[str]:
    yield from ("", *_said(words[f"plan_file.{path}"]))
    if not rows:
        yield f"# [[{path}]]"
        yield from (f"# {key} = {toml_value(EXAMPLES.get(key, ''))}" for key in keys)
    for row in rows:
        yield f"[[{path}]]"
        given = (key for key in keys if row.get(key) is not None)
        yield from (f"{key} = {toml_value(row[key])}" for key in given)


def _conditions(conditions: Sequence[Plan], words: Words) -> Iterator[str]:
    yield from ("", *_said(words["plan_file.conditions"]))
    if not conditions:
        yield from ("# [[conditions]]", '# name = ""', "# settings = {}")
    for each in conditions:
        yield "[[conditions]]"
        yield f"name = {toml_value(each['name'])}"
        yield f"settings = {toml_value(each.get('settings', {}))}"
        for band in each.get("bands", ()):
            yield "[[conditions.bands]]"
            given = (key for key in BANDS if band.get(key) is not None)
            yield from (f"{key} = {toml_value(band[key])}" for key in given)


def _at(plan: Plan, path: str) -> Sequence[Plan]:
    found: Any = plan
    for name in path.split("."):
        found = found.get(name, {})
    return found or ()


def _said(text: str) -> list[str]:
    return [f"# {line}".rstrip() for line in text.splitlines()]


def _listed(title: str, lines: Sequence[str], before: Sequence[str] = ("#",)) -> list[str]:
    if not lines:
        return []
    return [*before, f"# {title}", *(f"#   - {_one_line(line)}" for line in lines)]


def _one_line(text: str) -> str:
    """A text as a comment may hold it: no line end, no control character."""
    return "".join(char if char.isprintable() else " " for char in text)


def toml_value(value: Any) -> str:
    """A value as TOML writes it; a text is one line, whatever is in it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{toml_value(key)} = {toml_value(each)}" for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, str):
        # JSON's escapes are TOML's, but JSON leaves DEL as it is
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
