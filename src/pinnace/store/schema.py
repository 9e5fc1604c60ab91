"""The tables, how a connection is set up, and how an older home becomes a present one.

Called by `SqliteStore.open` alone, before any thread exists. Invariant: after `prepare` the file has exactly
the present schema, or it was not changed at all.

One body is kept once: `log` holds every write under its revision, and `objects` (the live rows) point into
it. So an update writes one body and one small row, and compaction leaves alone what is live.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

MEMORY = ":memory:"

VERSION = 1

TABLES = """
CREATE TABLE state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  rv INTEGER NOT NULL,      -- the newest revision
  floor INTEGER NOT NULL    -- events up to here may be gone
);
INSERT INTO state VALUES (1, 0, 0);

CREATE TABLE log (
  rv INTEGER PRIMARY KEY,
  id INTEGER NOT NULL,      -- objects.id: the revision that created the object
  resource TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  type INTEGER NOT NULL,    -- 0 ADDED, 1 MODIFIED, 2 DELETED
  before TEXT NOT NULL,     -- the labels before where they changed, else ''
  owner INTEGER,            -- term of the first owner's uid
  body BLOB NOT NULL
);
CREATE INDEX log_resource ON log (resource, rv);
CREATE INDEX log_owner ON log (owner, rv) WHERE owner IS NOT NULL;

CREATE TABLE objects (
  id INTEGER PRIMARY KEY,
  resource TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL,
  rv INTEGER NOT NULL,
  labels TEXT NOT NULL,     -- '' for none, as in owners
  owners TEXT NOT NULL      -- uids of the second owner and those after it
);
CREATE UNIQUE INDEX objects_key ON objects (resource, namespace, name);

CREATE TABLE terms (        -- labels, and owners after the first, hashed with their resource
  term INTEGER NOT NULL,
  id INTEGER NOT NULL,
  PRIMARY KEY (term, id)
) WITHOUT ROWID;

CREATE TABLE rows (         -- in the order of their making, so that those of one moment share pages
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  owner TEXT NOT NULL,
  key TEXT NOT NULL,
  rv INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE UNIQUE INDEX rows_key ON rows (kind, owner, key);

CREATE TABLE marks (        -- which revision was the newest at which unix time: compaction by age
  at INTEGER PRIMARY KEY,
  rv INTEGER NOT NULL
);
"""

Migration = Callable[[sqlite3.Connection], None]

MIGRATIONS: Mapping[int, Migration] = {}
"""From the version named to the next; the runner keeps the transaction, a migration only changes tables."""


class NewerHome(Exception):
    """The database has a schema that this release does not know; it was not touched."""


def connect(path: Path | str) -> sqlite3.Connection:
    """A connection with our settings. Its users take care of threads themselves."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=10
    )
    connection.execute("PRAGMA page_size=8192")  # what a Pod takes, twice or thrice
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    if sys.platform == "darwin":  # there fsync does not reach the platter
        connection.execute("PRAGMA fullfsync=ON")
        connection.execute("PRAGMA checkpoint_fullfsync=ON")
    connection.execute("PRAGMA cache_size=-4000")
    connection.execute("PRAGMA wal_autocheckpoint=4000")
    connection.execute("PRAGMA journal_size_limit=33554432")
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


def prepare(
    path: Path | str, version: int = VERSION, migrations: Mapping[int, Migration] = MIGRATIONS
) -> sqlite3.Connection:
    """Open, create or migrate. Raises NewerHome; a failed migration leaves the file as it was."""
    if path != MEMORY:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # it holds Secrets
    probe = sqlite3.connect(path, isolation_level=None)
    try:
        found = int(probe.execute("PRAGMA user_version").fetchone()[0])
        _refuse_newer(path, found, version)
        if 0 < found < version:
            _keep_copy(probe, Path(path), found)
    finally:
        probe.close()
    connection = connect(path)
    try:
        _advance(connection, found, version, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_newer(path: Path | str, found: int, version: int) -> None:
    if found > version:
        raise NewerHome(
            f"{path}: the home was written by a newer Pinnace (schema {found}, this one knows up to "
            f"{version}); nothing was changed. Upgrade with `pip install -U pinnace`, or choose another home "
            f"with PINNACE_HOME, or `pinnace restore` a backup made by this release."
        )


def _keep_copy(connection: sqlite3.Connection, path: Path, found: int) -> None:
    """`store.db.schema-3`: what to go back to with the older release."""
    copy_database(connection, path.with_name(f"{path.name}.schema-{found}"))


def _advance(
    connection: sqlite3.Connection, found: int, version: int, migrations: Mapping[int, Migration]
) -> None:
    if found == version:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if found == 0:
            execute_all(connection, TABLES)
        else:
            for step in range(found, version):
                migrations[step](connection)
        connection.execute(f"PRAGMA user_version={version}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def execute_all(connection: sqlite3.Connection, script: str) -> None:
    """Like `executescript`, which would commit the transaction that we are in."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


def copy_database(source: sqlite3.Connection, target: Path) -> None:
    """A consistent copy of the database, WAL included; it appears at `target` complete or not at all."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    try:
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        copy = sqlite3.connect(partial)
        try:
            source.backup(copy)
        finally:
            copy.close()
        sync_path(partial)
        os.replace(partial, target)
        sync_path(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def sync_path(path: Path) -> None:
    """fsync of a file or of a folder's entries."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
