"""`python -m lab_controller`: the same command as `machikoba`."""

from __future__ import annotations

from lab_controller.cli.main import main

main(prog_name="machikoba")
