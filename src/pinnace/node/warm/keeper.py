"""The keeper of one environment's zygote: it makes the rooms of pods, has the zygote fork into them, and
tells the node of their ends. `launcher.py` starts it: `python -I -S -B -c "… keeper.main()"`, descriptor 3
is its socket to the node, from which it takes `Begin`, then an order a pod.

It holds what the zygote must never have: a view of the host, and capabilities in a user namespace around the
zygote's. So it runs the node's own Python without site-packages, and believes nothing the zygote says but
that a child of its own stands in a room (the kernel tells which). It is process 1 of a namespace: with it
ends every process of the environment, and it ends with the node.
"""

from __future__ import annotations

import gc
import json
import marshal
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from pinnace.node.warm import kernel
from pinnace.node.warm.room import Room, Unknown

NODE = 3
UID = 1000
"""The zygote's, and what every room's own is to it."""
MOST = 1 << 20
FDS = 16
UCRED = struct.Struct("3i")
READY, GO = b"ready", b"go"
SPACES = ("user", "mnt", "pid", "ipc", "uts", "cgroup")
ANCILLARY = socket.CMSG_SPACE(FDS * 4) + socket.CMSG_SPACE(UCRED.size)


class Guest:
    """One pod, from its order to its end."""

    def __init__(self, number: int, groups: list[str], job: bytes, streams: list[int]) -> None:
        self.number = number
        self.groups = groups
        self.job = job
        self.streams = streams
        self.builder = 0
        self.first = 0
        """Process 1 of its room."""
        self.program = 0
        self.status = -1
        self.line: socket.socket | None = None
        """To whoever is to speak next: the room's first process, then the child of the zygote."""

    def close(self) -> None:
        for descriptor in self.streams:
            os.close(descriptor)
        self.streams = []
        if self.line is not None:
            self.line.close()
            self.line = None


