"""What a sandboxed pod must not reach, tried by real pods. Run as root and as an unprivileged user alike."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinnace.data.blobs import Blobs
from pinnace.node.probe import find_bubblewrap
from pinnace.node.protocol import Container, Input, Mount, Output, Outputs
from tests.node.conftest import Node, node_of, pod, running, shell
from tests.node.warm import WarmNode

pytestmark = pytest.mark.anyio

SECRET = "canary-5d1f"


@pytest.fixture(scope="module", params=["cold", "warm"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Node]:
    """However a program is started, it must not get out."""
    yield from node_of("sandbox", WarmNode if request.param == "warm" else Node)


async def test_the_users_home_is_not_there(sandbox: Node, outside: Path) -> None:
    (outside / "key").write_text(SECRET)
    said = await sandbox.output(f"cat {outside}/key {Path.home()}/.bashrc; ls -A {Path.home()}; true")
    assert SECRET not in said
    assert "No such file" in said


async def test_the_platforms_data_is_not_there(sandbox: Node) -> None:
    (sandbox.home.root / "token").write_text(SECRET)
    said = await sandbox.output(
        f"cat {sandbox.home.root}/token; ls {sandbox.home.root} {sandbox.home.run} {sandbox.home.pods}; true"
    )
    assert SECRET not in said
    assert said.count("No such file") >= 2


async def test_another_pods_files_are_not_there(sandbox: Node) -> None:
    other = pod(shell(f"echo {SECRET} > /tmp/mine; echo {SECRET} > /shared; sleep 60"))
    await sandbox.run(other, running)
    said = await sandbox.output(
        f"grep -rs {SECRET} /tmp /shared /var /run /home /root /proc/*/root/tmp; ls /proc; true"
    )
    await sandbox.kill(other)
    assert SECRET not in said
    assert 0 < len([line for line in said.split() if line.isdigit()]) < 6


async def test_a_pod_cannot_ask_for_no_sandbox(sandbox: Node) -> None:
    for init in ([], [shell("true", name="first")]):
        run = pod(shell("echo seen"), isolation="process", init=init)
        report = await sandbox.run(run)
        assert (report.phase, report.reason) == ("Failed", "StartError")
        assert "pinnace up --isolation process" in report.message
        assert sandbox.log(run) == ""


@pytest.mark.parametrize("main", ["main", ""])
async def test_the_sandboxs_own_program_is_out_of_reach(sandbox: Node, main: str) -> None:
    """It belongs to the user, and so to whoever runs in the user's name: chmod needs no writable mount."""
    program = find_bubblewrap()
    before = os.stat(program)
    touch = "chmod 4777 $p/exe; chmod 0 $p/exe; readlink $p/exe"
    said = await sandbox.output(f"for p in /proc/[0-9]*; do {touch}; done; ls -l /proc/1; true", main=main)
    after = os.stat(program)
    assert (after.st_mode, after.st_ctime_ns) == (before.st_mode, before.st_ctime_ns)
    assert "bwrap" not in said


async def test_a_root_is_clean_for_the_next_pod(sandbox: Node) -> None:
    places = "/x /tmp/x /root/x /var/x /var/tmp/x /run/x /mnt/x /opt/x /home/x /srv/x /etc/x"
    await sandbox.output(f"for p in {places}; do echo {SECRET} > $p; done; rm -f /bin; ln -s /tmp /bin")
    await sandbox.output("mkdir /tmp/a; rmdir /tmp/a; chmod 700 /mnt")
    await sandbox.output(f"echo {SECRET} >> /etc/passwd; echo {SECRET} > /etc/hosts")
    look = f"ls -d {places}; stat -c %a /mnt; ls -l /bin; cat /etc/passwd /etc/hosts; true"
    said = await sandbox.output(look)
    assert SECRET not in said
    assert "/x\n" not in said.replace("'", "")
    assert "755" in said
    assert "usr/bin" in said


async def test_secrets_of_the_system_are_not_there(sandbox: Node) -> None:
    said = await sandbox.output(
        "cat /etc/shadow; ls /etc/ssl/private /etc/ssh /root/.ssh /sys/kernel /boot; id -un"
    )
    assert "root:" not in said
    assert said.count("No such file") == 6
    assert said.endswith("pod\n")


async def test_it_is_not_root_and_has_no_capability(sandbox: Node) -> None:
    said = await sandbox.output("id -u; grep -E 'Cap(Eff|Prm|Bnd|Amb|Inh)|NoNewPrivs' /proc/self/status")
    assert said.startswith("1000\n")
    assert said.count("0000000000000000") == 5
    assert "NoNewPrivs:\t1" in said


@pytest.mark.parametrize("uid", [0, 1234])
async def test_run_as_user_is_honoured_but_for_root(sandbox: Node, uid: int) -> None:
    run = pod(shell("id -u", uid=uid))
    await sandbox.run(run)
    assert sandbox.log(run) == ("1000\n" if uid == 0 else "1234\n")


