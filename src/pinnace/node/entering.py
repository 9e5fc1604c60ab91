"""The small program that runs a command inside a sandbox: an exec probe's, or that of `kubectl exec`.

`launchers/sandbox.py` has it started as a process of its own (one thread: the kernel demands it) with an
`Order` at descriptor 3. Bubblewrap nests user namespaces, and each of the other namespaces belongs to one of
them; so it asks the kernel for the chain between its own and the sandbox's, and joins them from the outermost
inwards, each with what belongs to it. It starts anew for every command, so it imports next to nothing.

Invariant: what it executes has no more rights than the container. Capabilities are gone before the working
folder is entered, nothing can be gained again, and nothing from inside is loaded or can look into this
process while it still has any.
"""

from __future__ import annotations

import _socket
import ctypes
import fcntl
import marshal
import os
import sys
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

NS_GET_USERNS, NS_GET_PARENT = 0xB701, 0xB702
TIOCSPTLCK, TIOCGPTPEER = 0x40045431, 0x5441
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_CAP_AMBIENT = 23, 24, 47
AMBIENT_CLEAR_ALL = 4
CAPABILITIES_V3 = 0x20080522
MOST_CAPABILITIES = 64
SIGKILL, SIGPIPE, SIGXFSZ = 9, 13, 25
SPACES = ("mnt", "pid", "ipc", "uts", "cgroup", "net")
ORDER_FD = 3
NOT_ENTERED, NOT_EXECUTABLE, NOT_FOUND = 125, 126, 127
"""Exit codes of ours: the sandbox could not be entered; as a shell's, what was to run in it."""


class Order:
    def __init__(
        self,
        target: int,
        parent: int,
        argv: list[str],
        env: dict[str, str],
        cwd: str,
        groups: tuple[str, ...],
        answer: int = -1,
        terminal: bool = False,
    ) -> None:
        """`target`: process 1 of the sandbox as the host numbers it. `parent`: its parent; should the number
        have gone to another process meanwhile, that one is not entered. `groups`: folders of the control
        groups that the container is in. `answer`: a socket on which the node is told why the command could
        not be started; it closes when it is. `terminal`: make one inside, and give its other end to it."""
        self.target = target
        self.parent = parent
        self.argv = argv
        self.env = env
        self.cwd = cwd
        self.groups = groups
        self.answer = answer
        self.terminal = terminal


class Space:
    """A namespace: an open descriptor of it, and what tells it from others."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        info = os.fstat(descriptor)
        self.place = info.st_dev, info.st_ino

    def related(self, question: int) -> Space:
        """The user namespace that it belongs to, or that is around it."""
        return Space(fcntl.ioctl(self.descriptor, question))


libc = ctypes.CDLL(None, use_errno=True)


def main() -> NoReturn:
    answer = -1
    try:
        order = read_order()
        answer = order.answer
        join_groups(order.groups)
        seal()
        enter(order)
        child = os.fork()
    except OSError as error:
        refuse(f"the sandbox cannot be entered: {error}", answer)
    if child == 0:
        become(order)
    if answer >= 0:
        os.close(answer)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(code if code >= 0 else 128 - code)


def read_order() -> Order:
    """As this very Python of the node's has written it."""
    with os.fdopen(ORDER_FD, "rb") as file:
        file.seek(0)
        return Order(**marshal.load(file))  # noqa: S302


def join_groups(groups: tuple[str, ...]) -> None:
    for group in groups:
        with open(f"{group}/cgroup.procs", "w") as file:
            file.write("0")


