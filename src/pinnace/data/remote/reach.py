"""Ways to names that only this platform knows: a Service of the cluster network, seen from the host.

A name that a job comes with an address for is reached through the door of the cluster network
(`node.network.door`), by a listener of this process on the loopback: clients that open their own
connections (obstore, git) need a port. Without an address a URL stays as it is.
"""

from __future__ import annotations

import select
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pinnace.data.remote.jobs import RemoteError
from pinnace.data.remote.linklocal import judge

PIECE = 1 << 16
DOOR = "net/door"
"""Below `home.run`: where `node.network.door` listens. Its first line is `address port`, the answer `ok`."""


class Reach:
    def __init__(self, run: str, dial: str = "") -> None:
        self.run = Path(run)
        self.address = dial

    def url(self, url: str) -> str:
        """The URL by which the host reaches what this one names. Raises LinkLocal."""
        parts = urlsplit(url)
        if not self.address:
            judge(parts.hostname)
            return url
        if parts.scheme == "https":
            raise RemoteError(f"{url}: a Service of the cluster network is reached by http only")
        if self.address.startswith("127."):
            place = f"{self.address}:{parts.port or 80}"
        else:
            place = f"127.0.0.1:{forwarded(self.run / DOOR, self.address, parts.port or 80)}"
        return urlunsplit((parts.scheme, place, parts.path, parts.query, parts.fragment))


def local(url: str) -> bool:
    """Whether it is on this machine: no proxy of the surroundings is asked for that."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def forwarded(door: Path, address: str, port: int) -> int:
    """A port of the loopback that leads there, as long as this process lives."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(listener, door, address, port), daemon=True).start()
    return int(listener.getsockname()[1])


def _serve(listener: socket.socket, door: Path, address: str, port: int) -> None:
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_carry, args=(client, door, address, port), daemon=True).start()


def _carry(client: socket.socket, door: Path, address: str, port: int) -> None:
    with client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as inside:
        try:
            inside.connect(str(door))
            inside.sendall(f"{address} {port}\n".encode())
            said = b""
            while not said.endswith(b"\n"):
                piece = inside.recv(1)
                if not piece:
                    return
                said += piece
            if said.strip() == b"ok":
                _both(client, inside)
        except OSError:
            return


def _both(one: socket.socket, other: socket.socket) -> None:
    """Until either side has ended."""
    pairs = {one: other, other: one}
    while True:
        ready, _, _ = select.select([one, other], [], [])
        for side in ready:
            piece = side.recv(PIECE)
            if not piece:
                return
            pairs[side].sendall(piece)
