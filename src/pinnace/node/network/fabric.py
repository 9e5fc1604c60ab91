"""The bridge of the cluster network, and a namespace with one address on it for each pod.

Used by `holder.py`, which has one thread: making a namespace means to be in it for a moment. A pod's own user
namespace lies below the one to which all this belongs, so a pod has no right over its network: no raw
sockets, no other address, no routes. Namespaces are made ahead; giving one an address is one system call.
"""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import suppress

import msgspec

from pinnace.node.network import netlink
from pinnace.node.network.netlink import Netlink

CLONE_NEWNET = 0x40000000
LOOPBACK, INSIDE = 1, 2
BRIDGE = 16
FIRST = 64
"""Indexes of links: the kernel's own, ours."""
AHEAD = 2
SERVICES, SERVICE_BITS = "10.96.0.0", 12
OPENED = {
    "/proc/sys/net/ipv4/ip_unprivileged_port_start": "0",
    "/proc/sys/net/ipv4/ping_group_range": "0 0",
}
"""As container runtimes do: a pod may listen on any port of its own, and send pings."""
libc = ctypes.CDLL(None, use_errno=True)


class Range(msgspec.Struct, frozen=True):
    """The addresses of pods: `10.88` of 10.88.0.0/16. The first 256 are ours."""

    prefix: str = "10.88"

    @property
    def gateway(self) -> str:
        return f"{self.prefix}.0.1"

    @property
    def outside(self) -> str:
        """Where slirp4netns is on its network: the second address."""
        return f"{self.prefix}.0.2"

    @property
    def resolver(self) -> str:
        """slirp4netns' way to the host's name servers."""
        return f"{self.prefix}.0.3"

    @property
    def whole(self) -> str:
        return f"{self.prefix}.0.0/16"


class Space:
    """A pod's network namespace: a descriptor of it, and a socket to its routing tables."""

    def __init__(self, descriptor: int, kernel: Netlink) -> None:
        self.descriptor = descriptor
        self.kernel = kernel

    def close(self) -> None:
        """The namespace goes with its last process."""
        self.kernel.close()
        os.close(self.descriptor)


class Fabric:
    def __init__(self, range: Range, *, outside: bool) -> None:
        """`outside`: there is a way out, so pods get a default route. OSError: it cannot be made here."""
        self.range = range
        self.outside = outside
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.kernel = Netlink()
        self.index = FIRST
        self.spare: list[Space] = []
        with suppress(FileExistsError):  # an earlier holder made it
            self.kernel.do(netlink.bridge("pods", BRIDGE, bytes((2, 88, 0, 0, 0, 1))))
        self.kernel.do(
            netlink.up(LOOPBACK),
            netlink.address(BRIDGE, range.gateway, 16),
            netlink.local(SERVICES, SERVICE_BITS, LOOPBACK),
        )

    def attach(self, address: str) -> Space:
        """A namespace with this address, ready to be entered."""
        space = self.spare.pop() if self.spare else self.make()
        ways = [netlink.route(SERVICES, SERVICE_BITS, self.range.gateway)]
        if self.outside:
            ways.append(netlink.route("0.0.0.0", 0, self.range.outside))  # noqa: S104 - the default route
        space.kernel.do(netlink.address(INSIDE, address, 16), netlink.up(INSIDE), *ways)
        return space

    def prepare(self) -> bool:
        """Make one ahead; False if there are enough."""
        if len(self.spare) >= AHEAD:
            return False
        self.spare.append(self.make())
        return True

    def make(self) -> Space:
        checked(libc.unshare(CLONE_NEWNET))
        try:
            space = Space(os.open("/proc/self/ns/net", os.O_RDONLY), Netlink())
            for path, value in OPENED.items():
                allow(path, value)
        finally:
            checked(libc.setns(self.home, CLONE_NEWNET))
        try:
            self.join(space)
        except OSError:
            space.close()
            raise
        return space

    def join(self, space: Space) -> None:
        """Put one end of a pair into it. Numbers that an earlier holder gave are passed over."""
        while True:
            self.index += 1
            called = f"pod{self.index}"
            pair = netlink.veth(called, self.index, BRIDGE, "eth0", INSIDE, space.descriptor)
            try:
                self.kernel.do(pair)
                break
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.EBUSY):
                    raise
        space.kernel.do(netlink.up(LOOPBACK))

    def plug(self, index: int) -> None:
        """Take a link that somebody else made (slirp4netns' tap) into the bridge."""
        outward = netlink.route("0.0.0.0", 0, self.range.outside)  # noqa: S104 - the default route
        self.kernel.do(netlink.enslave(index, BRIDGE), outward)


def allow(path: str, value: str) -> None:
    """Where /proc/sys is read-only (inside containers) it stays as it is."""
    with suppress(OSError), open(path, "w") as file:
        file.write(value)


def checked(result: int) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
