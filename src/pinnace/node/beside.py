"""The small program that has a sandbox made among the processes of another one: `kubectl debug --target`.

`launchers/sandbox.py` starts it in bubblewrap's place, with words before bubblewrap's own: process 1 of the
other sandbox, its parent, and bubblewrap's file. It finds the namespaces and becomes a bubblewrap that joins
them. It starts anew for every container, so it imports next to nothing.

Invariant: what is executed among the other's processes is a copy in memory that nobody can change. The other
container sees this bubblewrap in its /proc while it works, and under a node of root's its uid is root's
outside: the file on the host must not be within its reach.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

NS_GET_USERNS = 0xB701
PIECE = 1 << 20
LIBRARIES = "LD_LIBRARY_PATH"


def main(words: list[str]) -> NoReturn:
    target, parent, program, *rest = words
    try:
        options = joining(os.open(f"/proc/{target}", os.O_PATH | os.O_DIRECTORY), int(parent))
        options += libraries(program)
        os.execve(copied(program), [program, *options, *rest], environment())  # noqa: S606 - what it is for
    except OSError as error:
        os.write(2, f"the container to look at cannot be joined: {error}\n".encode())
        os._exit(1)


def joining(folder: int, parent: int) -> list[str]:
    """bubblewrap's words for the process namespace, with the user namespaces that it belongs to and that its
    processes are in. ProcessLookupError: the number has gone to another process."""
    if parent_of(folder) != parent:
        raise ProcessLookupError("it has ended")
    processes, user = opened("pid", folder), opened("user", folder)
    owner = fcntl.ioctl(processes, NS_GET_USERNS)
    for descriptor in (processes, user, owner):
        os.set_inheritable(descriptor, True)
    uid, gid = known_as(owner)
    words = ["--userns", str(owner), "--pidns", str(processes), "--uid", uid, "--gid", gid]
    if os.fstat(owner).st_ino != os.fstat(user).st_ino:
        words += ["--userns2", str(user)]
    return words


def known_as(owner: int) -> tuple[str, str]:
    """What this process' own ids are called there: asked by a child, since nobody comes back."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(owner, 0) == 0:
            os.write(theirs, f"{os.getuid()} {os.getgid()}".encode())
        os._exit(0)
    os.close(theirs)
    os.waitpid(child, 0)
    said = os.read(ours, 64).decode().split()
    os.close(ours)
    if len(said) != 2:
        raise PermissionError("its user namespace does not let us in")
    return said[0], said[1]


def opened(name: str, folder: int) -> int:
    return os.open(f"ns/{name}", os.O_RDONLY, dir_fd=folder)


def parent_of(folder: int) -> int:
    with open(os.open("stat", os.O_RDONLY, dir_fd=folder), "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])


def libraries(program: str) -> list[str]:
    """A wheel's program finds its libraries by where it lies, which a copy does not: it is told, by a
    variable that stays outside."""
    folder = f"{os.path.dirname(os.path.dirname(program))}.libs"
    if not os.path.isdir(folder):
        return []
    os.environ[LIBRARIES] = folder
    return ["--unsetenv", LIBRARIES]


def environment() -> dict[bytes, bytes]:
    """As it was given: Python may have added to its own."""
    with open("/proc/self/environ", "rb") as file:
        given = dict(word.partition(b"=")[::2] for word in file.read().split(b"\0") if word)
    if LIBRARIES in os.environ:
        given[LIBRARIES.encode()] = os.environb[LIBRARIES.encode()]
    return given


def copied(program: str) -> int:
    """The file in memory, sealed."""
    copy = os.memfd_create("bwrap", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(program, "rb") as file:
        while piece := file.read(PIECE):
            os.write(copy, piece)
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    fcntl.fcntl(copy, fcntl.F_ADD_SEALS, seals)
    readable = os.open(f"/proc/self/fd/{copy}", os.O_RDONLY | os.O_CLOEXEC)
    os.close(copy)  # what is open for writing is not executed
    return readable


if __name__ == "__main__":
    main(sys.argv[1:])
