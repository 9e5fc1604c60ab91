"""Care of a home: `reset`, `backup`, `restore`, `du`, `gc`. Nothing goes that a person did not ask for."""

from __future__ import annotations

import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

from pinnace.cli import platform
from pinnace.cli.claims import leftovers
from pinnace.cli.connection import Connection
from pinnace.cli.disk import on_disk, remove, size_text
from pinnace.cli.garbage import reading
from pinnace.cli.platform import Failure
from pinnace.home import Home
from pinnace.store.journal import files
from pinnace.store.sqlite import complete

CONTENT = ("pods", "volumes", "data", "gateway", "store.db")
KEPT_BY_RESET = ("environments", "environments.yaml", "token", "tls")
SECRET_FILES = ("token", "tls")


def reset(home: Home, yes: bool) -> int:
    if platform.running(home):
        raise Failure("the platform is running: stop it with `pinnace down` first")
    if not yes:
        answer = input(f"Forget every object, run, log, volume and artifact in {home.root}? Type yes: ")
        if answer.strip() != "yes":
            print("nothing was changed")
            return 1
    for path in sorted(home.root.iterdir()) if home.root.exists() else []:
        if path.name not in KEPT_BY_RESET:
            remove(path)
    print(f"{home.root} is as new; environments and the token stayed")
    return 0


def backup(home: Home, target: Path) -> int:
    """One tar file: a consistent copy of the database first, then what it refers to (which only grows)."""
    if not home.database.exists():
        raise Failure(f"{home.root} holds nothing to back up yet")
    if target.exists():
        raise Failure(f"{target} exists: name a new file")
    fresh = target.with_name(target.name + ".part")
    with tempfile.TemporaryDirectory(dir=home.root) as scratch:
        copy = Path(scratch) / "store.db"
        for recent, kept in zip(files(home.database), files(copy), strict=True):
            if recent.exists():  # before the tables: what these have meanwhile is not taken from it
                shutil.copyfile(recent, kept)
        with closing(sqlite3.connect(home.database)) as source, closing(sqlite3.connect(copy)) as sink:
            source.backup(sink)
        complete(copy)
        fresh.touch(mode=0o600)
        with tarfile.open(fresh, "w") as archive:
            archive.add(copy, "store.db")
            for name in ("data", "volumes", "pods", "environments.yaml", *SECRET_FILES):
                if (home.root / name).exists():
                    archive.add(home.root / name, name)
    fresh.replace(target)
    size = size_text(target.stat().st_size)
    print(f"wrote {target} ({size}); bring it back with `pinnace restore {target}`")
    return 0


def restore(home: Home, source: Path) -> int:
    if platform.running(home):
        raise Failure("the platform is running: stop it with `pinnace down` first")
    if home.database.exists():
        raise Failure(f"{home.root} is not empty: choose another --home, or `pinnace reset` this one")
    home.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with tarfile.open(source) as archive:
            archive.extractall(home.root, filter="data")
    except (OSError, tarfile.TarError) as error:
        raise Failure(f"{source} is not a backup of Pinnace: {error}") from error
    print(f"restored {source} into {home.root}; start it with `pinnace up`")
    return 0


def du(home: Home) -> int:
    total = 0
    for path in sorted(home.root.iterdir()) if home.root.exists() else []:
        size = sum(on_disk(path))
        total += size
        print(f"{size_text(size):>10}  {path.name}")
    print(f"{size_text(total):>10}  {home.root}")
    if unused := unclaimed(home):
        print(f"{size_text(unused):>10}  of it in volumes whose claims are gone: `pinnace gc` frees them")
    return 0


def unclaimed(home: Home) -> int:
    """Bytes; 0 where the database cannot be read by this version."""
    try:
        with closing(reading(home)) as connection:
            return sum(sum(on_disk(each.path)) for each in leftovers(home.volumes, connection))
    except sqlite3.Error:
        return 0


def gc(home: Home) -> int:
    """Asks control, which alone knows what is referred to."""
    freed = Connection.to(home).request("POST", "/pinnace/v1/gc", timeout=600)
    print(freed.decode().strip())
    return 0
