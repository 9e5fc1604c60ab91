"""What was acknowledged is on disk: kills, copies, full disks, older and newer homes."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinnace.store.interface import ABSENT, DiskFull, Put
from pinnace.store.schema import VERSION, NewerHome, prepare
from pinnace.store.sqlite import SqliteStore

STORM = """
import asyncio, os, sys
from pathlib import Path
from pinnace.store.interface import ABSENT, Put, Row
from pinnace.store.sqlite import SqliteStore

async def client(store, number):
    i = 0
    while True:
        name = f"{number}-{i}"
        metadata = {"name": name, "namespace": "ns", "uid": name, "labels": {"c": str(number)}}
        obj = {"metadata": metadata, "x": "x" * 900}
        await store.commit([Put("pods", obj, ABSENT), Row("node", str(number), name, b"y" * 300)])
        os.write(1, (name + "\\n").encode())
        i += 1

async def main():
    store = SqliteStore.open(Path(sys.argv[1]), log_limit=200)
    await asyncio.gather(*(client(store, n) for n in range(8)))

asyncio.run(main())
"""


def check(path: Path, acknowledged: list[str]) -> None:
    """Every acknowledged commit is there whole, and the indexes agree with the tables."""

    async def look() -> None:
        store = SqliteStore.open(path)
        pods = {item["metadata"]["name"] for item in store.list("pods").items}
        nodes = {key for _, key, _, _ in store.rows("node")}
        assert set(acknowledged) <= pods
        assert pods == nodes
        [put] = await store.commit([Put("pods", {"metadata": {"name": "after", "namespace": "ns"}}, ABSENT)])
        assert int(put["metadata"]["resourceVersion"]) == store.rv > len(acknowledged)
        await store.close()

    asyncio.run(look())
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


@pytest.fixture
def storm(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", STORM, str(tmp_path / "store.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def names(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


@pytest.mark.parametrize("seed", range(4))
def test_killed_in_a_storm_nothing_acknowledged_is_lost(
    tmp_path: Path, storm: subprocess.Popen[str], seed: int
) -> None:
    acknowledged = names(storm, random.Random(seed).randint(1, 3000))
    os.kill(storm.pid, signal.SIGKILL)
    assert storm.stdout is not None
    rest = storm.stdout.read()
    acknowledged += [line for line in rest.split("\n")[:-1] if line]
    check(tmp_path / "store.db", acknowledged)


def test_a_copy_with_its_journal_has_every_acknowledged_write(
    tmp_path: Path, storm: subprocess.Popen[str]
) -> None:
    acknowledged = names(storm, 800)
    os.kill(storm.pid, signal.SIGSTOP)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in tmp_path.glob("store.db*"):
        shutil.copy(file, copy / file.name)
    check(copy / "store.db", acknowledged)


async def _write(store: SqliteStore, name: str, size: int = 10) -> None:
    await store.commit([Put("pods", {"metadata": {"name": name, "namespace": "ns"}, "x": "x" * size})])


@pytest.mark.anyio
async def test_a_backup_under_writes_is_one_moment(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "store.db")
    writes = [asyncio.ensure_future(_write(store, f"p{i}")) for i in range(300)]
    await writes[0]
    await store.backup(tmp_path / "backup.db")
    await asyncio.gather(*writes)
    await store.close()
    assert stat.S_IMODE((tmp_path / "backup.db").stat().st_mode) == 0o600
    copy = SqliteStore.open(tmp_path / "backup.db")
    assert len(copy.list("pods").items) == copy.rv >= 1
    await copy.close()


@pytest.mark.anyio
async def test_a_store_in_memory_can_be_kept(tmp_path: Path) -> None:
    store = SqliteStore.open(":memory:")
    await _write(store, "a")
    await store.backup(tmp_path / "kept.db")
    await store.close()
    kept = SqliteStore.open(tmp_path / "kept.db")
    assert kept.get("pods", "ns", "a") is not None
    await kept.close()


async def _fill(store: SqliteStore) -> int:
    for i in range(10_000):
        try:
            await _write(store, f"p{i}", 20_000)
        except DiskFull:
            return i
    raise AssertionError("the disk never was full")


async def _full_then_free(store: SqliteStore, free: object) -> None:
    written = await _fill(store)
    rv = store.rv
    assert written == rv == len(store.list("pods").items) > 0
    answers = await asyncio.gather(
        *(_write(store, f"q{i}", 50_000) for i in range(3)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [DiskFull] * 3
    assert store.rv == rv
    assert store.get("pods", "ns", "p0") is not None
    assert callable(free)
    free()
    await _write(store, "after", 50_000)
    assert (store.rv, len(store.list("pods").items)) == (rv + 1, written + 1)


@pytest.mark.anyio
async def test_when_sqlite_is_full_nothing_is_written_and_reads_live_on(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "store.db")
    store._writing.execute("PRAGMA max_page_count=200")
    await _full_then_free(store, lambda: store._writing.execute("PRAGMA max_page_count=1000000"))
    await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root on Linux")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"mounting is forbidden here: {mounted.stderr.decode()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.anyio
async def test_when_the_disk_is_full_nothing_is_written_and_reads_live_on(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(500_000))
    store = SqliteStore.open(small_disk / "store.db")
    await _full_then_free(store, (small_disk / "ballast").unlink)
    await store.close()


def test_the_database_is_private(tmp_path: Path) -> None:
    prepare(tmp_path / "store.db").close()
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_newer_home_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    prepare(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 5}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NewerHome, match=rf"newer Pinnace \(schema {VERSION + 5}"):
        SqliteStore.open(path)
    assert path.read_bytes() == before


def test_an_older_home_is_migrated_and_kept_beside(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    prepare(path).close()

    def add(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE fresh (x)")

    prepare(path, VERSION + 1, {VERSION: add}).close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION + 1,)
        connection.execute("SELECT * FROM fresh")
    connection.close()
    prepare(tmp_path / f"store.db.schema-{VERSION}").close()


def test_a_migration_that_fails_leaves_the_home_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    prepare(path).close()

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE objects")
        raise RuntimeError("power")

    with pytest.raises(RuntimeError):
        prepare(path, VERSION + 1, {VERSION: fail})
    connection = prepare(path)
    connection.execute("SELECT * FROM objects")
    connection.close()
