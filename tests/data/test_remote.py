"""Artifacts that lie elsewhere, with real servers: S3 (moto), http, git's own daemon."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pinnace.data.blobs import Blobs
from pinnace.data.remote.jobs import Answer, Job, Jobs
from pinnace.data.remote.process import done

KEYS = {"accessKeySecret": "minio", "secretKeySecret": "minio123"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """host:port of a server that speaks S3."""
    pytest.importorskip("obstore")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(
        ip_address="127.0.0.1", port=0, verbose=False
    )
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "data")


def one(blobs: Blobs, **job: Any) -> Answer:
    return done(Jobs(str(blobs.root), "/nowhere", [Job(name="art", **job)]))[0]


def bucket(endpoint: str, key: str, name: str = "my-bucket") -> dict[str, Any]:
    made = {
        "endpoint": endpoint,
        "insecure": True,
        "bucket": name,
        "key": key,
        "createBucketIfNotPresent": {},
    }
    return made | KEYS


def text(blobs: Blobs, answer: Answer) -> str:
    assert not answer.error, answer.error
    return blobs.path(answer.digest).read_text()


def test_a_file_goes_to_a_bucket_as_a_tarball_and_comes_back_as_a_file(s3: str, blobs: Blobs) -> None:
    where = bucket(s3, "wf/pod/art.tgz")
    sent = one(
        blobs, do="put", kind="s3", where=where, digest=blobs.put_bytes(b"hello").digest, base="hello.txt"
    )
    assert sent == Answer()
    raw = one(blobs, do="get", kind="s3", where=where, archive="none")
    with tarfile.open(blobs.path(raw.digest)) as tape:
        assert tape.getnames() == ["hello.txt"]
    assert text(blobs, one(blobs, do="get", kind="s3", where=where)) == "hello"


def test_a_folder_goes_without_archive_and_comes_back_whole(s3: str, blobs: Blobs, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "inner/b.txt").write_text("b")
    where = bucket(s3, "plain/folder")
    assert not one(
        blobs, do="put", kind="s3", where=where, digest=blobs.put_tree(folder).digest, archive="none"
    ).error
    listed = one(blobs, do="list", kind="s3", where=bucket(s3, "plain/"))
    assert listed.keys == ["plain/folder/a.txt", "plain/folder/inner/b.txt"]
    back = one(blobs, do="get", kind="s3", where=where)
    assert back.directory
    assert (blobs.path(back.digest) / "inner/b.txt").read_text() == "b"


def test_a_zip_is_unpacked_where_it_says_so(s3: str, blobs: Blobs) -> None:
    where = bucket(s3, "x.zip")
    one(blobs, do="put", kind="s3", where=where, digest=blobs.put_bytes(b"z").digest, archive="zip")
    assert text(blobs, one(blobs, do="get", kind="s3", where=where, archive="zip")) == "z"


def test_what_is_not_there_is_told_with_its_key(s3: str, blobs: Blobs) -> None:
    one(blobs, do="put", kind="s3", where=bucket(s3, "x"), digest=blobs.put_bytes(b"x").digest)
    answer = one(blobs, do="get", kind="s3", where=bucket(s3, "no/such"))
    assert answer.absent
    assert answer.error == "the key 'no/such' does not exist in bucket my-bucket"


def test_a_bucket_that_is_missing_is_an_error_with_the_servers_words(s3: str, blobs: Blobs) -> None:
    where = bucket(s3, "x", "not-there")
    del where["createBucketIfNotPresent"]
    answer = one(blobs, do="put", kind="s3", where=where, digest=blobs.put_bytes(b"x").digest)
    assert "bucket not-there" in answer.error


def test_an_unsafe_name_in_a_tarball_is_refused(s3: str, blobs: Blobs) -> None:
    evil = io.BytesIO()
    with tarfile.open(fileobj=evil, mode="w:gz") as tape:
        member = tarfile.TarInfo("../../evil")
        member.size = 1
        tape.addfile(member, io.BytesIO(b"x"))
    where = bucket(s3, "evil.tgz")
    digest = blobs.put_bytes(evil.getvalue()).digest
    one(blobs, do="put", kind="s3", where=where, digest=digest, archive="none")
    assert "'..' in the archive" in one(blobs, do="get", kind="s3", where=where).error


@pytest.mark.parametrize("kind", ["oss", "hdfs", "plugin"])
def test_other_kinds_are_refused_by_name(blobs: Blobs, kind: str) -> None:
    assert f"{kind} artifacts are not reached by Pinnace" in one(blobs, do="get", kind=kind, where={}).error


class Web(BaseHTTPRequestHandler):
    kept: ClassVar[dict[str, bytes]] = {}
    seen: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        self.seen.append(dict(self.headers))
        wanted = "Basic " + base64.b64encode(b"me:word").decode()
        if self.path == "/private" and self.headers["Authorization"] not in (wanted, "Bearer tok"):
            return self.say(401, b"")
        if self.path.startswith("/missing"):
            return self.say(404, b"")
        if self.path.startswith("/away"):
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        return self.say(200, self.kept.get(self.path, self.path.encode()))

    def do_PUT(self) -> None:
        self.kept[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.say(201, b"")

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert "grant_type=client_credentials" in asked
        self.say(200, json.dumps({"access_token": "tok"}).encode())

    def say(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_page_is_fetched_with_its_headers(web: str, blobs: Blobs) -> None:
    where = {"url": f"{web}/page", "headers": [{"name": "X-Mine", "value": "yes"}]}
    assert text(blobs, one(blobs, do="get", kind="http", where=where)) == "/page"
    assert Web.seen[-1]["X-Mine"] == "yes"


@pytest.mark.parametrize(
    "auth",
    [
        {"basicAuth": {"usernameSecret": "me", "passwordSecret": "word"}},
        {
            "oauth2": {
                "clientIDSecret": "i",
                "clientSecretSecret": "s",
                "tokenURLSecret": "/token",
                "scopes": ["a"],
            }
        },
    ],
)
def test_who_must_say_who_they_are_do(web: str, blobs: Blobs, auth: dict[str, Any]) -> None:
    if "oauth2" in auth:
        auth = {"oauth2": {**auth["oauth2"], "tokenURLSecret": f"{web}/token"}}
    where = {"url": f"{web}/private"}
    assert "401" in one(blobs, do="get", kind="http", where=where).error
    assert text(blobs, one(blobs, do="get", kind="http", where=where | {"auth": auth})) == "/private"


def test_a_page_that_is_missing_is_absent(web: str, blobs: Blobs) -> None:
    answer = one(blobs, do="get", kind="http", where={"url": f"{web}/missing"})
    assert (answer.absent, answer.error) == (True, f"{web}/missing does not exist (404)")


def test_a_web_server_takes_an_artifact_and_gives_it_back(web: str, blobs: Blobs) -> None:
    where = {"url": f"{web}/kept.tgz", "usernameSecret": "me", "passwordSecret": "word"}
    digest = blobs.put_bytes(b"content").digest
    assert not one(blobs, do="put", kind="artifactory", where=where, digest=digest).error
    assert gzip.decompress(Web.kept["/kept.tgz"])
    assert text(blobs, one(blobs, do="get", kind="artifactory", where=where)) == "content"


def test_files_of_this_machine_are_no_url(blobs: Blobs) -> None:
    assert (
        "no http or https URL" in one(blobs, do="get", kind="http", where={"url": "file:///etc/passwd"}).error
    )
    assert "expected an http" in one(blobs, do="get", kind="git", where={"repo": "file:///etc"}).error
    assert "expected an http" in one(blobs, do="get", kind="git", where={"repo": "/etc"}).error


def git(folder: Path, *words: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=n", "-c", "user.email=e@e", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(URL, the first commit): branches main and dev, tag v1."""
    root = tmp_path_factory.mktemp("git")
    work = root / "work"
    work.mkdir()
    git(work, "init", "-q")
    (work / "file").write_text("one")
    git(work, "add", "file")
    git(work, "commit", "-qm", "one")
    first = git(work, "rev-parse", "HEAD")
    git(work, "tag", "v1")
    (work / "file").write_text("two")
    git(work, "commit", "-qam", "two")
    git(work, "checkout", "-qb", "dev")
    (work / "file").write_text("dev")
    git(work, "commit", "-qam", "dev")
    git(work, "checkout", "-q", "main")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [
        "git",
        "daemon",
        "--export-all",
        f"--base-path={root}",
        "--listen=127.0.0.1",
        f"--port={port}",
        "--reuseaddr",
    ]
    words += ["--enable=upload-pack", str(root)]
    daemon = subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True)
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        daemon.poll()
        threading.Event().wait(0.02)
    yield f"git://127.0.0.1:{port}/work/.git", first
    os.killpg(daemon.pid, 15)
    daemon.wait()


