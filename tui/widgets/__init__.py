"""The console's own widgets: one family per file, each keeps its own state."""

from __future__ import annotations
