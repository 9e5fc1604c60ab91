"""A Python and a virtual environment, moved to places of their own inside an image.

The interpreter goes to /opt/python (it finds its library beside itself), the environment to /opt/venv; byte
code is rewritten for these places and marked as needing no look at its source, because all times in an image
are one. The interpreter itself does that, in a process of its own: only it knows its byte code. Used by
`building`. Invariant: nothing in the image names a folder of this machine.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import msgspec

from pinnace.data.images.errors import ImageError
from pinnace.data.images.tree import File, Folder, Link, Tree

PYTHON, VENV = "/opt/python", "/opt/venv"
UNUSED = frozenset(
    ("__pycache__", "test", "tests", "idlelib", "turtledemo", "tkinter", "site-packages", "dist-packages")
)
"""Folders of the standard library that no step runs."""
UNUSED_MODULES = ("_tkinter.", "_test", "_ctypes_test.", "_xxtestfuzz.")
ACTIVATION = ("activate", "deactivate", "pydoc.bat", "Activate")
RECORDS = frozenset(("__pycache__", "uv_cache.json", ".lock", "CACHEDIR.TAG", ".gitignore"))
FACTS = (
    "import json,os,sys,sysconfig as s;"
    "print(json.dumps({'prefix':sys.base_prefix,'program':os.path.realpath(sys.executable),"
    "'library':s.get_path('stdlib'),'version':'%d.%d'%sys.version_info[:2],"
    "'full':'%d.%d.%d'%sys.version_info[:3]}))"
)
REWRITE = r"""
import importlib.util as u, json, marshal, os, struct, sys, types
sys.setrecursionlimit(20000)
def moved(code, name):
    inner = tuple(moved(c, name) if isinstance(c, types.CodeType) else c for c in code.co_consts)
    return code.replace(co_filename=name, co_consts=inner)
def cached(path, info):
    try:
        with open(u.cache_from_source(path), "rb") as file:
            data = file.read()
    except OSError:
        return None
    flags, stamp, size = struct.unpack("<III", data[4:16])
    times = (int(info.st_mtime) & 0xFFFFFFFF, info.st_size & 0xFFFFFFFF)
    fresh = data[:4] == u.MAGIC_NUMBER and not flags and (stamp, size) == times
    return marshal.loads(data[16:]) if fresh else None
for line in sys.stdin:
    path, name, out = json.loads(line)
    with open(path, "rb") as file:
        source = file.read()
    try:
        code = cached(path, os.stat(path)) or compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        continue
    code = marshal.loads(marshal.dumps(moved(code, name)))
    with open(out, "wb") as file:
        file.write(u.MAGIC_NUMBER + struct.pack("<I", 1) + u.source_hash(source) + marshal.dumps(code))
"""
"""Unchecked hash-based byte code (PEP 552). Sources that do not compile (of templates, say) have none."""


class Facts(NamedTuple):
    prefix: str
    program: str
    library: str
    version: str
    full: str

    @property
    def tag(self) -> str:
        return f"cpython-{self.version.replace('.', '')}"


def facts(python: Path) -> Facts:
    """Raises ImageError: it is none that runs."""
    done = subprocess.run([python, "-I", "-S", "-c", FACTS], capture_output=True, check=False)
    if done.returncode != 0:
        raise ImageError(f"{python} does not run: {done.stderr.decode(errors='replace').strip()[-300:]}")
    return Facts(**msgspec.json.decode(done.stdout))


def interpreter(tree: Tree, found: Facts, scratch: Path) -> None:
    """The program and its standard library below /opt/python."""
    name = f"python{found.version}"
    tree.put(f"{PYTHON}/bin/{name}", File(Path(found.program), 0o755))
    for link in ("python3", "python"):
        tree.put(f"{PYTHON}/bin/{link}", Link(name))
    library = Path(found.library)
    inside = f"{PYTHON}/{os.path.relpath(library, found.prefix)}"
    only = Tree()
    only.copy(library, inside, without=UNUSED)
    for path, entry in only.entries.items():
        base = path.rpartition("/")[2]
        if not (base.startswith(UNUSED_MODULES) or base.endswith(".a") or f"{inside}/config-" in path):
            tree.put(path, entry)
    tree.put(f"{inside}/site-packages", Folder())
    byte_code(tree, found, Path(found.program), scratch)


def environment(tree: Tree, venv: Path, found: Facts, scratch: Path) -> None:
    """The virtual environment below /opt/venv, on the interpreter of /opt/python."""
    for child in sorted(venv.iterdir()):
        if child.name not in RECORDS and child.name not in ("bin", "pyvenv.cfg", "include", "share"):
            tree.copy(child, f"{VENV}/{child.name}", without=RECORDS)
    if (venv / "share").is_dir():
        tree.copy(venv / "share", f"{VENV}/share", without=("man", "doc"))
    tree.text(
        f"{VENV}/pyvenv.cfg",
        f"home = {PYTHON}/bin\ninclude-system-site-packages = false\nversion = {found.full}\n",
    )
    for program in sorted((venv / "bin").iterdir()):
        if program.name.startswith("python") and program.is_symlink():
            tree.put(f"{VENV}/bin/{program.name}", Link(f"{PYTHON}/bin/python{found.version}"))
        elif not program.name.startswith(ACTIVATION):
            _program(tree, program, venv)
    byte_code(tree, found, Path(found.program), scratch)


def _program(tree: Tree, program: Path, venv: Path) -> None:
    """A console script starts with the path of its interpreter."""
    inside = f"{VENV}/bin/{program.name}"
    if program.is_symlink() or not program.is_file():
        tree.copy(program, inside)
        return
    content = program.read_bytes()
    if content.startswith(b"#!"):
        tree.put(inside, File(content.replace(os.fsencode(venv), VENV.encode()), 0o755))
    else:
        tree.put(inside, File(program, 0o755))


def byte_code(tree: Tree, found: Facts, python: Path, scratch: Path) -> None:
    """Every source of the tree gets its own, at its place inside."""
    scratch.mkdir(parents=True)
    sources = sorted(
        (inside, path) for inside, path in tree.files()
        if inside.endswith(".py") and cache_of(inside, found.tag) not in tree.entries
    )
    orders, made = [], []
    for number, (inside, path) in enumerate(sources):
        out = scratch / f"{number}.pyc"
        orders.append(msgspec.json.encode([str(path), inside, str(out)]))
        made.append((cache_of(inside, found.tag), out))
    command = [str(python), "-I", "-S", "-B", "-c", REWRITE]
    done = subprocess.run(
        command, input=b"\n".join(orders), capture_output=True, check=False,
        env={"PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin"},
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[-300:]
        raise ImageError(f"{python} cannot write byte code: {said}")
    for inside, out in made:
        if out.exists():
            tree.put(inside, File(out))


def cache_of(source: str, tag: str) -> str:
    folder, _, name = source.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.{tag}.pyc"


def packages(venv: Path) -> list[str]:
    """What is installed, as an exact requirement each (`name==version`, or its address)."""
    found = []
    for folder in venv.glob("lib/python*/site-packages/*.dist-info"):
        name, _, version = folder.name.removesuffix(".dist-info").rpartition("-")
        direct = folder / "direct_url.json"
        address = msgspec.json.decode(direct.read_bytes()).get("url", "") if direct.exists() else ""
        name = name.replace("_", "-").lower()
        found.append(f"{name} @ {address}" if address.startswith("http") else f"{name}=={version}")
    return sorted(found)