async def test_mounting_and_new_namespaces_are_forbidden(sandbox: Node) -> None:
    script = (
        "mount -t tmpfs x /mnt; mount -o remount,rw /usr; umount /usr; umount -l /proc; "
        "unshare -U true && echo got-userns; unshare -m true && echo got-mount; "
        "chroot / true && echo got-chroot; true"
    )
    said = await sandbox.output(script)
    assert "got-" not in said
    assert said.count("\n") >= 6


async def test_the_hosts_programs_and_kernel_cannot_be_written(sandbox: Node) -> None:
    targets = "/usr/x /usr/bin/sh /etc/ssl/certs/x /etc/alternatives/x /proc/sysrq-trigger"
    script = f"for t in {targets}; do (echo x > $t) && echo written $t; done; true"
    said = await sandbox.output(script + "; mknod /tmp/d b 8 0 && echo made; ls /dev")
    assert "written" not in said
    assert "made" not in said
    assert "sda" not in said


async def test_no_kernel_setting_can_be_opened_for_writing(sandbox: Node) -> None:
    """Opened only, never written: a hole here would change this very machine."""
    code = (
        "import os\n"
        "for folder, names, files in os.walk('/proc'):\n"
        "    names[:] = [n for n in names if not (folder == '/proc' and (n.isdigit() or 'self' in n))]\n"
        "    for name in files:\n"
        "        try: os.close(os.open(f'{folder}/{name}', os.O_WRONLY | os.O_NONBLOCK))\n"
        "        except OSError: pass\n"
        "        else: print('open', folder, name)\n"
        "print('walked')"
    )
    run = pod(Container("main", "python:3", ["python3", "-c", code]))
    await sandbox.run(run)
    lines = sandbox.log(run).splitlines()
    assert lines[-1] == "walked"
    own = {"/proc/sys/fs/mqueue", "/proc/sys/kernel", "/proc/sys/user"}
    names = {
        "msgmax",
        "msgmnb",
        "msgmni",
        "sem",
        "shmall",
        "shmmax",
        "shmmni",
        "shm_rmid_forced",
        "auto_msgmni",
    }
    names |= {"pid_max", "msg_next_id", "sem_next_id", "shm_next_id", "domainname", "hostname", "ns_last_pid"}
    for _, folder, name in map(str.split, lines[:-1]):  # settings of the pod's own namespaces, no one else's
        assert folder in own, (folder, name)
        assert folder != "/proc/sys/kernel" or name in names, name


async def test_outside_processes_cannot_be_seen_killed_or_traced(sandbox: Node) -> None:
    victim = subprocess.Popen(["sleep", "60"])
    try:
        code = (
            f"import os, signal, ctypes\n"
            f"for pid in ({victim.pid}, {os.getpid()}, -1):\n"
            "    try: os.kill(pid, 9); print('killed', pid)\n"
            "    except OSError as e: print(e)\n"
            f"print('trace', ctypes.CDLL(None).ptrace(16, {victim.pid}, 0, 0))\n"
        )
        run = pod(Container("main", "python:3", ["python3", "-c", code]))
        await sandbox.run(run)
        assert victim.poll() is None
        assert f"killed {victim.pid}" not in sandbox.log(run)
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait()


async def test_an_input_blob_cannot_be_changed(sandbox: Node) -> None:
    stored = Blobs(sandbox.home.data).put_bytes(b"original")
    path = Blobs(sandbox.home.data).path(stored.digest)
    script = "chmod 666 /in/file; echo x > /in/file; echo y >> /in/file; rm -f /in/file; mv /in/file /in/g; "
    script += "cat /in/file"
    run = pod(shell(script), inputs=[Input("i", "/in/file", stored.digest)])
    await sandbox.run(run)
    assert path.read_bytes() == b"original"
    assert path.stat().st_mode & 0o222 == 0
    assert sandbox.log(run).endswith("original")


async def test_an_input_folder_cannot_be_changed(sandbox: Node, outside: Path) -> None:
    (outside / "f").write_text("original")
    stored = Blobs(sandbox.home.data).put_tree(outside)
    script = "chmod -R 777 /in; echo x > /in/f; touch /in/new; rm -f /in/f; cat /in/f"
    run = pod(shell(script), inputs=[Input("i", "/in", stored.digest)])
    await sandbox.run(run)
    assert sandbox.log(run).endswith("original")
    assert (Blobs(sandbox.home.data).path(stored.digest) / "f").read_text() == "original"


LURES = {
    "a link": "ln -s /etc/shadow /tmp/out.txt",
    "a link to the root": "ln -s / /tmp/out.txt",
    "a relative link": "ln -s ../../../../../../../../etc/shadow /tmp/out.txt",
    "a FIFO": "mkfifo /tmp/out.txt",
    "a link to a device": "ln -s /dev/zero /tmp/out.txt",
    "a socket": "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('/tmp/out.txt')\"",
}


