"""A whole lab on simulated hardware: set up, seeded, played – over the public doors only."""

from __future__ import annotations
