"""The command line: one module per subcommand, each imported only when it is asked for."""

from __future__ import annotations
