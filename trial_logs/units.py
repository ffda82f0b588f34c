"""The unit codes a plan may use (UCUM's, case sensitive), and what people write instead of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

KNOWN = frozenset(
    {
        "1", "%", "mm", "um", "cm", "m", "mm2", "mm3", "deg", "rad",
        "ms", "s", "min", "h", "mg", "g", "kg", "N", "kN", "N.m", "Pa", "kPa", "MPa", "bar",
        "Cel", "K", "V", "A", "W", "kW", "W.h", "kW.h", "Hz", "1/min", "mL", "L", "L/min",
        "mm/s", "mm/min", "m/s", "m/min", "mm/s2", "m/s2", "dB", "lx", "HRC", "HV", "HBW",
    }
)  # fmt: skip
"""HRC, HV and HBW are hardness scales, no UCUM codes, but what a drawing says."""

WRITTEN: Mapping[str, str] = {
    "°C": "Cel",
    "C": "Cel",
    "μm": "um",
    "°": "deg",
    "kWh": "kW.h",
    "Wh": "W.h",
    "rpm": "1/min",
    "Nm": "N.m",
    "N·m": "N.m",
    "mm²": "mm2",
    "mm/s²": "mm/s2",
    "l": "L",
    "sec": "s",
    "MM": "mm",
}


def is_unit(code: str) -> bool:
    """Whether the code is one of ours."""
    return code in KNOWN


def likely_unit(written: str) -> str:
    """The code somebody who wrote this probably means; empty where nobody can tell."""
    plain = unicodedata.normalize("NFKC", written).strip()
    if plain in KNOWN:
        return plain
    return WRITTEN.get(plain, plain.lower() if plain.lower() in KNOWN else "")
