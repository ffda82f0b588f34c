"""The lab itself: the only process that composes config, databases, devices, rules and doors."""

from __future__ import annotations