def seal() -> None:
    """From here on no process inside may look into this one (its memory, its program's file), and no file
    from inside is imported, whatever happens."""
    checked(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
    sys.path.clear()
    sys.meta_path.clear()


def enter(order: Order) -> None:
    folder = os.open(f"/proc/{order.target}", os.O_PATH | os.O_DIRECTORY)
    if parent_of(folder) != order.parent:
        raise ProcessLookupError("it has ended")
    own = os.open("/proc/self", os.O_PATH | os.O_DIRECTORY)
    others = [space for name in SPACES if (space := foreign(name, folder, own))]
    owners = [space.related(NS_GET_USERNS).place for space in others]
    for user in chain(opened("user", folder), opened("user", own)):
        join(user)
        for space, owner in zip(others, owners, strict=True):
            if owner == user.place:
                join(space)
    close_all_but(order.answer)


def close_all_but(kept: int) -> None:
    """Of what no program inside may ever get hold of."""
    most = os.sysconf("SC_OPEN_MAX")
    if kept < 0:
        os.closerange(ORDER_FD, most)
        return
    os.set_inheritable(kept, False)
    os.closerange(ORDER_FD, kept)
    os.closerange(kept + 1, most)


def parent_of(folder: int) -> int:
    with open(os.open("stat", os.O_RDONLY, dir_fd=folder), "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])


def opened(name: str, folder: int) -> Space:
    return Space(os.open(f"ns/{name}", os.O_RDONLY, dir_fd=folder))


def foreign(name: str, folder: int, own: int) -> Space | None:
    """The target's namespace, unless it is ours, too."""
    space = opened(name, folder)
    return space if space.place != opened(name, own).place else None


def chain(innermost: Space, own: Space) -> list[Space]:
    """The user namespaces below ours down to the target's, outermost first. PermissionError (the kernel's)
    where that one is not below ours. One that is ours is no sandbox."""
    if innermost.place == own.place:
        raise PermissionError("the process has no user namespace of its own")
    found = [innermost]
    while (around := found[0].related(NS_GET_PARENT)).place != own.place:
        found.insert(0, around)
    return found


def join(space: Space) -> None:
    checked(libc.setns(space.descriptor, 0))


def become(order: Order) -> NoReturn:
    """The command, in the place of this process."""
    try:
        drop_rights()
        checked(libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
        for number in (SIGPIPE, SIGXFSZ):  # Python ignores them
            libc.signal(number, None)
        os.umask(0o022)
        if order.answer >= 0:
            os.setsid()
        if order.terminal:
            take_terminal(order.answer)
        os.chdir(order.cwd)
    except OSError as error:
        refuse(f"the sandbox cannot be entered: {error}", order.answer)
    execute(order.argv, order.env, order.answer)


def take_terminal(answer: int) -> None:
    """A new one of the sandbox's own, as this process' controlling terminal. All rights are gone by now:
    whatever the container has put in that place is opened as the container itself could."""
    ours = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(ours, TIOCSPTLCK, bytes(4))
    theirs = fcntl.ioctl(ours, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY)
    fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, ours.to_bytes(4, sys.byteorder))
    socket = _socket.socket(fileno=answer)
    socket.sendmsg([b"t"], [rights])
    socket.detach()
    for number in range(3):
        os.dup2(theirs, number)
    os.closerange(ORDER_FD, answer)
    os.closerange(answer + 1, max(ours, theirs) + 1)


def drop_rights() -> None:
    """A full set came with the user namespace. Bubblewrap's own command has none, and can gain none."""
    checked(libc.prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL, 0, 0, 0))
    for capability in range(MOST_CAPABILITIES):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # the kernel knows no more
    checked(libc.capset(*capabilities()))
    checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if os.geteuid() == 0 or rights_left():
        raise PermissionError("rights are left that the container does not have")


def rights_left() -> bool:
    header, data = capabilities()
    checked(libc.capget(header, data))
    bounds = (libc.prctl(PR_CAPBSET_READ, number, 0, 0, 0) for number in range(MOST_CAPABILITIES))
    return any(data) or 1 in bounds


def capabilities() -> tuple[ctypes.Array[ctypes.c_uint32], ctypes.Array[ctypes.c_uint32]]:
    """This process' header for the kernel, and a set without any."""
    return (ctypes.c_uint32 * 2)(CAPABILITIES_V3, 0), (ctypes.c_uint32 * 6)()


def execute(argv: list[str], env: dict[str, str], answer: int = -1) -> NoReturn:
    """As execvp does, with the container's PATH."""
    name = argv[0] if argv else ""
    paths = [name] if "/" in name else [f"{folder}/{name}" for folder in env.get("PATH", "").split(":")]
    code, why = NOT_FOUND, "executable file not found in $PATH"
    for path in paths:
        try:
            os.execve(path, argv, env)  # noqa: S606 - that is what it is for
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError) as error:
            code, why = NOT_EXECUTABLE, str(error)
    refuse(f'exec: "{name}": {why}', answer, code)


def checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def refuse(why: str, answer: int = -1, code: int = NOT_ENTERED) -> NoReturn:
    """To the node if it listens, else as a shell would."""
    os.write(answer if answer >= 0 else 2, f"{why}\n".encode())
    os._exit(code)


if __name__ == "__main__":
    main()
