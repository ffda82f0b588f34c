"""`machikoba config check`: every problem of lab.toml at once."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from lab_controller import wiring
from lab_controller.cli.language import in_language
from lab_controller.config import ConfigInvalid, ConfigProblem
from lab_controller.i18n import say, text


@click.group()
def command() -> None:
    """Look at the configuration."""


@command.command()
@click.argument("path", type=click.Path(path_type=Path), default="lab.toml")
@in_language
@click.option("--json", "as_json", is_flag=True)
def check(path: Path, lang: str, as_json: bool) -> None:
    """Check lab.toml, drivers and their options included."""
    try:
        wiring.check(path)
    except ConfigInvalid as error:
        if as_json:
            click.echo(json.dumps([_row(one, lang) for one in error.problems], ensure_ascii=False))
        else:
            tell_problems(error, lang)
        sys.exit(1)
    click.echo("[]" if as_json else text(lang, "cli.config_good", {"file": path.name}))


def tell_problems(error: ConfigInvalid, language: str) -> None:
    """Every problem on stderr, with its line where it is known."""
    click.echo(say(language, error), err=True)
    for one in error.problems:
        place = f"{one.line}: " if one.line else ""
        click.echo(f"  {place}{_sentence(one, language)}", err=True)


def _sentence(one: ConfigProblem, language: str) -> str:
    return text(language, one.code, {"key": one.key, **one.params})


def _row(one: ConfigProblem, language: str) -> dict[str, object]:
    return {
        "key": one.key,
        "code": one.code,
        "line": one.line,
        "text": _sentence(one, language),
    }
