"""The far end of a pseudo-terminal that says `ok` to every line: `python -m benchmarks.echo_ok`.

Prints the terminal's path, then answers until its standard input is closed. With `--advanced` it
says which line and how much room there is, as a firmware built with ADVANCED_OK does.
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
    answer = advanced if "--advanced" in sys.argv else plain
    while asked not in select.select([far, asked], [], [])[0]:
        os.write(far, answer(os.read(far, CHUNK)))


def plain(lines: bytes) -> bytes:
    """What an ordinary firmware says."""
    return b"ok\n" * lines.count(b"\n")


def advanced(lines: bytes) -> bytes:
    """The same with line number and room."""
    return b"".join(b"ok %s P15 B3\n" % line.partition(b" ")[0] for line in lines.splitlines())


if __name__ == "__main__":
    main()
