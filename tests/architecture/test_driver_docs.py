"""Every driver has its page, and the page names every option the driver takes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from tests.architecture.rooms import ROOT

GROUP = "machikoba.drivers"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DRIVERS: dict[str, str] = PROJECT["entry-points"][GROUP]
PAGES = sorted((ROOT / "docs" / "drivers").glob("*.md"))


def page_of(driver: str) -> str:
    """The text of the one page whose title names the driver."""
    texts = [page.read_text("utf-8") for page in PAGES]
    found = [text for text in texts if f"`{driver}`" in text.partition("\n")[0]]
    assert len(found) == 1, f"{driver}: {len(found)} pages under docs/drivers name it in the title"
    return found[0]


def options_of(shape: Any) -> Iterator[str]:
    """Names of the options of a model and of the models inside it, whatever holds them."""
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        for name, option in shape.model_fields.items():
            yield name
            yield from options_of(option.annotation)
    for part in get_args(shape):
        yield from options_of(part)


def named_in(page: str) -> set[str]:
    """What stands in backticks: `name`, or `name = value`."""
    return set(re.findall(r"`(\w+)(?: = [^`]*)?`", page))


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_page_names_every_option(driver: str) -> None:
    spec = EntryPoint(driver, DRIVERS[driver], GROUP).load().spec
    known = {*options_of(spec.connection_options), *options_of(spec.device_options)}
    assert known, "a driver without options: then this test proves nothing about it"
    assert known - named_in(page_of(driver)) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_of_a_driver_there_is(page: Path) -> None:
    title = page.read_text("utf-8").partition("\n")[0]
    drivers = set(re.findall(r"`(\w+)`", title))
    assert drivers, "the title names no driver"
    assert drivers <= set(DRIVERS)
