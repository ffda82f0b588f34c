"""One file per kind of device: a plain class over a transport."""

from __future__ import annotations
