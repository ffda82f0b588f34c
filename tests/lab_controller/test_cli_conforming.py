"""`machikoba device conform`: the suite in a process of its own, or what is missing for it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from lab_controller.cli import conforming


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conforming, "NEEDED", ("pytest", "no_such_package"))
    done = CliRunner().invoke(conforming.conform, ["marlin", "--lang", "en"])
    assert done.exit_code == 1
    assert "needs no_such_package" in done.output
    assert "machikoba-lab[conformance]" in done.output


def test_a_driver_without_a_bench_is_not_proved() -> None:
    done = CliRunner().invoke(conforming.conform, ["marlin"])
    assert done.exit_code == 1
