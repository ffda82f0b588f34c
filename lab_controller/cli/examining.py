"""`machikoba doctor`: what is wrong here, and what to do about it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import click

from lab_controller.cli.door import REFUSED, fill
from lab_controller.cli.language import in_language
from lab_controller.doctor.examination import examine
from lab_controller.doctor.finding import Finding, Health
from lab_controller.i18n import text

MARKS = {Health.GOOD: "✓", Health.LOOK: "!", Health.BAD: "✗"}


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default="lab.toml")
@in_language
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(path: Path, lang: str, as_json: bool) -> None:
    """Check configuration, disk, clock, fonts and every connection. Moves nothing.

    Ends with 1 when something will not work.
    """
    findings = asyncio.run(examine(path, lang))
    if as_json:
        rows = [_row(one, lang) for one in findings]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        _show(findings, lang)
    sys.exit(REFUSED if any(one.health is Health.BAD for one in findings) else 0)


def _show(findings: list[Finding], language: str) -> None:
    width = max(len(one.about) for one in findings)
    for one in findings:
        sentence = text(language, one.code, one.params)
        click.echo(f"{MARKS[one.health]} {fill(one.about, width)}  {sentence}")
    wrong = sum(one.health is Health.BAD for one in findings)
    code = "cli.doctor_wrong" if wrong else "cli.doctor_well"
    click.echo(text(language, code, {"count": wrong}))


def _row(one: Finding, language: str) -> dict[str, object]:
    return {
        "about": one.about,
        "health": one.health,
        "code": one.code,
        "text": text(language, one.code, one.params),
        "params": dict(one.params),
    }
