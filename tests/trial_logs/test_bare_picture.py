"""Pictures leave the lab without what a camera wrote beside them, and are the same pictures."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from trial_logs.bare_picture import NotBare, bare

SECRET = b"SERIAL-4711"
KINDS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


def picture(kind: str, **more: Any) -> bytes:
    """A small picture that tells where and with which camera it was taken."""
    image = Image.effect_noise((48, 32), 60).convert("RGB")
    told = Image.Exif()
    told[0x0112], told[0x010F] = 6, SECRET.decode()
    told.get_ifd(0x8825)[1] = "N"
    told.get_ifd(0x8769)[0xA431] = SECRET.decode()
    if kind == "PNG":
        more["pnginfo"] = PngInfo()
        more["pnginfo"].add_text("Comment", SECRET.decode())
    else:
        more["xmp"] = b"<x>" + SECRET + b"</x>"
    if kind == "JPEG":
        more["comment"] = SECRET
    out = BytesIO()
    image.save(out, kind, exif=told, icc_profile=b"profile", **more)
    return out.getvalue()


def pixels(content: bytes) -> bytes:
    return Image.open(BytesIO(content)).convert("RGB").tobytes()


@pytest.mark.parametrize(
    ("kind", "more"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}),
     ("WEBP", {"lossless": True})],
)  # fmt: skip
def test_nothing_is_left_but_the_picture(kind: str, more: dict[str, Any]) -> None:
    whole = picture(kind, **more)
    assert SECRET in whole
    alone = bare(whole + b"trailer" + SECRET, KINDS[kind])
    assert SECRET not in alone
    assert b"GPS" not in alone
    assert len(alone) < len(whole)
    assert pixels(alone) == pixels(whole)
    opened = Image.open(BytesIO(alone))
    assert opened.info.get("icc_profile") == b"profile"
    told = dict(opened.getexif())
    assert told == ({0x0112: 6} if kind == "JPEG" else {})  # which way up, and nothing else
    assert bare(alone, KINDS[kind]) == alone
    if kind == "WEBP":
        assert alone[20] & 0x0C == 0  # the header announces neither Exif nor XMP


def test_the_small_picture_of_another_is_left_out() -> None:
    whole = picture("JPEG")
    assert whole[2:4] == b"\xff\xe0"
    small = bytes((2, 2)) + SECRET + b"x"  # 2 by 2 pixels of 3 bytes in the JFIF segment
    told = whole[:4] + (28).to_bytes(2, "big") + whole[6:18] + small + whole[20:]
    assert pixels(told) == pixels(whole)
    assert bare(told, "image/jpeg") == bare(whole, "image/jpeg")


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_picture_is_refused(kind: str) -> None:
    whole = picture(kind)
    for size in (0, 5, 13, len(whole) // 2):
        with pytest.raises(NotBare):
            bare(whole[:size], KINDS[kind])
    with pytest.raises(NotBare):
        bare(whole, "image/gif")


@given(st.sampled_from(list(KINDS)), st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_damage_is_refused_or_passed_over_never_worse(kind: str, at: int, noise: bytes) -> None:
    whole = WHOLE[kind]
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    with suppress(NotBare):
        assert len(bare(damaged, KINDS[kind])) <= len(damaged)


WHOLE = {kind: picture(kind) for kind in KINDS}
