"""Who may use which equipment when: rules and tables, no clock, no device, no web."""

from __future__ import annotations
