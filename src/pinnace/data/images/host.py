"""The ground that an image stands on, from this machine's own programs: a shell, the usual tools, the loader
and just the shared libraries that what is inside asks for. No engine, no registry, no package manager.

An environment runs here on the programs of the host, so an image that is to run the same way elsewhere takes
along those very programs. Used by `building`. Linux only: elsewhere the programs are none for a cluster.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pinnace.data.images import elf
from pinnace.data.images.tree import File, Folder, Link, Tree, entry_of

BINARIES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
LINKED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
FOLDERS = (
    "dev", "etc", "home", "mnt", "opt", "proc", "run", "srv", "sys", "usr/bin", "usr/lib", "var/log", "root",
)
OPEN = ("tmp", "var/tmp")
_TOOLS = """
sh bash dash env [ test true false echo printf cat head tail tac tee cut tr sort uniq wc nl paste
join fold fmt comm split csplit expand unexpand od cksum md5sum sha1sum sha256sum sha512sum b2sum
base32 base64 basename dirname realpath readlink pwd ls dir cp mv rm rmdir mkdir mkfifo mktemp ln
link unlink touch truncate stat chmod chown chgrp dd df du sync date sleep timeout seq shuf yes
factor expr numfmt nproc uname arch hostname id whoami groups logname tty stty who users nohup nice
kill install pr ptx tsort pathchk grep egrep fgrep sed awk mawk gawk find xargs diff cmp diff3 sdiff
tar gzip gunzip zcat bzip2 bunzip2 xz unxz unzip zip which getopt ps pgrep pkill free top uptime
watch flock setsid more curl wget jq
"""
TOOLS = tuple(_TOOLS.split())
"""What a shell script may expect of a stock image, as far as this machine has it."""
OPENED = (
    "libnss_files.so.2", "libnss_dns.so.2", "libnss_compat.so.2", "libgcc_s.so.1", "libresolv.so.2",
)
"""Opened by the C library at run time: nobody's header names them."""
DEFAULT = ("/lib", "/usr/lib", "/lib64", "/usr/lib64")
CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
)
USERS = (
    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
    "user:x:1000:1000::/root:/bin/sh\n"
)
GROUP = "root:x:0:\nnogroup:x:65534:\nuser:x:1000:\n"
NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"
_CACHED = re.compile(r"^\s+(\S+) \(([^)]*)\) => (\S+)$", re.MULTILINE)


def ground(programs: Iterable[str] = ()) -> Tree:
    """The shared bottom layer. `programs`: beside the usual tools."""
    tree = Tree()
    for name in FOLDERS:
        tree.put(f"/{name}", Folder())
    for name in OPEN:
        tree.put(f"/{name}", Folder(0o1777))
    for name in LINKED:
        place = Path("/", name)
        if place.is_symlink():
            tree.put(f"/{name}", Link(os.readlink(place).removeprefix("/")))
    tree.text("/etc/passwd", USERS)
    tree.text("/etc/group", GROUP)
    tree.text("/etc/nsswitch.conf", NSSWITCH)
    for name in ("/etc/os-release", "/etc/services", "/etc/mime.types"):
        take(tree, name)
    if found := certificates():
        tree.put("/etc/ssl/certs/ca-certificates.crt", File(Path(found).resolve()))
    for locale in ("/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8"):
        if Path(locale).is_dir():
            tree.copy(Path(locale), locale)
    for name in (*TOOLS, *programs):
        add_program(tree, name)
    for name in OPENED:
        take(tree, libraries().get(name, ""))
    add_libraries(tree)
    return tree


def certificates() -> str:
    return next((path for path in CERTIFICATES if os.path.isfile(path)), "")


def add_program(tree: Tree, name: str) -> bool:
    """By name or absolute path, with what its first line names. False: this machine has none."""
    found = locate(name)
    if not found:
        return False
    take(tree, found)
    real = Path(found).resolve()
    with real.open("rb") as file:
        first = file.readline(256)
    if first.startswith(b"#!"):
        words = first[2:].decode(errors="replace").split()
        if words and words[0] != found:
            add_program(tree, words[1] if words[0].endswith("/env") and len(words) > 1 else words[0])
    return True


