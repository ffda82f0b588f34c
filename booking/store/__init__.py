"""The room's only door to its tables: plain functions on a database the caller has opened."""

from __future__ import annotations
