"""The declared fonts of a document: their families in order of preference, and what they show.

Only files somebody named are used, never fonts that happen to lie on the machine: two machines
with the same files print the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import typst
from fontTools.ttLib import TTFont

from trial_logs.errors import ReportFailed

BOLD_FROM = 600
COLLECTIONS = (".ttc", ".otc")
JAPANESE_FACE = " JP"
"""How families of a collection that holds several countries' forms name the Japanese one."""


@dataclass(frozen=True, slots=True)
class Face:
    """One font: whose family it is, how heavy, and the characters it has."""

    family: str
    weight: int
    known: frozenset[int]


@dataclass(frozen=True)
class FontSet:
    """Faces in order of preference, and where the typesetter finds them."""

    faces: tuple[Face, ...]
    found: typst.Fonts

    @cached_property
    def families(self) -> tuple[str, ...]:
        """The families in the order they were declared."""
        return tuple(dict.fromkeys(face.family for face in self.faces))

    @property
    def has_bold(self) -> bool:
        """Whether the first family has a bold of its own."""
        first = [face.weight for face in self.faces if face.family == self.families[0]]
        return max(first) >= BOLD_FROM

    @cached_property
    def known(self) -> frozenset[int]:
        """Characters some family has in every weight: a heading must not lose one."""
        shown: set[int] = set()
        for family in self.families:
            faces = [face.known for face in self.faces if face.family == family]
            shown |= frozenset.intersection(*faces)
        return frozenset(shown)


def declared(files: Sequence[Path], folder: Path) -> FontSet:
    """The faces of the declared files, then the built-in Japanese font, linked into `folder`.

    A file that is gone or no font is passed over (`machikoba doctor` says so): a report is made
    in any case. Raises ReportFailed when there is no font at all.
    """
    real = dict.fromkeys(file.resolve() for file in (*files, default_font()))
    for n, file in enumerate(real):
        # the typesetter takes whole folders only, and a font's folder may hold others
        (folder / f"{n}{file.suffix}").symlink_to(file)
    found = typst.Fonts(False, False, [str(folder)])
    faces = tuple(face for file in real for face in _faces(file, found.fonts()))
    if not faces:
        raise ReportFailed(reason=default_font().name)
    return FontSet(faces, found)


def usable(file: Path) -> bool:
    """Whether a file is a font the typesetter takes."""
    with TemporaryDirectory() as folder:
        link = Path(folder) / f"font{file.suffix}"
        link.symlink_to(file.resolve())
        return file.is_file() and bool(typst.Fonts(False, False, [folder]).fonts())


def default_font() -> Path:
    """The Japanese font that comes with the installation (IPAexGothic)."""
    # located without importing it: the package would load matplotlib
    spec = find_spec("matplotlib_fontja")
    if spec is None or not spec.submodule_search_locations:
        raise ReportFailed(reason="matplotlib_fontja")
    return Path(spec.submodule_search_locations[0]) / "fonts" / "ipaexg.ttf"


def _faces(file: Path, infos: Iterable[typst.FontInfo]) -> Iterator[Face]:
    own = [info for info in infos if info.path and Path(info.path) == file]
    japanese = [info for info in own if info.family.endswith(JAPANESE_FACE)]
    for info in (japanese or own)[:1] if file.suffix.lower() in COLLECTIONS else own:
        with TTFont(file, fontNumber=info.index, lazy=True) as font:
            yield Face(info.family, info.weight, frozenset(font.getBestCmap()))