def test_a_repository_comes_at_a_revision(repository: tuple[str, str], blobs: Blobs) -> None:
    url, first = repository
    for revision, expected in (("", "two"), ("v1", "one"), ("dev", "dev"), (first, "one")):
        answer = one(blobs, do="get", kind="git", where={"repo": url, "revision": revision})
        assert not answer.error, answer.error
        folder = blobs.path(answer.digest)
        assert (folder / "file").read_text() == expected
        assert (folder / ".git").is_dir()


def test_a_shallow_clone_of_one_branch_has_one_commit(repository: tuple[str, str], blobs: Blobs) -> None:
    where = {"repo": repository[0], "depth": 1, "singleBranch": True, "branch": "dev"}
    answer = one(blobs, do="get", kind="git", where=where)
    assert not answer.error, answer.error
    copy = blobs.materialise(answer.digest, blobs.root / "copy")
    assert git(copy, "rev-list", "--count", "HEAD") == "1"
    assert (copy / "file").read_text() == "dev"


def test_a_revision_that_is_missing_says_so(repository: tuple[str, str], blobs: Blobs) -> None:
    answer = one(blobs, do="get", kind="git", where={"repo": repository[0], "revision": "nope"})
    assert answer.error.startswith("git fetch failed")
    assert answer.absent


