"""exec, cp, attach, port-forward and run, by real kubectl of two releases."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.platform import eventually
from tests.streams.conftest import KUBECTLS, Streams


def test_a_command_s_streams_and_exit_code_are_kubectl_s_own(live: Streams, which: str) -> None:
    done = live.kube("exec", "one", "--", "sh", "-c", "echo out; echo err >&2; exit 3", which=which)
    assert (done.code, done.out) == (3, "out\n"), done
    assert done.err == "err\ncommand terminated with exit code 3\n"


def test_standard_input_is_given_and_its_end_too(live: Streams, which: str) -> None:
    text = os.urandom(300_000).hex()
    done = live.kube("exec", "-i", "one", "--", "cat", text=text, which=which)
    assert (done.code, done.out) == (0, text)


def test_nobody_types_without_i(live: Streams) -> None:
    assert live.kube("exec", "one", "--", "cat", text="unheard").out == ""


def test_it_sees_what_its_container_sees(live: Streams) -> None:
    assert live.kube("exec", "one", "--", "sh", "-c", "echo $COLOUR $HOSTNAME").out == "green one\n"
    say = "echo here > /scratch/x && cat /scratch/x"
    assert live.kube("exec", "one", "--", "sh", "-c", say).out == "here\n"


def test_a_container_is_named_or_annotated(live: Streams, which: str) -> None:
    say = ("--", "sh", "-c", "echo $ME")
    assert live.kube("exec", "two", "-c", "first", *say, which=which).out == "first\n"
    assert live.kube("exec", "two", *say, which=which).out == "second\n"
    assert "container third is not valid for pod two" in live.kube("exec", "two", "-c", "third", *say).err


def test_a_program_that_is_not_there_is_named(live: Streams, which: str) -> None:
    done = live.kube("exec", "one", "--", "no-such-program", which=which)
    assert done.code == 1
    assert "error executing command in container" in done.err
    assert re.search(r"no-such-program.*executable file not found in \$PATH", done.err)


def test_no_such_pod(live: Streams) -> None:
    said = live.kube("exec", "nobody", "--", "true").err
    assert said == 'Error from server (NotFound): pods "nobody" not found\n'


def test_a_pod_that_has_ended_is_not_entered(live: Streams) -> None:
    live.kubectl("run", "short", "--image=alpine:3", "--restart=Never", "--", "true")
    live.kubectl("wait", "pod/short", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=30s")
    done = live.kube("exec", "short", "--", "true")
    assert done.err == "error: cannot exec into a container in a completed pod; current phase is Succeeded\n"


def test_a_terminal_is_one_inside_too(live: Streams, which: str) -> None:
    person = live.person("exec", "-it", "one", "--", "sh", which=which)
    try:
        person.type("test -t 0 && tty; stty size; echo a$((40+2))\n")
        said = person.sees("a42\r\n")
        assert "/dev/pts/" in said
        assert "30 100" in said
        person.resize(44, 133)
        eventually(lambda: size(person), "the new size", 10)
        person.type("sleep 100\n")
        person.sees("sleep 100\r\n")
        # A shell that just forks may not hear it.
        person.asks("echo b$((40+3))\n", "b43\r\n", 60, first="\x03")
        person.type("exit 5\n")
        assert person.ended() == 5
    finally:
        person.leave()


def size(person) -> bool:  # type: ignore[no-untyped-def]
    person.type("stty size; echo c$((1+1))\n")
    return "44 133" in person.sees("c2\r\n")


@pytest.mark.parametrize("into", ["/scratch", "/tmp"])
def test_files_are_copied_both_ways(live: Streams, which: str, into: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "bytes").write_bytes(os.urandom(5_000_000))
    (folder / "text").write_text("hello\n")
    done = live.kube("cp", str(folder), f"one:{into}/copied-{which}", which=which)
    assert done.code == 0, done
    done = live.kube("cp", f"one:{into}/copied-{which}", str(tmp_path / "back"), which=which)
    assert done.code == 0, done
    for name in ("below/bytes", "text"):
        assert (tmp_path / "back" / name).read_bytes() == (folder / name).read_bytes()


def test_a_lot_goes_through_in_little_memory(live: Streams) -> None:
    """300 MB from the container; control's memory is that of a few pieces."""
    control = live.pids()["control"]
    before = resident(control)
    command = [KUBECTLS["1.32"], "exec", "one", "--", "head", "-c", "300000000", "/dev/zero"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=live.environment) as running:
        assert running.stdout is not None
        got = sum(len(piece) for piece in iter(lambda: running.stdout.read(1 << 20), b""))
    assert got == 300_000_000
    assert resident(control) - before < 30_000_000


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_attach_shows_what_comes(live: Streams, which: str) -> None:
    running = subprocess.Popen(
        [KUBECTLS[which], "attach", "one"], stdout=subprocess.PIPE, text=True, env=live.environment
    )
    try:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(3)]
        assert [line for line in lines if line != "tick\n"] in ([], ["begun\n"])
    finally:
        running.kill()
        running.wait()
        running.stdout.close()


