"""The stopper: a small process of its own that owns the latch and can stop every device.

It imports only the standard library (and asyncua, only where a plan calls for it). Start reading
at `door` (the protocol), then `stopper` (one stop from press to report), then `supervise`.
"""

from __future__ import annotations
