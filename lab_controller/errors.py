"""The controller's own refusals; like every room's they carry a code and parameters, no text."""

from __future__ import annotations


class LabError(Exception):
    """Base of the room: a stable `code` and text parameters; the text is chosen at the edge."""

    code = "lab.error"

    def __init__(self, **params: object) -> None:
        self.params = {key: str(value) for key, value in params.items()}
        super().__init__(self.code, self.params)

    def __str__(self) -> str:
        shown = ", ".join(f"{key}={value}" for key, value in self.params.items())
        return f"{self.code}({shown})"