class Keeper:
    def __init__(self, node: socket.socket) -> None:
        self.node = node
        self.poll = select.poll()
        self.calls: dict[int, Callable[[], None]] = {}
        self.ends: dict[int, Callable[[int], None]] = {}
        self.guests: dict[int, Guest] = {}
        self.zygote = 0
        self.line: socket.socket | None = None
        self.space = -1
        """The zygote's user namespace."""
        self.scratch = ""
        self.resting = False
        wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        self.listen(wake, lambda: self.reap(wake))
        self.listen(node.fileno(), self.order)

    def listen(self, descriptor: int, call: Callable[[], None]) -> None:
        self.calls[descriptor] = call
        self.poll.register(descriptor, select.POLLIN)

    def deafen(self, descriptor: int) -> None:
        if self.calls.pop(descriptor, None) is not None:
            self.poll.unregister(descriptor)

    def serve(self) -> None:
        while not (self.resting and not self.guests):
            for descriptor, _ in self.poll.poll():
                call = self.calls.get(descriptor)
                if call is not None:
                    call()

    def reap(self, wake: int) -> None:
        try:
            os.read(wake, 4096)
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            ended = self.ends.pop(pid, None)
            if ended is not None:
                ended(status)

    def tell(self, *message: Any, rights: tuple[int, ...] = ()) -> None:
        socket.send_fds(self.node, [marshal.dumps(message)], rights)

    # The zygote --------------------------------------------------------------------------------------------

    def begin(self, scratch: str, words: list[str], argv: list[str], env: dict[str, str], job: bytes) -> None:
        """`scratch`: an empty folder of the host's, covered here, that rooms are made in."""
        self.scratch = scratch
        kernel.make_private()
        kernel.mount("tmpfs", scratch, kernel.NOSUID | kernel.NODEV, "mode=0700")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        said, saying = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.zygote = os.fork()
        if self.zygote == 0:
            self.become_zygote(words, argv, env, theirs, saying)
        theirs.close()
        saying.close()
        data, rights = received(said)[:2]
        said.close()
        if not rights:
            raise OSError(data.decode(errors="replace") or "the zygote did not start")
        self.space = rights[0]
        self.line = ours
        self.ends[self.zygote] = self.zygote_over
        self.listen(ours.fileno(), self.zygote_says)
        ours.send(job)

    def become_zygote(
        self,
        words: list[str],
        argv: list[str],
        env: dict[str, str],
        line: socket.socket,
        saying: socket.socket,
    ) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            place = self.place()
            kernel.unshare(kernel.NEWNS)
            room = Room(place, words, own_proc=False)
            kernel.unshare(kernel.NEWUSER | kernel.SPACES)
            kernel.map_ids(UID, 0, 0)
            kernel.name_host(room.said["--hostname"])
            space = os.open("/proc/self/ns/user", os.O_RDONLY | os.O_CLOEXEC)
            socket.send_fds(saying, [b"."], [space])
            kernel.move_in(place)
            kernel.drop_rights()
            os.setsid()
            null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
            for number in range(3):
                os.dup2(null, number)
            if line.fileno() != NODE:
                os.dup2(line.fileno(), NODE)
            os.set_inheritable(NODE, True)
            os.closerange(NODE + 1, os.sysconf("SC_OPEN_MAX"))
            for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.execve(argv[0], argv, env)  # noqa: S606 - that is what it is for
        except BaseException as error:
            give_up(saying, error)

    def zygote_says(self) -> None:
        assert self.line is not None
        if received(self.line)[0]:
            self.tell("up")
        else:
            self.deafen(self.line.fileno())

    def zygote_over(self, _status: int) -> None:
        """Who is in a room goes on; nobody else comes."""
        self.zygote = 0
        for guest in list(self.guests.values()):
            if not guest.program:
                self.refuse(guest, "the zygote has ended")
        if not self.resting:
            self.tell("down", "the zygote has ended")

    # Orders ------------------------------------------------------------------------------------------------

    def order(self) -> None:
        data, rights = received(self.node)[:2]
        if not data:
            os._exit(0)
        message = marshal.loads(data)  # noqa: S302 - the node's
        if message[0] == "rest":
            self.resting = True
            if self.zygote:
                os.kill(self.zygote, signal.SIGKILL)
            return
        number, words, groups, job = message
        guest = self.guests[number] = Guest(number, groups, job, rights)
        if self.zygote:
            self.build(guest, words)
        else:
            self.refuse(guest, "there is no zygote")

    def build(self, guest: Guest, words: list[str]) -> None:
        guest.line, theirs = pair()
        guest.builder = os.fork()
        if guest.builder == 0:
            self.become_builder(theirs, words)
        theirs.close()
        self.listen(guest.line.fileno(), lambda: self.built(guest))

    def become_builder(self, line: socket.socket, words: list[str]) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            close_all_but(line.fileno(), self.space)
            place = self.place()
            os.umask(0)
            kernel.unshare(kernel.NEWNS)
            room = Room(place, words)
            kernel.join(self.space)
            kernel.unshare(kernel.NEWUSER | kernel.NEWPID | kernel.SPACES)
            kernel.map_ids(int(room.said["--uid"]), UID, UID)
            if os.fork() == 0:
                become_first(line, room)
        except BaseException as error:
            give_up(line, error)
        os._exit(0)

    def place(self) -> str:
        path = f"{self.scratch}/{os.getpid()}"
        os.mkdir(path, 0o700)
        return path

    def built(self, guest: Guest) -> None:
        """The room stands: the zygote's turn."""
        assert guest.line is not None
        self.deafen(guest.line.fileno())
        data, rights, sender = received(guest.line)
        if not rights or self.line is None or not self.zygote:
            close(rights)
            self.refuse(guest, data.decode(errors="replace") or "the room was not made")
            return
        guest.first = sender
        self.ends[sender] = lambda _status: self.emptied(guest)
        guest.line.close()
        guest.line, theirs = pair()
        self.listen(guest.line.fileno(), lambda: self.entered(guest))
        try:
            socket.send_fds(self.line, [guest.job], [*guest.streams, theirs.fileno(), *rights])
        except OSError as error:
            self.refuse(guest, f"the zygote does not listen: {error}")
        theirs.close()
        close([*guest.streams, *rights])
        guest.streams = []

    def entered(self, guest: Guest) -> None:
        """The program stands at its start, without rights: the node learns of it, then it goes."""
        assert guest.line is not None
        self.deafen(guest.line.fileno())
        data, rights, sender = received(guest.line)
        close(rights)
        if data != READY or not sender:
            self.refuse(guest, data.decode(errors="replace") or "the zygote's child has gone")
            return
        try:
            for group in guest.groups:
                with open(f"{group}/cgroup.procs", "w") as file:
                    file.write(str(sender))
            ways = (os.pidfd_open(sender), os.pidfd_open(guest.first))
        except OSError as error:
            self.refuse(guest, str(error))
            return
        guest.program = sender
        self.ends[sender] = lambda status: self.ended(guest, status)
        self.tell("on", guest.number, rights=ways)
        close(ways)
        guest.line.send(GO)
        guest.close()

    def refuse(self, guest: Guest, why: str) -> None:
        """It has not begun, and will not."""
        if guest.line is not None:
            self.deafen(guest.line.fileno())
        guest.close()
        if guest.first:
            self.ends.pop(guest.first, None)
            os.kill(guest.first, signal.SIGKILL)
        if self.guests.pop(guest.number, None):
            self.tell("bad", guest.number, why)

    def ended(self, guest: Guest, status: int) -> None:
        """Nothing that it has started outlives it."""
        guest.status = status
        if guest.first in self.ends:
            os.kill(guest.first, signal.SIGKILL)
        else:
            self.emptied(guest)

    def emptied(self, guest: Guest) -> None:
        """Process 1 is gone, and so is all of the room: the program's end is known, or comes now."""
        self.ends.pop(guest.first, None)
        if not guest.program:
            guest.first = 0
            self.refuse(guest, "the room has gone")
        elif guest.status >= 0:
            del self.guests[guest.number]
            self.tell("end", guest.number, guest.status)