def test_attach_types_to_the_main_process(live: Streams) -> None:
    done = live.kube("attach", "-i", "reader", text="one\ntwo\n", timeout=30)
    assert done.code == 0, done
    eventually(lambda: "over" in live.kubectl("logs", "reader"), "the end of its input", 20)
    assert live.kubectl("logs", "reader") == "<one>\n<two>\nover\n"


def test_a_shell_of_one_s_own(live: Streams, which: str) -> None:
    words = ("-it", "--rm", "--restart=Never", "--image=busybox", "--", "sh")
    person = live.person("run", f"shell-{which.replace('.', '-')}", *words, which=which)
    try:
        person.asks("echo d$((40+4))\n", "d44\r\n", 40)
        person.asks("stty size\n", "30 100\r\n")
        person.type("exit\n")
        assert person.ended(30) == 0
        assert b"deleted" in person.seen
    finally:
        person.leave()


SERVER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: python:3.11
        command: [python3, -c, "import http.server, sys; s = http.server; sys.stdout = sys.stderr;
          h = type('H', (s.BaseHTTPRequestHandler,), {'do_GET': lambda r: (r.send_response(200),
          r.send_header('content-length', '3000000'), r.end_headers(), r.wfile.write(b'y' * 3000000))});
          s.ThreadingHTTPServer(('0.0.0.0', PORT), h).serve_forever()"]
        ports: [{containerPort: PORT}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: PORT}]}
"""


@pytest.mark.parametrize("target", ["deploy/web", "svc/web"])
def test_a_port_is_forwarded(live: Streams, which: str, target: str) -> None:
    port = serving(live)
    local = free_port()
    remote = 80 if target.startswith("svc") else port
    running = subprocess.Popen(
        [KUBECTLS[which], "port-forward", target, f"{local}:{remote}"], stdout=subprocess.PIPE, text=True,
        env=live.environment,
    )
    try:
        assert running.stdout is not None
        assert "Forwarding from 127.0.0.1" in running.stdout.readline()
        for _ in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{local}/", timeout=20) as answer:
                assert answer.read() == b"y" * 3_000_000
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(10)
        running.stdout.close()


def test_a_port_on_which_nobody_listens(live: Streams) -> None:
    serving(live)
    local = free_port()
    running = subprocess.Popen(
        [KUBECTLS["1.32"], "port-forward", "deploy/web", f"{local}:9"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=live.environment,
    )
    assert running.stdout is not None
    assert "Forwarding" in running.stdout.readline()
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{local}/", timeout=20)
    _, err = running.communicate(timeout=20)
    assert "error forwarding port 9 to pod" in err


def serving(live: Streams) -> int:
    """The deployment `web`, made by the first who asks; its port."""
    known = Path(live.home.root / "web-port")
    if not known.exists():
        port = free_port()
        live.kubectl("apply", "-f", "-", text=SERVER.replace("PORT", str(port)))
        live.kubectl("rollout", "status", "deploy/web", "--timeout=60s")
        known.write_text(str(port))
        pod = live.kubectl("get", "pod", "-l", "app=web", "-o", "name").strip()
        probe = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
        eventually(
            lambda: live.kube("exec", pod, "--", "python3", "-c", probe).code == 0, "the server to listen", 30
        )
    return int(known.read_text())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_exec_finds_the_pod_of_a_deployment(live: Streams, which: str) -> None:
    serving(live)
    done = live.kube("exec", "deploy/web", "--", "sh", "-c", "echo $HOSTNAME", which=which)
    assert done.out.startswith("web-")


def test_a_big_file_arrives_whole(live: Streams, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(os.urandom(60_000_000))
    wanted = hashlib.md5((tmp_path / "big").read_bytes()).hexdigest()
    assert live.kube("cp", str(tmp_path / "big"), "one:/scratch/big").code == 0
    assert live.kube("exec", "one", "--", "md5sum", "/scratch/big").out.split()[0] == wanted