@pytest.mark.parametrize("lure", LURES)
async def test_the_collector_follows_nothing(node: Node, lure: str) -> None:
    outputs = Outputs(False, [Output("p", "/tmp/out.txt")], [Output("a", "/tmp/out.txt")])
    report = await node.run(pod(shell(LURES[lure], image="python:3"), outputs=outputs), timeout=20)
    assert report.outputs is not None
    assert report.outputs.error
    assert report.outputs.parameters == {}
    assert report.outputs.artifacts == {}


async def test_the_collector_takes_no_linked_parent(sandbox: Node, outside: Path) -> None:
    (outside / "passwd").write_text(SECRET)
    outputs = Outputs(
        False, [Output("p", "/mnt/d/passwd")], [Output("a", "/mnt/d/passwd"), Output("t", "/mnt")]
    )
    report = await sandbox.run(pod(shell(f"rm -rf /mnt/d; ln -s {outside} /mnt/d"), outputs=outputs))
    assert report.outputs is not None
    assert "link" in report.outputs.error
    assert not report.outputs.parameters
    for artifact in report.outputs.artifacts.values():
        assert SECRET not in str(Blobs(sandbox.home.data).leaves(artifact.digest))


async def test_dots_in_an_output_path_stay_inside(sandbox: Node) -> None:
    outputs = Outputs(False, [Output("p", "/tmp/../../../../../../etc/hostname"), Output("q", "../../token")])
    (sandbox.home.root / "token").write_text(SECRET)
    report = await sandbox.run(pod(shell("true"), outputs=outputs))
    assert report.outputs is not None
    assert report.outputs.parameters == {}


async def test_a_sub_path_follows_no_link(sandbox: Node, outside: Path) -> None:
    (outside / "secret").mkdir()
    (outside / "secret/key").write_text(SECRET)
    volume = outside / "volume"
    volume.mkdir()
    (volume / "link").symlink_to(outside / "secret")
    for sub_path in ("link", "../secret", "link/key"):
        run = pod(shell("cat /m/* /m", mounts=[Mount("/m", source=str(volume), sub_path=sub_path)]))
        report = await sandbox.run(run)
        assert report.containers[0].reason == "StartError", report
        assert SECRET not in sandbox.log(run)


async def test_a_read_only_mount_stays_so(sandbox: Node, outside: Path) -> None:
    mounts = [Mount("/m", source=str(outside), read_only=True)]
    await sandbox.run(pod(shell("echo x > /m/x; mount -o remount,rw /m; echo x > /m/x", mounts=mounts)))
    assert not (outside / "x").exists()


async def test_a_read_only_root_stays_so(sandbox: Node) -> None:
    run = pod(shell("(echo x > /x) || (echo x > /tmp/x) || echo refused", read_only_root=True))
    await sandbox.run(run)
    assert sandbox.log(run).endswith("refused\n")


async def test_variables_cannot_act_outside(sandbox: Node, outside: Path) -> None:
    """LD_PRELOAD and its kind must not reach bubblewrap, which runs outside."""
    env = {"LD_PRELOAD": f"{outside}/evil.so", "LD_LIBRARY_PATH": str(outside), "GCONV_PATH": str(outside)}
    run = pod(shell("echo $LD_LIBRARY_PATH $GCONV_PATH", env=env))
    report = await sandbox.run(run)
    assert report.phase == "Succeeded"
    assert f"{outside} {outside}\n" in sandbox.log(run)
    assert sandbox.log(run).count("evil.so") >= 1  # the loader inside says so, not the one outside


async def test_the_nodes_socket_and_descriptors_are_out_of_reach(sandbox: Node) -> None:
    said = await sandbox.output("for f in /proc/self/fd/*; do readlink $f; done; true")
    own = re.compile(r"/pods/(\.logs/.*|[^/]+/main\.log)$")  # its output: a spare file, or its own
    inside = [line for line in said.splitlines() if not own.search(line)]
    assert not [line for line in inside if "node" in line or "memfd" in line or str(sandbox.home.run) in line]


async def test_names_and_the_hosts_network_are_usable(sandbox: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket; socket.create_connection(('localhost', {port})); print('connected')"
        run = pod(Container("main", "python:3", ["python3", "-c", code]), hosts={"peer-0": "127.0.0.1"})
        await sandbox.run(run)
        assert "connected" in sandbox.log(run)
    assert "127.0.0.1" in await sandbox.output("getent hosts peer-0", hosts={"peer-0": "127.0.0.1"})


async def test_the_pods_name_is_its_hostname(sandbox: Node) -> None:
    run = pod(shell("hostname; cat /proc/sys/kernel/hostname"))
    await sandbox.run(run)
    assert sandbox.log(run) == f"{run.name}\n" * 2
    assert socket.gethostname() != run.name
