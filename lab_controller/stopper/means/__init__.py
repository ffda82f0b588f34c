"""The ways to reach a device: one module per kind of stop step, and `reach` that holds them."""

from __future__ import annotations
