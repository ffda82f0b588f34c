"""Benchmarks: each states a ratio to a yardstick measured in the same run, never a time."""

from __future__ import annotations
