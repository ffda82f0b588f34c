"""The shape of the six rooms: small modules, plain names, empty roots, each room in its place."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.rooms import ROOMS, ROOT, RULE_ROOMS, dotted, modules, tree

MODULE_LINES = 500
FUNCTION_LINES = 60
CLASS_LINES = 300
EMPTY_NAMES = {"common", "util", "utils", "helper", "helpers", "manager", "managers", "core"}
CLIENT_IS_FREE_OF = {
    "serial", "asyncua", "sqlite_utils", "sqlite3", "textual", "homeassistant_api",
    "fastapi", "starlette", "uvicorn", "apscheduler",
}  # fmt: skip


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    """How long a definition is, its decorators included."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return (node.end_lineno or node.lineno) - first + 1


def definitions(path: Path) -> Iterator[tuple[str, int, int]]:
    """Each class and function of a module: where, how long, and how long it may be."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef):
            yield f"{dotted(path)}.{node.name}", lines(node), CLASS_LINES
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{dotted(path)}.{node.name}", lines(node), FUNCTION_LINES


def imported_names(path: Path) -> set[str]:
    """The top-level packages a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def opens_a_database(node: ast.AST) -> bool:
    """Whether this is a call of `sqlite3.connect` or of sqlite-utils' `Database`."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) in {
        "sqlite3.connect",
        "Database",
        "sqlite_utils.Database",
    }


def test_the_rooms_are_there() -> None:
    assert [room for room in ROOMS if not (ROOT / room / "__init__.py").is_file()] == []


def test_no_module_is_too_long() -> None:
    counted = {dotted(path): len(path.read_text("utf-8").splitlines()) for path in modules()}
    assert {name: count for name, count in counted.items() if count > MODULE_LINES} == {}


def test_no_function_or_class_is_too_long() -> None:
    found = [definition for path in modules() for definition in definitions(path)]
    assert [(name, length) for name, length, most in found if length > most] == []


def test_no_module_has_an_empty_name() -> None:
    names = {
        path: set(path.stem.split("_")) | set(path.parent.name.split("_")) for path in modules()
    }
    assert [dotted(path) for path, words in names.items() if words & EMPTY_NAMES] == []


def test_package_roots_import_nothing() -> None:
    roots = [path for path in modules() if path.name == "__init__.py"]
    assert {
        dotted(path): found for path in roots if (found := imported_names(path) - {"__future__"})
    } == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [dotted(path) for path in modules() if not ast.get_docstring(tree(path))] == []


@pytest.mark.parametrize("room", RULE_ROOMS)
def test_rule_rooms_know_no_loop_and_no_thread(room: str) -> None:
    nodes = [(dotted(path), node) for path in modules(room) for node in ast.walk(tree(path))]
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    assert [name for name, node in nodes if isinstance(node, waiting)] == []
    threads = {"threading", "asyncio", "concurrent", "multiprocessing", "_thread"}
    assert [dotted(path) for path in modules(room) if imported_names(path) & threads] == []


def test_only_the_controller_opens_a_database() -> None:
    openers = {
        dotted(path) for path in modules() if any(map(opens_a_database, ast.walk(tree(path))))
    }
    assert openers == {"lab_controller.database"}


def loaded_with(module: str) -> set[str]:
    """The packages a fresh process has loaded after importing a module."""
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_the_client_loads_no_driver_no_database_no_screen() -> None:
    loaded = loaded_with("lab_controller.client")
    assert "httpx" in loaded
    assert loaded & CLIENT_IS_FREE_OF == set()


def test_a_stop_from_the_command_line_loads_no_client() -> None:
    """It takes half a second that a stop need not wait."""
    loaded = loaded_with("lab_controller.cli.stopping")
    assert "click" in loaded
    assert loaded & (CLIENT_IS_FREE_OF | {"httpx", "pydantic", "websockets"}) == set()
