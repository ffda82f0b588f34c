"""The use cases: load, ask the rule, one write, tell. Every door calls these and nothing else."""

from __future__ import annotations
