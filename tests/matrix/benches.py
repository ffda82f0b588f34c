"""The benches the matrix runs on: every class in `tests.benches` that is one, by its id."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from equipment_drivers.conformance.bench import Bench
from tests import benches

BenchType = type[Bench]


def found() -> Mapping[str, BenchType]:
    """Bench classes by id, in the order of their ids; a class without an id is only a base."""
    names = [f"{benches.__name__}.{one.name}" for one in pkgutil.iter_modules(benches.__path__)]
    classes: list[Any] = [
        one
        for name in names
        for one in vars(import_module(name)).values()
        if inspect.isclass(one) and one.__module__ == name
        if getattr(one, "id", None) and hasattr(one, "faults")
    ]
    return {one.id: one for one in sorted(classes, key=lambda one: one.id)}
