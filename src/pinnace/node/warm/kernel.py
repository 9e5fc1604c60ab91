"""The few calls to the kernel that Python has no name for. Caller: the keeper and what it forks.

Invariant: everything raises OSError with the kernel's own number; nothing is retried or guessed.
"""

from __future__ import annotations

import ctypes
import os

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID = (
    0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000,
)  # fmt: skip
SPACES = NEWNS | NEWIPC | NEWUTS | NEWCGROUP
RDONLY, NOSUID, NODEV, NOEXEC = 1, 2, 4, 8
REMOUNT, BIND, REC, PRIVATE = 0x20, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
PDEATHSIG, DUMPABLE, NO_NEW_PRIVS, CAPBSET_DROP, CAP_AMBIENT, CLEAR_ALL = 1, 4, 38, 24, 47, 4
CAPABILITIES_V3, MOST_CAPABILITIES = 0x20080522, 64
OPEN_TREE, MOVE_MOUNT, OPENAT2, MOUNT_SETATTR = 428, 429, 437, 442
CLONE_TREE, RECURSIVE, EMPTY_PATH, FROM_EMPTY_PATH, TO_EMPTY_PATH = 1, 0x8000, 0x1000, 4, 0x40
IN_ROOT_WITHOUT_LINKS = 0x02 | 0x04 | 0x10
HERE = -100

libc = ctypes.CDLL(None, use_errno=True)


class Attributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


class How(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("flags", "mode", "resolve")]


def checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    checked(libc.unshare(flags), "unshare")


def join(descriptor: int) -> None:
    checked(libc.setns(descriptor, 0), "setns")


def prctl(option: int, value: int = 0) -> None:
    checked(libc.prctl(option, value, 0, 0, 0), "prctl")


def mount(kind: str, place: str, flags: int, options: str = "") -> None:
    word = kind.encode()
    checked(libc.mount(word, place.encode(), word, flags, options.encode()), f"mount of {kind} at {place}")


def make_private() -> None:
    checked(libc.mount(None, b"/", None, REC | PRIVATE, None), "mount --make-rprivate")


def copied(path: str) -> int:
    """A tree of mounts that is nowhere yet, all that lies below included."""
    flags = CLONE_TREE | RECURSIVE | os.O_CLOEXEC
    return checked(libc.syscall(OPEN_TREE, HERE, os.fsencode(path), flags), f"open_tree {path}")


def restrict(tree: int, flags: int, *, deep: bool = True) -> None:
    wanted = Attributes(flags, 0, 0, 0)
    how = EMPTY_PATH | (RECURSIVE if deep else 0)
    size = ctypes.sizeof(wanted)
    checked(libc.syscall(MOUNT_SETATTR, tree, b"", how, ctypes.byref(wanted), size), "mount_setattr")


def attach(tree: int, place: int) -> None:
    how = FROM_EMPTY_PATH | TO_EMPTY_PATH
    checked(libc.syscall(MOVE_MOUNT, tree, b"", place, b"", how), "move_mount")


def beneath(root: int, path: str) -> int:
    """What lies at `path` in this root. No link is followed, so nothing outside of it can be meant."""
    how = How(os.O_PATH | os.O_CLOEXEC, 0, IN_ROOT_WITHOUT_LINKS)
    words = os.fsencode(path.lstrip("/") or ".")
    return checked(libc.syscall(OPENAT2, root, words, ctypes.byref(how), ctypes.sizeof(how)), f"open {path}")


def move_in(root: str) -> None:
    """`root` becomes the root, and nothing else is in reach any more."""
    place = os.open(root, os.O_PATH | os.O_CLOEXEC)
    tree = copied(root)
    attach(tree, place)  # a mount that came from a mightier namespace is locked, a copy of it is not
    os.fchdir(tree)
    checked(libc.pivot_root(b".", b"."), "pivot_root")
    checked(libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")
    os.close(tree)
    os.close(place)


def name_host(name: str) -> None:
    words = name.encode()
    checked(libc.sethostname(words, len(words)), "sethostname")


def map_ids(inner: int, user: int, group: int) -> None:
    """In a user namespace made just now: its only user and group, and who they are around it."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inner} {user} 1"),
        ("gid_map", f"{inner} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def drop_rights() -> None:
    """All capabilities, for good."""
    libc.prctl(CAP_AMBIENT, CLEAR_ALL, 0, 0, 0)
    for capability in range(MOST_CAPABILITIES):
        if libc.prctl(CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # the kernel knows no more
    header, none = (ctypes.c_uint32 * 2)(CAPABILITIES_V3, 0), (ctypes.c_uint32 * 6)()
    checked(libc.capset(header, none), "capset")
    prctl(NO_NEW_PRIVS, 1)
