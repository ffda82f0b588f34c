"""The page `docs/how-to/write-a-driver.md` is true: what it builds is proved by what it says."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/how-to/write-a-driver.md"
BLOCK = re.compile(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LONGEST_TALE = 20_000
COMMAND = "machikoba device conform scale"
MACHIKOBA = Path(sys.executable).with_name("machikoba")
BLOCKS: Mapping[str, str] = dict(BLOCK.findall(PAGE.read_text("utf-8")))


def installed(folder: Path) -> Path:
    """The package as pip would leave it: modules, and metadata with its entry points."""
    for name, text in BLOCKS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (folder / "dosing_scale/__init__.py").touch()
    project = tomllib.loads(BLOCKS["pyproject.toml"])["project"]
    about = folder / f"dosing_scale-{project['version']}.dist-info"
    about.mkdir()
    named = f"Name: {project['name']}\nVersion: {project['version']}\n"
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\n{named}", "utf-8")
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (about / "entry_points.txt").write_text("\n".join(lines), "utf-8")
    return folder


def test_the_driver_is_short() -> None:
    assert len([line for line in BLOCKS["dosing_scale/driver.py"].splitlines() if line]) < 100


@pytest.mark.timeout(200)
async def test_the_page_builds_a_driver_that_conforms(tmp_path: Path) -> None:
    assert COMMAND in PAGE.read_text("utf-8")
    package = installed(tmp_path / "site")
    process = await asyncio.create_subprocess_exec(
        MACHIKOBA, *COMMAND.split()[1:],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(package)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(180):
        printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()[-LONGEST_TALE:]
    assert re.search(r"^\d+ passed", printed.decode(), re.MULTILINE)
    assert "failed" not in printed.decode()
