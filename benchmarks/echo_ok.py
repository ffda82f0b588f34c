"""The far end of a pseudo-terminal that says `ok` to every line: `python -m benchmarks.echo_ok`.

Prints the terminal's path, then answers until its standard input is closed.
"""

from __future__ import annotations

import os
import select
import sys
import tty

CHUNK = 65536


def main() -> None:
    """Answer as fast as a machine can."""
    far, near = os.openpty()
    tty.setraw(near)
    sys.stdout.write(os.ttyname(near) + "\n")
    sys.stdout.flush()
    asked = sys.stdin.fileno()
    while asked not in select.select([far, asked], [], [])[0]:
        lines = os.read(far, CHUNK).count(b"\n")
        os.write(far, b"ok\n" * lines)


if __name__ == "__main__":
    main()
