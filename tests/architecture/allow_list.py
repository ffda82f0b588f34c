"""A contract import-linter does not ship: these modules may import this, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


def is_within(name: str, packages: frozenset[str]) -> bool:
    """Whether the dotted name is one of the packages or lies below one."""
    parts = name.split(".")
    return any(".".join(parts[:length]) in packages for length in range(1, len(parts) + 1))


class AllowListContract(Contract):
    """`source_modules` import themselves, the standard library and `allowed_modules`, directly.

    `rooms_only`: what the source may import of our own packages is limited, the rest is free.
    """

    type_name = "allow_list"

    source_modules = fields.ListField(subfield=fields.StringField())
    allowed_modules = fields.ListField(subfield=fields.StringField())
    rooms_only = fields.BooleanField(required=False, default=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Kept when no module of the sources imports a name outside the list."""
        wrong = sorted(self.offences(graph))
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def offences(self, graph: ImportGraph) -> Iterator[tuple[str, str]]:
        """Pairs of importer and imported that the list does not name."""
        sources = frozenset(self.source_modules)
        allowed = sources | frozenset(self.allowed_modules) | sys.stdlib_module_names
        rooms = frozenset(self.session_options["root_packages"])
        for importer in graph.modules:
            if not is_within(importer, sources):
                continue
            for imported in graph.find_modules_directly_imported_by(importer):
                if self.rooms_only and not is_within(imported, rooms):
                    continue
                if not is_within(imported, allowed):
                    yield importer, imported

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each wrong arrow on a line of its own."""
        for importer, imported in check.metadata["wrong"]:
            output.print_error(f"- {importer} -> {imported} is not on the list")
