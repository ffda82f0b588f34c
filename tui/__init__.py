"""The staff console: screens over the lab's HTTP and WebSocket doors, nothing behind them."""

from __future__ import annotations
