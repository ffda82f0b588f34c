"""Grant packs: those that come with the program, and the files `[dossier] packs` names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lab_controller.config import ConfigInvalid, ConfigProblem, Table
from lab_controller.toml_lines import Key, dotted, key_of, line_of
from trial_logs.dossier.grant_pack import Pack, parse, shipped
from trial_logs.errors import Invalid

SECTION, NAME = "dossier", "packs"


def load(names: Sequence[str], path: Path) -> tuple[Pack, ...]:
    """All packs, a file's in the place of a shipped one of the same id. Raises ConfigInvalid.

    File names count from the folder of lab.toml, which is `path`.
    """
    found = {pack.id: pack for pack in shipped()}
    wrong: list[ConfigProblem] = []
    for index, name in enumerate(names):
        pack = _read(path.parent / name, (SECTION, NAME, index), None, wrong)
        if pack is not None:
            found[pack.id] = pack
    if wrong:
        raise ConfigInvalid(path, wrong)
    return tuple(found.values())


def problems(table: Table, path: Path, lines: list[str]) -> Iterator[ConfigProblem]:
    """What is wrong with the packs a lab.toml names, each with its file, line and key."""
    section = table.get(SECTION)
    names = section.get(NAME) if isinstance(section, dict) else None
    wrong: list[ConfigProblem] = []
    for index, name in enumerate(names if isinstance(names, list) else []):
        if isinstance(name, str):
            key: Key = (SECTION, NAME, index)
            _read(path.parent / name, key, line_of(key, lines), wrong)
    yield from wrong


def _read(path: Path, key: Key, line: int | None, wrong: list[ConfigProblem]) -> Pack | None:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        wrong.append(ConfigProblem(dotted(key), "config.unreadable", {"cause": str(error)}, line))
        return None
    try:
        return parse(text)
    except Invalid as refused:
        rows = text.splitlines()
        for problem in refused.problems:
            at = line_of(key_of(problem.field), rows) if problem.field else None
            place = f"{path.name}{f':{at}' if at else ''} {problem.field}".strip()
            params = {**problem.params, "key": place}
            wrong.append(ConfigProblem(dotted(key), problem.code, params, line))
    return None
