"""The console's styles, parsed once and not each time a screen is opened for the first time."""

from __future__ import annotations

from textual.css.stylesheet import Stylesheet


class Sheet(Stylesheet):
    """Styles that are parsed again only where a colour or another variable has changed.

    Textual asks for it twice whenever a screen opens for the first time, which is felt on a
    small computer. What a new screen or widget brings with it is parsed as ever.
    """

    _stale = False

    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._variables:
            self._stale = True
            super().set_variables(variables)

    def reparse(self) -> None:
        if self._stale:
            super().reparse()
            self._stale = False
