"""A QR code as a small drawing, the same bytes for the same text."""

from __future__ import annotations

import io

import segno


def qr_svg(text: str) -> str:
    """The text as a QR code (ISO/IEC 18004, error correction M) with its quiet zone, as SVG."""
    out = io.BytesIO()
    code = segno.make_qr(text, error="m", boost_error=False)
    code.save(out, kind="svg", border=4, xmldecl=False, svgclass=None, lineclass=None)
    return out.getvalue().decode("ascii")
