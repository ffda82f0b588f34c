"""Booking numbers for the telephone and printed codes that cannot be guessed."""

from __future__ import annotations

import hmac
import re
import secrets
import unicodedata

# No letters or digits that paper, FAX or a tired eye confuses (0O 1IL 2Z 5S 8B UV).
CODE_ALPHABET = "ACDEFGHJKMNPQRTWXY34679"
SEGMENTS = 3
SEGMENT_LENGTH = 4

_DASHES = re.compile(r"[\u2010-\u2015\u2212\u30fc\u30a0\uff70-]+")


def make_number(year: int, count: int) -> str:
    """The n-th booking of a year, like `2026-0412`."""
    return f"{year}-{count:04d}"


def make_code() -> str:
    """A new code like `K7QM-3XWD-P9RT` (54 bits)."""
    letters = [secrets.choice(CODE_ALPHABET) for _ in range(SEGMENTS * SEGMENT_LENGTH)]
    starts = range(0, len(letters), SEGMENT_LENGTH)
    return "-".join("".join(letters[at : at + SEGMENT_LENGTH]) for at in starts)


def tidy_number(typed: str) -> str:
    """A typed number with full-width digits and any dash brought to the stored form."""
    return _DASHES.sub("-", unicodedata.normalize("NFKC", typed)).strip()


def same_code(stored: str, typed: str) -> bool:
    """Compare in constant time; case, width, blanks and dashes of the typed code do not matter."""
    return hmac.compare_digest(_bare(stored), _bare(typed))


def _bare(code: str) -> bytes:
    letters = unicodedata.normalize("NFKC", code).upper()
    return "".join(letter for letter in letters if letter in CODE_ALPHABET).encode()
