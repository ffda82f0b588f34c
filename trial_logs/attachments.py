"""Files that belong to a trial: what may be kept, under which name, and what it really is."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trial_logs.errors import Invalid, Problem

LONGEST_NAME = 80
UNKNOWN_TYPE = "application/octet-stream"
NO_NAME = "file"


class AttachmentKind(StrEnum):
    """What a file is for the trial."""

    PHOTO = "photo"
    DRAWING = "drawing"
    QUOTE = "quote"
    PROGRAM = "program"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be kept, judged: its shown name, digest, size and type by content."""

    name: str
    kind: AttachmentKind
    sha256: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A kept file; `number` is its own, `by` who added it."""

    number: int
    trial_id: str
    file: NewFile
    added: datetime
    by: str


SIGNATURES: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("image/jpeg", lambda start: start.startswith(b"\xff\xd8\xff")),
    ("image/png", lambda start: start.startswith(b"\x89PNG\r\n\x1a\n")),
    ("image/gif", lambda start: start[:6] in (b"GIF87a", b"GIF89a")),
    ("image/webp", lambda start: start[:4] == b"RIFF" and start[8:12] == b"WEBP"),
    ("image/heic", lambda start: start[4:8] == b"ftyp" and start[8:11] in (b"hei", b"hev", b"mif")),
    ("image/tiff", lambda start: start[:4] in (b"II*\x00", b"MM\x00*")),
    ("application/pdf", lambda start: b"%PDF-" in start[:1024]),
    ("application/zip", lambda start: start.startswith(b"PK\x03\x04")),
)
"""Types told by how a file begins (the formats' own signatures)."""

CLAIMS: Mapping[str, str] = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif",
    "webp": "image/webp", "heic": "image/heic", "tif": "image/tiff", "tiff": "image/tiff",
    "pdf": "application/pdf",
}  # fmt: skip
"""What a name's ending says the file is; images and PDF must keep that word."""


def judged(name: str, kind: AttachmentKind, content: bytes) -> NewFile:
    """The file as it may be kept. Raises Invalid where it is empty or not what it says."""
    shown, found = safe_name(name), media_type(content)
    problems = []
    if not content:
        problems.append(Problem("file", "trial.attachment_empty", {"name": shown}))
    claimed = CLAIMS.get(shown.rpartition(".")[2].lower())
    if content and claimed is not None and claimed != found:
        params = {"name": shown, "claimed": claimed}
        problems.append(Problem("file", "trial.attachment_not_what_it_says", params))
    elif content and kind is AttachmentKind.PHOTO and not found.startswith("image/"):
        problems.append(Problem("file", "trial.attachment_no_photo", {"name": shown}))
    if problems:
        raise Invalid(tuple(problems))
    return NewFile(shown, kind, hashlib.sha256(content).hexdigest(), len(content), found)


def media_type(content: bytes) -> str:
    """The type of a file by its content; what begins like none of ours is only bytes."""
    start = content[:1024]
    return next((kind for kind, fits in SIGNATURES if fits(start)), UNKNOWN_TYPE)


def safe_name(name: str) -> str:
    """A name to show and to offer for saving, from whatever somebody sent.

    The last part of a path, without control and formatting characters (which can turn the reading
    direction round and hide an ending), reserved signs and leading dots; cut to a length that
    every disk takes, its ending kept.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(_shown(char) for char in unicodedata.normalize("NFC", last))
    shown = " ".join(plain.split()).strip(". ")
    if len(shown) > LONGEST_NAME:
        stem, dot, ending = shown.rpartition(".")
        kept = f"{dot}{ending}" if stem and len(ending) <= 8 else ""
        shown = shown[: LONGEST_NAME - len(kept)].rstrip(". ") + kept
    return shown or NO_NAME


def _shown(char: str) -> str:
    if char in '<>:"|?*' or unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn"):
        return "_"
    return "" if unicodedata.category(char) == "Cf" else char
