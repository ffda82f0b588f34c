"""A picture without what its camera wrote beside it: place, time, serial numbers, thumbnails.

The pixels are not touched: whole segments or chunks are left out, nothing is coded anew. Which
way up a JPEG is meant to be shown is kept, its colour profile too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from trial_logs.errors import TrialError

ORIENTATION = 0x0112
KEPT_PNG = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP sBIT bKGD pHYs acTL fcTL fdAT".split()
)
KEPT_WEBP = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
XMP_AND_EXIF = 0x04 | 0x08
"""The flags of a WebP header that announce them."""
SCAN_END = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]", re.DOTALL)
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
APP0, APP1, APP2, APP14, APP15, COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
KEPT_APPS: Mapping[int, bytes] = {APP2: b"ICC_PROFILE\0", APP14: b"Adobe"}
JFIF = b"JFIF\0"
JFIF_LENGTH = 14
EXIF = b"Exif\0\0"
PNG_START = b"\x89PNG\r\n\x1a\n"


class NotBare(TrialError):
    """The file is no whole picture of its type, or of a type that is not taken apart here."""

    code = "trial.picture_not_bare"


def bare(content: bytes, media_type: str) -> bytes:
    """The picture alone, of JPEG, PNG and WebP. Raises NotBare for anything else or broken."""
    take_apart = READERS.get(media_type)
    if take_apart is None:
        raise NotBare(type=media_type)
    try:
        return b"".join(take_apart(content))
    except (IndexError, ValueError) as broken:
        raise NotBare(type=media_type) from broken


def _jpeg(content: bytes) -> Iterator[bytes]:
    """ITU-T T.81 annex B: segments up to the end of the image; what follows it is left out."""
    if not content.startswith(b"\xff\xd8"):
        raise ValueError
    yield content[:2]
    at, turned = 2, False
    while True:
        while content[at] == content[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = content[at + 1]
        if content[at] != 0xFF:
            raise ValueError
        if marker == END_OF_IMAGE:
            yield content[at : at + 2]
            return
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        end = at + 2 + length
        if length < 2 or end > len(content):
            raise ValueError
        body = content[at + 4 : end]
        if marker == APP1 and body.startswith(EXIF) and not turned:
            turned = True
            yield from _which_way_up(body)
        elif marker == APP0 and body.startswith(JFIF):
            yield _without_thumbnail(body)
        elif not _is_told(marker, body):
            yield content[at:end]
        at = end
        if marker == START_OF_SCAN:
            found = SCAN_END.search(content, end)
            if found is None:
                raise ValueError
            at = found.end() - 2
            yield content[end:at]


def _without_thumbnail(body: bytes) -> bytes:
    """A JFIF segment (ITU-T T.871, 10.1) whose small picture, perhaps of another, is left out."""
    if len(body) < JFIF_LENGTH:
        raise ValueError
    return bytes((0xFF, APP0, 0, JFIF_LENGTH + 2)) + body[: JFIF_LENGTH - 2] + bytes(2)


def _is_told(marker: int, body: bytes) -> bool:
    if marker == COMMENT:
        return True
    kept = KEPT_APPS.get(marker)
    return APP0 <= marker <= APP15 and (kept is None or not body.startswith(kept))


def _which_way_up(body: bytes) -> Iterator[bytes]:
    """A segment that says nothing but the orientation, where there is one."""
    from PIL.Image import Exif

    told = Exif()
    try:
        told.load(body)
        turn = told.get(ORIENTATION)
    except Exception as broken:  # whatever a damaged block makes the library raise
        raise ValueError from broken
    if not isinstance(turn, int) or not 1 < turn <= 8:
        return
    alone = Exif()
    alone[ORIENTATION] = turn
    data = alone.tobytes()
    data = data if data.startswith(EXIF) else EXIF + data
    yield bytes((0xFF, APP1)) + (len(data) + 2).to_bytes(2, "big") + data


def _png(content: bytes) -> Iterator[bytes]:
    """ISO/IEC 15948, 5: chunks; only those that make the picture."""
    if not content.startswith(PNG_START):
        raise ValueError
    yield PNG_START
    at = len(PNG_START)
    while True:
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        kind = content[at + 4 : at + 8]
        if end > len(content) or len(kind) < 4:
            raise ValueError
        if kind in KEPT_PNG:
            yield content[at:end]
        if kind == b"IEND":
            return
        at = end


def _webp(content: bytes) -> Iterator[bytes]:
    """RFC 9649: RIFF chunks; only those that make the picture, and a header that says so."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        raise ValueError
    chunks, at, last = [], 12, 8 + int.from_bytes(content[4:8], "little")
    if last > len(content):
        raise ValueError
    while at < last:
        kind, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        if end > last:
            raise ValueError
        if kind == b"VP8X":
            flags = content[at + 8] & ~XMP_AND_EXIF
            chunks.append(content[at : at + 8] + bytes((flags,)) + content[at + 9 : end])
        elif kind in KEPT_WEBP:
            chunks.append(content[at:end])
        at = end
    whole = b"".join(chunks)
    yield b"RIFF" + (len(whole) + 4).to_bytes(4, "little") + b"WEBP" + whole


READERS: Mapping[str, Callable[[bytes], Iterator[bytes]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
}
"""How each type is taken apart."""