def test_the_process_reads_jobs_and_prints_answers(web: str, tmp_path: Path) -> None:
    jobs = {
        "blobs": str(tmp_path / "data"),
        "run": "/nowhere",
        "jobs": [
            {"do": "get", "name": "a", "kind": "http", "where": {"url": f"{web}/a"}},
            {"do": "get", "name": "b", "kind": "hdfs", "where": {}},
        ],
    }
    said = subprocess.run(
        [sys.executable, "-m", "pinnace.data.remote"],
        input=json.dumps(jobs),
        text=True,
        capture_output=True,
        check=True,
    ).stdout
    first, second = json.loads(said)
    assert Blobs(tmp_path / "data").path(first["digest"]).read_text() == "/a"
    assert "hdfs" in second["error"]


def test_nobodys_url_leads_to_a_metadata_service(web: str, tmp_path: Path) -> None:
    """By its address, as IPv6 writes it, by a redirect; a bucket's endpoint and a repository no more."""
    where = [
        ("http", {"url": "http://169.254.169.254/latest/meta-data"}),
        ("http", {"url": "http://[::ffff:169.254.169.254]/latest"}),
        ("http", {"url": f"{web}/away"}),
        ("s3", {"endpoint": "169.254.169.254", "insecure": True, "bucket": "latest", "key": "meta-data"}),
        ("git", {"repo": "http://169.254.169.254/latest.git"}),
    ]
    jobs = [{"do": "get", "name": "a", "kind": kind, "where": place} for kind, place in where]
    said = subprocess.run(
        [sys.executable, "-m", "pinnace.data.remote"],
        input=json.dumps({"blobs": str(tmp_path / "data"), "run": "/nowhere", "jobs": jobs}),
        text=True,
        capture_output=True,
        check=True,
    ).stdout
    errors = [answer["error"] for answer in json.loads(said)]
    assert all("is a link-local address" in error for error in errors), errors
