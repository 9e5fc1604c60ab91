"""The small program that makes its standard input its controlling terminal and becomes the command.

Started by `streams.py` for a terminal on the host: of a plain process, of an engine's client, of bubblewrap
with the container inside. The node starts it as the leader of a session; it imports next to nothing.
"""

from __future__ import annotations

import fcntl
import os
import sys
import termios

NOT_STARTED = 127


def main() -> None:
    program, argv = sys.argv[1], sys.argv[2:]
    try:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        os.execv(program, argv)  # noqa: S606 - that is what it is for
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        os._exit(NOT_STARTED)


if __name__ == "__main__":
    main()
