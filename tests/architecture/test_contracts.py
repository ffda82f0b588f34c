"""The import contracts hold on the project, and each one fails on the wrong arrow it forbids."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.rooms import ROOMS, ROOT, dotted, modules

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
    "contracts"
]

# contract, the module that offends, what it must not import
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
    ("console-doors", "tui.screens.offence", "lab_controller.database"),
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


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's modules and contracts in a folder of their own."""
    folder = tmp_path_factory.mktemp("copy")
    for path in [*modules(), *(ROOT / "tests/architecture").glob("*.py"), ROOT / "pyproject.toml"]:
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return folder


@pytest.fixture
def offender(copy: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A module with one import line, added to the copy for the length of a test."""
    importer, imported = request.param
    parts = importer.split(".")
    undo: dict[Path, str | None] = {}

    def write(path: Path, text: str) -> None:
        undo[path] = path.read_text("utf-8") if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    line = f"import {imported}\n"
    single = copy.joinpath(*parts[:-1]).with_suffix(".py")
    if single.exists():
        importer = ".".join(parts[:-1])
        write(single, single.read_text("utf-8") + line)
    else:
        for depth in range(1, len(parts)):
            root = copy.joinpath(*parts[:depth], "__init__.py")
            if not root.exists():
                write(root, "")
        write(copy.joinpath(*parts).with_suffix(".py"), line)
    yield importer
    for path, text in undo.items():
        if text is None:
            path.unlink()
        else:
            path.write_text(text, "utf-8")


def test_the_project_keeps_every_contract() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("contract", "offender", "imported"),
    [(contract, (importer, imported), imported) for contract, importer, imported in OFFENCES],
    ids=[f"{importer}-{imported}" for _, importer, imported in OFFENCES],
    indirect=["offender"],
)
def test_a_wrong_arrow_breaks_its_contract(
    copy: Path, contract: str, offender: str, imported: str
) -> None:
    done = lint(copy, "--contract", contract)
    assert done.returncode == 1, done.stdout
    assert f"{offender} -> {imported.split('.')[0]}" in done.stdout


def test_a_circle_breaks_its_contract(copy: Path) -> None:
    first, second = copy / "booking/first_half.py", copy / "booking/second_half.py"
    first.write_text("import booking.second_half\n", "utf-8")
    second.write_text("import booking.first_half\n", "utf-8")
    done = lint(copy, "--contract", "no-circles")
    first.unlink()
    second.unlink()
    assert done.returncode == 1, done.stdout


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
