"""Every key has an id, a name and a help text, and does something that exists."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator

import pytest
from rich.cells import cell_len
from textual.binding import Binding
from textual.dom import DOMNode

from tests.architecture.rooms import ROOT
from tui.app import LabApp
from tui.keymap import SCOPES, keys_of
from tui.palette import Palette
from tui.screens import dialog, form, one_key, pick, replay, scan, stop
from tui.screens import help as help_module
from tui.screens.base import LabScreen
from tui.screens.bookings import Search
from tui.texts import LANGUAGES, Texts, catalogue
from tui.widgets.bars import FOOTER_KEYS
from tui.widgets.board import Board
from tui.widgets.choice import Choice
from tui.widgets.rows import Rows

SCREENS = tuple(LabApp.SCREENS_BY_NAME.values())
DIALOGS = (
    dialog.Confirm,
    dialog.Notice,
    form.Form,
    pick.Pick,
    one_key.OneKey,
    replay.Replay,
    scan.Scan,
    stop.StopScreen,
    help_module.Help,
)
NODES: tuple[type[DOMNode], ...] = (LabApp, *SCREENS, *DIALOGS, Rows, Board, Choice, Search)
HELP_WIDTH = 42


def own_bindings(node: type[DOMNode]) -> Iterator[Binding]:
    """The bindings a class of ours declares itself."""
    for binding in node.__dict__.get("BINDINGS", ()):
        assert isinstance(binding, Binding), f"{node.__name__}: {binding} is not in the table"
        yield binding


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("node", NODES, ids=lambda node: node.__name__)
def test_every_binding_has_a_name_and_a_help_text(node: type[DOMNode], language: str) -> None:
    t = Texts(language)
    for binding in own_bindings(node):
        assert binding.id
        for kind in ("key", "help", "roma"):
            assert t.has(f"{kind}.{binding.id}"), f"{kind}.{binding.id}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_fits_beside_its_key_on_a_narrow_screen(language: str) -> None:
    t = Texts(language)
    long = [key.id for key in keys_of(SCOPES) if cell_len(t(f"help.{key.id}")) > HELP_WIDTH]
    assert long == []


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_scope_has_a_heading(language: str) -> None:
    texts = catalogue(language)
    assert [scope for scope in SCOPES if f"scope_keys.{scope}" not in texts] == []


def test_ids_are_unique() -> None:
    assert [id for id, n in Counter(key.id for key in keys_of(SCOPES)).items() if n > 1] == []


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)
def test_no_key_means_two_things_on_one_screen(screen: type[LabScreen]) -> None:
    keys = [one for key in keys_of((*screen.SCOPES, "global")) for one in key.keys.split(",")]
    assert [key for key, n in Counter(keys).items() if n > 1] == []


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.__name__)
def test_every_bound_action_exists(node: type[DOMNode]) -> None:
    for binding in own_bindings(node):
        name = binding.action.partition("(")[0]
        owner = LabApp if name.startswith("app.") else node
        action = getattr(owner, f"action_{name.removeprefix('app.')}", None)
        assert action is not None, f"{node.__name__}.{binding.action}"


def test_every_scope_is_bound_somewhere() -> None:
    bound = {binding.id for node in NODES for binding in own_bindings(node)}
    assert {key.id for key in keys_of(SCOPES)} == bound


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)
def test_the_footer_has_six_keys_at_most_and_help_among_them(screen: type[LabScreen]) -> None:
    footer = [key.id for key in keys_of((*screen.SCOPES, "global")) if key.footer]
    assert len(footer) <= FOOTER_KEYS
    assert "help" in footer


def test_only_the_stop_goes_before_everything() -> None:
    assert [key.id for key in keys_of(SCOPES) if key.priority] == ["stop"]


def test_every_dialog_shows_the_stop_bar() -> None:
    for one in (dialog.Dialog, Palette, LabScreen):
        assert "StopBar" in inspect.getsource(one.compose)
    assert [one for one in DIALOGS if "compose" in one.__dict__] == []


def test_no_key_is_handled_outside_the_table() -> None:
    handlers = {
        f"{path.name}: {line.strip()}"
        for path in (ROOT / "tui").rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if line.strip().startswith(("def on_key", "def _on_key", "async def on_key", "def key_"))
    }
    assert handlers == set()