def locate(name: str) -> str:
    """As the sandbox would find it; '' for none."""
    folders = BINARIES if "/" not in name else ()
    places = [name] if name.startswith("/") else [f"{folder}/{name}" for folder in folders]
    return next((place for place in places if os.path.isfile(place) and os.access(place, os.X_OK)), "")


def take(tree: Tree, path: str) -> None:
    """A file of the host at its own place, with every link on the way to it."""
    for _ in range(16):
        if not os.path.lexists(path):
            return
        inside = f"{os.path.realpath(os.path.dirname(path))}/{os.path.basename(path)}"
        entry = entry_of(Path(inside))
        if entry is None or inside in tree.entries:
            return
        tree.put(inside, entry)
        if not isinstance(entry, Link):
            return
        path = os.path.join(os.path.dirname(inside), entry.target)


def add_libraries(tree: Tree, below: Tree | None = None) -> list[str]:
    """Every shared library that a program of the tree asks for, and theirs, and the loader; what stands in
    the tree below is not brought again. Returns the names that this machine lacks too."""
    files = [path for _, path in tree.files()]
    lower = list(below.files()) if below else []
    own = {os.path.realpath(path) for path in (*files, *(path for _, path in lower))}
    names = {os.path.basename(path) for path in own}
    brought: set[str] = {path for path, _ in lower}
    missing: set[str] = set()
    while files:
        asker = files.pop()
        facts = elf.read(asker)
        if facts is None:
            continue
        places = [facts.interpreter] if facts.interpreter else []
        for name in facts.needed:
            place = find_library(name, asker, facts)
            if not place and name in names:
                continue  # whoever needs it first brings it in: the loader takes it for the others too
            if not place:
                missing.add(name)
            elif os.path.realpath(place) not in own:
                places.append(place)
        for place in places:
            if place not in brought:
                brought.add(place)
                _bring(tree, place)
                files.append(Path(os.path.realpath(place)))
    return sorted(missing)


def _bring(tree: Tree, place: str) -> None:
    """Where the loader looks by itself it stays, else it goes to where the C library is."""
    folder = os.path.realpath(os.path.dirname(place))
    if folder in {os.path.realpath(one) for one in trusted()}:
        take(tree, place)
    else:
        real = Path(os.path.realpath(place))
        tree.put(f"{home_of_libraries()}/{os.path.basename(place)}", File(real, 0o755))


def find_library(name: str, asker: Path, facts: elf.Elf) -> str:
    for place in facts.places:
        folder = place.replace("$ORIGIN", str(asker.parent)).replace("${ORIGIN}", str(asker.parent))
        if os.path.isfile(f"{folder}/{name}"):
            return f"{folder}/{name}"
    if name in libraries():
        return libraries()[name]
    return next((f"{folder}/{name}" for folder in trusted() if os.path.isfile(f"{folder}/{name}")), "")


@cache
def libraries() -> dict[str, str]:
    """What the loader's cache knows: name → path."""
    found: dict[str, str] = {}
    try:
        program = next(p for p in ("/sbin/ldconfig", "/usr/sbin/ldconfig") if os.path.exists(p))
        said = subprocess.run([program, "-p"], capture_output=True, text=True, check=False).stdout
    except (StopIteration, OSError):
        return found
    for name, kind, path in _CACHED.findall(said):
        if "64" in kind or kind == "libc6":
            found.setdefault(name, path)
    return found


@cache
def home_of_libraries() -> str:
    """The folder of the C library: one that the loader searches without being told."""
    place = libraries().get("libc.so.6")
    return os.path.realpath(os.path.dirname(place)) if place else "/usr/lib"


@cache
def trusted() -> tuple[str, ...]:
    return (home_of_libraries(), *DEFAULT)
