"""Tests of trial_logs."""

from __future__ import annotations
