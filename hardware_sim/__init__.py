"""The far end of each wire, re-made from the protocols' documents; started only as a process."""

from __future__ import annotations
