"""The HTTP and WebSocket doors: routes only, no rules."""

from __future__ import annotations
