"""Our unit codes for the units OPC UA servers name by their UNECE code (OPC 10000-8, 5.6.3)."""

from __future__ import annotations

UNITS = {
    "A97": "hPa",
    "AMP": "A",
    "BAR": "bar",
    "C62": "1",
    "CEL": "Cel",
    "CMT": "cm",
    "DD": "deg",
    "FAH": "[degF]",
    "GRM": "g",
    "HTZ": "Hz",
    "HUR": "h",
    "KEL": "K",
    "KGM": "kg",
    "KHZ": "kHz",
    "KPA": "kPa",
    "KVT": "kV",
    "KWH": "kW.h",
    "KWT": "kW",
    "LTR": "L",
    "MIN": "min",
    "MMT": "mm",
    "MPA": "MPa",
    "MTR": "m",
    "MTS": "m/s",
    "NEW": "N",
    "NU": "N.m",
    "OHM": "Ohm",
    "P1": "%",
    "PAL": "Pa",
    "RPM": "1/min",
    "SEC": "s",
    "VLT": "V",
    "WHR": "W.h",
    "WTT": "W",
    "C16": "mm/s",
    "C26": "ms",
    "2X": "m/min",
    "C81": "rad",
    "2A": "rad/s",
    "4K": "mA",
    "2Z": "mV",
}


def agree(code: str | None, unit: str) -> bool:
    """Whether a server's unit is the configured one, as far as either is known."""
    known = UNITS.get(code) if code else None
    return known is None or known == unit
