"""Bytes in and out, without meaning."""

from __future__ import annotations