def become_first(line: socket.socket, room: Room) -> NoReturn:
    """Process 1 of a room: it holds the namespaces together, and takes in orphans."""
    try:
        os.setsid()
        room.settle()
        kernel.name_host(room.said["--hostname"])
        if not room.nested:
            with open("/proc/sys/user/max_user_namespaces", "w") as file:
                file.write("0")
        spaces = [os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in SPACES]
        kernel.move_in(room.place)
        kernel.drop_rights()
        socket.send_fds(line, [b"."], spaces)
    except BaseException as error:
        give_up(line, error)
    os.closerange(0, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        signal.pause()


def give_up(line: socket.socket, error: BaseException) -> NoReturn:
    why = (
        f"bubblewrap alone knows {error}"
        if isinstance(error, Unknown)
        else f"{type(error).__name__}: {error}"
    )
    try:
        line.send(why.encode()[:2000])
    finally:
        os._exit(1)


def fail(node: socket.socket, error: BaseException) -> NoReturn:
    node.send(marshal.dumps(("down", f"{type(error).__name__}: {error}"[:2000])))
    os._exit(1)


def pair() -> tuple[socket.socket, socket.socket]:
    """Ours tells who speaks at the other end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return ours, theirs


def received(line: socket.socket) -> tuple[bytes, list[int], int]:
    """Data, descriptors, and the sender's process if the kernel tells it. Empty: it has closed."""
    try:
        data, parts, _, _ = line.recvmsg(MOST, ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    except ConnectionError:
        return b"", [], 0
    rights: list[int] = []
    sender = 0
    for level, kind, content in parts:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            rights += struct.unpack(f"{len(content) // 4}i", content[: len(content) // 4 * 4])
        elif level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            sender = UCRED.unpack(content[: UCRED.size])[0]
    return data, rights, sender


def close(descriptors: Any) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def close_all_but(*kept: int) -> None:
    low = NODE
    for descriptor in (*sorted(kept), os.sysconf("SC_OPEN_MAX")):
        os.closerange(low, descriptor)
        low = descriptor + 1


def main() -> NoReturn:
    """`sys.argv[1:]`: what starts this program once more, in the user namespace that is made here."""
    if sys.argv[1:]:
        surround(sys.argv[1:])
    keep()


def surround(again: list[str]) -> NoReturn:
    """A user namespace around all that follows, and one of processes that ends with its first. That one is
    executed anew inside, so that its children may write their own maps while nobody may look into them."""
    node = socket.socket(fileno=NODE)
    try:
        user, group = os.getuid(), os.getgid()
        kernel.unshare(kernel.NEWUSER | kernel.NEWNS | kernel.NEWPID)
        kernel.map_ids(0, user, group)
        kernel.prctl(kernel.PDEATHSIG, signal.SIGKILL)
        child = os.fork()
        if child == 0:
            kernel.prctl(kernel.PDEATHSIG, signal.SIGKILL)
            os.set_inheritable(NODE, True)
            os.execv(again[0], again)  # noqa: S606 - this very program
    except BaseException as error:
        fail(node, error)
    node.close()
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0x7F)


def keep() -> NoReturn:
    kernel.prctl(kernel.DUMPABLE, 0)
    os.umask(0o022)
    node = socket.socket(fileno=NODE)
    node.set_inheritable(False)
    data = received(node)[0]
    if not data:
        os._exit(0)
    scratch, words, argv, env, job = marshal.loads(data)  # noqa: S302 - the node's
    try:
        keeper = Keeper(node)
        keeper.begin(scratch, words, argv, env, json.dumps(job).encode())
    except BaseException as error:
        fail(node, error)
    gc.collect()
    gc.freeze()
    gc.disable()
    keeper.serve()
    os._exit(0)
