"""The public's door: pages rendered on the server, complete without JavaScript."""

from __future__ import annotations
