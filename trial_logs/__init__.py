"""What a trial recorded and what its numbers are worth: rules, tables, evidence, reports."""

from __future__ import annotations
