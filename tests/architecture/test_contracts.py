"""The import contracts hold on the project, and each one fails on the wrong arrow it forbids."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.architecture.rooms import ROOMS, ROOT, dotted, modules

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
    "contracts"
]

# contract, the module that offends, what it must not import; no two of a room import the same
# module, else the shorter of two ways to a library hides the other
OFFENCES = [
    ("rooms", "booking.offence", "equipment_drivers.model"),
    ("rooms", "booking.offence", "trial_logs"),
    ("rooms", "trial_logs.offence", "booking"),
    ("rooms", "equipment_drivers.devices.offence", "booking"),
    ("rooms", "equipment_drivers.offence", "lab_controller.clock"),
    ("rooms", "lab_controller.api.offence", "tui"),
    ("nobody-knows-the-simulator", "lab_controller.offence", "hardware_sim"),
    ("nobody-knows-the-simulator", "equipment_drivers.offence", "hardware_sim.clock"),
    ("the-simulator-knows-nobody", "hardware_sim.offence", "equipment_drivers.model"),
    ("the-simulator-knows-nobody", "hardware_sim.offence", "lab_controller.wire"),
    ("console-doors", "tui.screens.offence", "lab_controller.errors"),
    ("console-doors", "tui.offence", "lab_controller.i18n"),
    ("console-doors", "tui.offence", "lab_controller"),
    ("console-doors", "tui.offence", "booking"),
    ("console-libraries", "tui.offence", "sqlite_utils"),
    ("console-libraries", "tui.offence", "lab_controller.database"),
    ("portal-doors", "lab_controller.portal.offence", "lab_controller.bootstrap"),
    ("portal-doors", "lab_controller.portal.offence", "booking.desk"),
    ("portal-doors", "lab_controller.portal.offence", "equipment_drivers.model"),
    ("client", "lab_controller.client.offence", "lab_controller.errors"),
    ("client", "lab_controller.client.offence", "serial"),
    ("wire", "lab_controller.wire.offence", "booking"),
    ("stopper", "lab_controller.stopper.offence", "lab_controller.errors"),
    ("stopper", "lab_controller.stopper.offence", "equipment_drivers.contract"),
    ("stopper", "lab_controller.stopper.offence", "httpx"),
    ("screens", "lab_controller.offence", "textual"),
    ("tables", "booking.offence", "sqlite_utils"),
    ("tables", "lab_controller.api.offence", "sqlite_utils"),
    ("connections", "lab_controller.offence", "sqlite3"),
    ("connections", "booking.offence", "sqlite3"),
    ("rules", "booking.offence", "asyncio"),
    ("rules", "trial_logs.offence", "threading"),
    ("rules", "trial_logs.offence", "httpx"),
    ("drivers", "equipment_drivers.devices.offence", "sqlite_utils"),
    ("home-assistant", "lab_controller.offence", "homeassistant_api"),
    ("home-assistant", "equipment_drivers.devices.offence", "homeassistant_api"),
    ("modbus", "lab_controller.offence", "pymodbus"),
    ("modbus", "equipment_drivers.devices.offence", "pymodbus"),
    ("conformance", "lab_controller.cli.offence", "pytest"),
    ("conformance", "equipment_drivers.devices.offence", "equipment_drivers.conformance.bench"),
    ("withdrawn", "equipment_drivers.devices.offence", "opcua"),
    ("withdrawn", "booking.offence", "pytz"),
]
CIRCLE = ("first_half", "second_half")


def lint(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run lint-imports in the folder."""
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--no-logo", *options],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "COLUMNS": "200", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def offend(folder: Path, importer: str, imported: str) -> None:
    """Add a module with one import line to the copy, or the line to a module that is there."""
    *packages, name = importer.split(".")
    whole = folder.joinpath(*packages).with_suffix(".py")
    if whole.exists():
        whole.write_text(f"{whole.read_text('utf-8')}import {imported}\n", "utf-8")
        return
    for depth in range(1, len(packages) + 1):
        root = folder.joinpath(*packages[:depth], "__init__.py")
        root.parent.mkdir(exist_ok=True)
        root.touch()
    folder.joinpath(*packages, f"{name}.py").write_text(f"import {imported}\n", "utf-8")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What lint-imports finds under each contract in a copy with all offences in it."""
    folder = tmp_path_factory.mktemp("copy")
    for path in [*modules(), *(ROOT / "tests/architecture").glob("*.py"), ROOT / "pyproject.toml"]:
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for number, (_, importer, imported) in enumerate(OFFENCES):
        offend(folder, f"{importer}_{number}", imported)
    for first, second in CIRCLE, CIRCLE[::-1]:
        offend(folder, f"booking.{first}", f"booking.{second}")
    done = lint(folder)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = done.stdout.partition("Broken contracts")[2]
    heads = {f"{each['name']}\n{'-' * len(each['name'])}\n": each["id"] for each in CONTRACTS}
    parts = re.split(f"({'|'.join(map(re.escape, heads))})", broken)
    return {heads[head]: text for head, text in zip(parts[1::2], parts[2::2], strict=True)}


def test_the_project_keeps_every_contract() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("number", "contract", "importer", "imported"),
    [(number, *offence) for number, offence in enumerate(OFFENCES)],
    ids=[f"{importer}-{imported}" for _, importer, imported in OFFENCES],
)
def test_a_wrong_arrow_breaks_its_contract(
    told: Mapping[str, str], number: int, contract: str, importer: str, imported: str
) -> None:
    package = importer.rpartition(".")[0]
    is_whole = (ROOT / package.replace(".", "/")).with_suffix(".py").exists()
    offender = package if is_whole else f"{importer}_{number}"
    assert f"{offender} -> {imported.split('.')[0]}" in told[contract]


def test_a_circle_breaks_its_contract(told: Mapping[str, str]) -> None:
    assert all(f".{half}" in told["no-circles"] for half in CIRCLE)


def test_every_contract_is_proved() -> None:
    proved = {contract for contract, _, _ in OFFENCES} | {"no-circles"}
    assert proved == {contract["id"] for contract in CONTRACTS}


def named_modules() -> set[str]:
    """Our own modules that a contract names outright."""
    keys = ("source_modules", "forbidden_modules", "allowed_modules", "allowed_importers")
    names = {name for contract in CONTRACTS for key in keys for name in contract.get(key, [])}
    return {name for name in names if name.split(".")[0] in ROOMS}


def test_contracts_name_only_modules_that_exist() -> None:
    assert not named_modules() - {dotted(path) for path in modules()}
