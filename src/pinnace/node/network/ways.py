"""What networks this machine can give to pods: tried once when the node starts.

`own`: a namespace each, in the cluster network. `loopback`: an address of 127.0.0.0/8 each and a hosts file,
for programs that listen where they are told. `none`: the host's network. `PINNACE_NETWORK` asks for less.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import msgspec

from pinnace.node.network.fabric import Range
from pinnace.node.probe import Finding, trial
from pinnace.node.reaper import Reaper

ASKED = "PINNACE_NETWORK"
MODES = ("auto", "own", "loopback", "none")
PREFIXES = ("10.88", "10.89", "10.90", "10.244", "10.42", "172.29")
PATH = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin"
SPACES = (
    *("--unshare-user", "--uid", "0", "--gid", "0", "--unshare-net", "--cap-add", "ALL"),
    *("--dev-bind", "/", "/"),
)
"""bubblewrap's words for the cluster network: the host's files, and all rights over a network of its own."""


class Ways(msgspec.Struct, frozen=True):
    mode: str
    why: str = ""
    """Why it is not `own`, and what to do."""
    bubblewrap: str = ""
    entering: str = ""
    """nsenter."""
    outside: str = ""
    """slirp4netns; '' where it is not installed: then pods with a network of their own cannot leave it."""
    range: Range = Range()


async def examine(reaper: Reaper, sandbox: Finding, isolation: str) -> Ways:
    """`isolation` is the node's own."""
    asked = os.environ.get(ASKED, "auto")
    if isolation != "sandbox":
        return Ways("none", f"isolation {isolation} has no networks of their own for pods")
    if asked in ("loopback", "none"):
        return Ways(asked, f"{ASKED}={asked} asks for that")
    entering = shutil.which("nsenter", path=PATH)
    if entering is None:
        return Ways(
            "loopback", "there is no nsenter (`apt install util-linux`), by which pods would enter their own"
        )
    refused = await trial(reaper, [
        sandbox.program, *SPACES, "--", sys.executable, "-I", "-S", "-B",
        str(Path(__file__).with_name("netlink.py")),
    ])
    if refused is not None:
        why = refused.strip().splitlines()[-1] if refused.strip() else "no answer"
        return Ways("loopback", f"a network namespace with a bridge cannot be made here ({why})")
    outside = shutil.which("slirp4netns", path=PATH) or ""
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        outside = ""
    return Ways("own", "", sandbox.program, entering, outside, free_range())


def free_range(table: str = "/proc/net/route") -> Range:
    """The first that the host's routes do not name: what is in it could not be reached from pods."""
    try:
        rows = Path(table).read_text().splitlines()[1:]
    except OSError:
        rows = []
    taken = [(int(row.split()[1], 16), int(row.split()[7], 16)) for row in rows if len(row.split()) > 7]
    for prefix in PREFIXES:
        first, second = map(int, prefix.split("."))
        number = first | second << 8
        if not any(mask and (number & mask & 0xFFFF) == (to & 0xFFFF & mask) for to, mask in taken):
            return Range(prefix)
    return Range()
