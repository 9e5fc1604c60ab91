# ruff: noqa: E501 - a program reads best on one line
"""A warm start and a cold one come to the same; what fails goes on cold; nobody gets more by it."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from pinnace.node.protocol import Container, Kill, Mount, Output, Outputs, PodReport, Probe, Run
from tests.node.conftest import Node, final, node_of, pod, reported, running
from tests.node.test_pods import wait_for
from tests.node.warm import IMAGE, ZYGOTE, WarmNode

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmNode]:
    for node in node_of("sandbox", WarmNode):
        assert isinstance(node, WarmNode)
        yield node


@pytest.fixture
def fresh() -> Iterator[WarmNode]:
    """One that a test may break."""
    for node in node_of("sandbox", WarmNode):
        assert isinstance(node, WarmNode)
        yield node


def program(*words: str, **fields: object) -> Run:
    return pod(Container("main", IMAGE, ["python3", *words], **fields))  # type: ignore[arg-type]


def cold(run: Run) -> Run:
    """The same, said so that no zygote understands it."""
    spec = run.containers[0]
    command = ["sh", "-c", 'true; exec "$0" "$@"', *spec.command]
    other = pod(msgspec.structs.replace(spec, command=command), outputs=run.outputs)
    other.name = run.name
    return other


async def both(node: Node, run: Run) -> tuple[PodReport, str, PodReport, str]:
    ours = await node.run(run)
    other = cold(run)
    theirs = await Node.run(node, other)
    return ours, node.log(run), theirs, node.log(other)


PROGRAMS = {
    "what an interpreter says of itself": """
        import os, sys
        print(__name__, __file__ if "__file__" in globals() else None, __spec__, __builtins__, __package__)
        print(sys.argv, sys.path, sys.executable, sys.flags, sys.stdin.encoding, sys.stdout, sys.stderr.errors)
        print(sys.dont_write_bytecode, sys.stdout.line_buffering, sys.gettrace(), os.getcwd(), sorted(globals()))
    """,
    "its variables, files and rights": """
        import os
        print(sorted(os.environ.items()), os.getpid(), os.getuid(), os.getgid(), os.umask(0))
        print(sorted(os.listdir("/dev")), sorted(os.listdir("/etc")), sorted(os.listdir("/tmp")), os.uname().nodename)
        lines = open("/proc/self/status").read().splitlines()
        print([x for x in lines if x.startswith(("Cap", "NoNew", "Seccomp", "SigBlk", "SigCgt", "Name", "Umask"))])
        print(sorted(os.readlink(f"/proc/self/fd/{n}").split("/")[1] for n in range(3)))
        print(os.path.exists("/proc/self/fd/4"), os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid())
    """,
    "an exception": """
        def f():
            raise ValueError("no")
        f()
    """,
    "an exception of its own hook": """
        import sys
        sys.excepthook = lambda kind, value, trace: print("hook", kind, value, trace.tb_lineno, trace.tb_next)
        1 / 0
    """,
    "a code": "import sys; sys.exit(7)",
    "a code beyond a byte": "raise SystemExit(513)",
    "a text": "raise SystemExit('over')",
    "an interrupt": "raise KeyboardInterrupt",
    "its own signal": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "an abort": "import os; print('x', flush=True); os.abort()",
    "what is left for the end": """
        import atexit, sys, threading, time
        class Late:
            def __init__(self, name): self.name = name
            def __del__(self): print("gone", self.name)
        late = Late("alone"); circle = Late("circle"); circle.self = circle
        atexit.register(print, "at exit")
        threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
        print("last line", end="")
    """,
    "threads and processes of its own": """
        import concurrent.futures, multiprocessing, os
        def square(n): return n * n
        with concurrent.futures.ThreadPoolExecutor(2) as pool: print(list(pool.map(square, range(4))))
        with multiprocessing.get_context("fork").Pool(2) as pool: print(pool.map(square, range(4)))
        print(os.system("exit 3"), multiprocessing.current_process().name)
    """,
    "an unreadable stdin": "import sys; print(repr(sys.stdin.read()), sys.stdin.isatty())",
    "warnings": "import warnings; warnings.warn('careful'); import sys; print(sys.warnoptions)",
    "a name of the standard library": "import random, json; print(random.__name__, json.loads('[1]'))",
}


@pytest.mark.parametrize("what", PROGRAMS)
async def test_a_command_comes_to_the_same(warm: WarmNode, what: str) -> None:
    ours, said, theirs, wanted = await both(warm, program("-c", textwrap.dedent(PROGRAMS[what]), "a", "b"))
    assert said == wanted.replace("('PWD', '/'), ", ""), what
    assert outcome(ours) == outcome(theirs)


def outcome(report: PodReport) -> tuple[object, ...]:
    state = report.containers[0]
    return report.phase, state.exit_code, state.reason, state.signal


@pytest.mark.parametrize("words", [["/p/main.py", "x"], ["-u", "/p/main.py"], ["-B", "/p/main.py"], ["-m", "main", "x"]])
async def test_files_and_modules_come_to_the_same(warm: WarmNode, words: list[str]) -> None:
    files = {
        "main.py": b"import sys, beside\nprint(__name__, __file__, sys.argv, sys.path[0], sys.path[-1])\n"
        b"print(__spec__ and __spec__.name, __package__, sys.dont_write_bytecode, beside.X, sys.stdout.write_through)\n"
        b"raise RuntimeError('here')\n",
        "beside.py": b"X = 1\n",
    }
    run = program(*words, mounts=[Mount("/p", volume="p", files=files)], cwd="/p")
    ours, said, theirs, wanted = await both(warm, run)
    assert said == wanted
    assert outcome(ours) == outcome(theirs) == ("Failed", 1, "Error", 0)
    assert "here" in said


async def test_a_module_of_its_own_goes_before_the_standard_librarys(warm: WarmNode) -> None:
    files = {"main.py": b"import random\nprint(random.OWN)\n", "random.py": b"OWN = 'own'\n"}
    run = program("/p/main.py", mounts=[Mount("/p", volume="p", files=files)])
    assert (await warm.run(run)).phase == "Succeeded"
    assert warm.log(run) == "own\n"


@pytest.mark.parametrize(
    "words", [["/no/such.py"], ["-m", "nowhere"], ["-c", "1 +"], ["/etc"], ["-m", "json"]]
)
async def test_what_cannot_run_says_the_same(warm: WarmNode, words: list[str]) -> None:
    ours, said, theirs, wanted = await both(warm, program(*words))
    assert (said, outcome(ours)) == (wanted, outcome(theirs))


async def test_a_script_that_lays_out_a_program_is_read_as_a_shell_would(warm: WarmNode) -> None:
    script = (
        "folder=$(mktemp -d)\n\nprintf \"%s\" \"$0\" > \"$folder/it's.py\"\n"
        'WORD=said python3 "$folder/it\'s.py"      "$@"  \'one $HOME\'\n'
    )
    source = "import os, sys\nprint(os.environ['WORD'], sys.argv[1:], os.stat(os.path.dirname(__file__)).st_mode & 0o777)\n"
    run = pod(Container("main", IMAGE, ["sh", "-ec", script, source, "a b", "", "*"]))
    assert (await warm.run(run)).phase == "Succeeded", warm.log(run)
    assert warm.log(run) == "said ['a b', '', '*', 'one $HOME'] 448\n"


async def test_pods_do_not_share_their_chance(warm: WarmNode) -> None:
    runs = [program("-c", "import random, tempfile, uuid; print(random.random(), tempfile.mktemp(), uuid.uuid4())")
            for _ in range(4)]  # fmt: skip
    for run in runs:
        await warm.run(run)
    assert len({word for run in runs for word in warm.log(run).split()}) == 12


async def test_a_program_that_was_stopped_early_never_runs_or_ends_as_asked(warm: WarmNode) -> None:
    run = program("-c", "import time; time.sleep(60)")
    async with warm.client() as client:
        client.send(run, Kill(run.uid, 3))
        report = await reported(client, run.uid, final, 20)
    assert report.phase == "Failed"


async def test_a_graceful_stop_reaches_the_programs_handler(warm: WarmNode) -> None:
    code = (
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "print('ready', flush=True)\ntime.sleep(60)"
    )
    run = program("-c", code)
    await warm.run(run, running)
    await wait_for(lambda: "ready" in warm.log(run))
    assert (await warm.kill(run)).containers[0].exit_code == 5


async def test_what_was_not_flushed_is_there_at_the_end(warm: WarmNode) -> None:
    run = program("-c", "file = open('/tmp/p', 'w'); file.write('kept')")
    report = await warm.run(msgspec.structs.replace(run, outputs=Outputs(False, [Output("p", "/tmp/p")])))
    assert report.outputs is not None
    assert report.outputs.parameters == {"p": "kept"}


async def test_a_hundred_at_once(warm: WarmNode) -> None:
    outputs = Outputs(True, [Output("p", "/tmp/p")])
    runs = [pod(Container("main", IMAGE, ["python3", "-c", f"print({n}); open('/tmp/p', 'w').write('{n}')"]),
                outputs=outputs) for n in range(100)]  # fmt: skip
    async with warm.client() as client:
        client.send(*runs)
        left = {run.uid: str(n) for n, run in enumerate(runs)}
        async with asyncio.timeout(120):
            async for batch in client.reports():
                for report in filter(final, batch.pods):
                    if (wanted := left.pop(report.uid, None)) is not None:
                        assert report.outputs is not None
                        assert (report.outputs.result, report.outputs.parameters) == (wanted, {"p": wanted}), report
                if not left:
                    return


# What dies ----------------------------------------------------------------------------------------------------


def family(node: Node, word: str) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(node.process.pid).children(recursive=True):
        try:
            if word in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


async def test_a_zygote_that_dies_is_missed_by_nobody(warm: WarmNode) -> None:
    sleeper = program("-c", "import time; print('on', flush=True); time.sleep(2); print('done')")
    await warm.run(sleeper, running)
    await wait_for(lambda: "on" in warm.log(sleeper))
    min(family(warm, ZYGOTE), key=lambda each: each.create_time()).kill()
    after = program("-c", "print('still')")
    assert (await warm.run(after)).phase == "Succeeded"
    assert warm.log(after) == "still\n"
    async with warm.client() as client:
        assert (await reported(client, sleeper.uid, final, 20)).phase == "Succeeded"
    assert warm.log(sleeper) == "on\ndone\n"
    await warm.warm_up()


async def test_a_keeper_that_dies_takes_its_pods_along_and_they_are_not_started_twice(
    warm: WarmNode, outside: Path
) -> None:
    mounts = [Mount("/o", source=str(outside))]
    run = program("-c", "import time; open('/o/ran', 'a').write('x'); time.sleep(60)", mounts=mounts)
    await warm.run(run, running)
    await wait_for(lambda: (outside / "ran").exists())
    for keeper in family(warm, "keeper")[:1]:
        keeper.kill()
    async with warm.client() as client:
        report = await reported(client, run.uid, final, 20)
    assert outcome(report) == ("Failed", 137, "Error", 9)
    assert (outside / "ran").read_text() == "x"
    await warm.warm_up()


async def test_nothing_outlives_the_node(fresh: WarmNode) -> None:
    run = program("-c", "import time; print('on', flush=True); time.sleep(300)")
    await fresh.run(run, running)
    await wait_for(lambda: "on" in fresh.log(run))
    every = psutil.Process(fresh.process.pid).children(recursive=True)
    assert len(every) >= 4
    fresh.process.kill()
    fresh.process.wait()
    _, alive = psutil.wait_procs(every, 20)
    assert not [each for each in alive if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


# Who would break out ------------------------------------------------------------------------------------------

HOSTILE = """
import ctypes, os, subprocess
said = []
libc = ctypes.CDLL(None)

def attempt(what, call):
    try:
        said.append(f"{what}: {call()!r}"[:300])
    except Exception:
        pass

def rights():
    held = [line for line in open("/proc/self/status") if line.startswith("Cap") and "0" * 16 not in line]
    return held or 1 / 0

def tell(*words):
    return subprocess.check_output(words, stderr=subprocess.DEVNULL)

def everything():
    attempt("secret", lambda: open("SECRET").read())
    attempt("home", lambda: [each for each in os.listdir("HOME") if each != "environments"] or 1 / 0)
    attempt("shadow", lambda: open("/etc/shadow").read())
    attempt("usr", lambda: open("/usr/planted", "w").write("x"))
    attempt("environment", lambda: open(__file__ + ".planted", "w").write("x"))
    attempt("sysctl", lambda: os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
    for number in [n for n in os.listdir("/proc") if n.isdigit() and n != str(os.getpid())]:
        attempt("root of " + number, lambda: os.listdir(f"/proc/{number}/root/"))
        attempt("files of " + number, lambda: os.listdir(f"/proc/{number}/fd"))
        attempt("memory of " + number, lambda: open(f"/proc/{number}/mem", "rb"))
        attempt("trace of " + number, lambda: 1 / (libc.ptrace(16, int(number), 0, 0) == 0))
    attempt("remounted", lambda: tell("mount", "-o", "remount,rw,bind", "/usr"))
    attempt("bare", lambda: tell("umount", "/usr"))
    attempt("usr", lambda: open("/usr/planted", "w").write("x"))
    attempt("environment", lambda: open(__file__ + ".planted", "w").write("x"))

if os.path.exists("/run/pinnace/zygote.py"):
    said.append("began")
    everything()
    attempt("rights", rights)
    attempt("mounted", lambda: tell("mount", "-t", "tmpfs", "x", "/mnt"))
    real = os.dup2
    def dup2(old, new):
        # In the child that has entered a room, before it gives up what rights it has over that room.
        if "child" not in said and rights():
            said.append("child")
            everything()
        return real(old, new)
    os.dup2 = dup2
"""


async def test_a_hostile_package_gets_no_more_than_a_pod(fresh: WarmNode, outside: Path) -> None:
    """It runs in the zygote, and in its child while that one has rights over the room."""
    (outside / "secret").write_text("canary-9a")
    (venv,) = (fresh.home.environments).glob("*/venv")
    (packages,) = venv.glob("lib/python*/site-packages")
    source = HOSTILE.replace("SECRET", str(outside / "secret")).replace("HOME", str(fresh.home.root))
    (packages / "hostile.py").write_text(source)
    (packages / "hostile.pth").write_text("import hostile\n")
    for keeper in family(fresh, "keeper")[:1]:
        keeper.kill()
    await fresh.warm_up()
    run = program("-c", "import hostile; print(hostile.said)")
    await fresh.run(run)
    assert fresh.log(run) == "['began', 'child']\n"
    assert not (packages / "hostile.py.planted").exists()
    assert not Path("/usr/planted").exists()


async def test_a_command_enters_its_room_with_no_more_rights(warm: WarmNode) -> None:
    """An exec probe, and so `kubectl exec`."""
    look = "id -u; grep -E 'Cap(Eff|Bnd)|NoNew' /proc/self/status; ls -d /tmp/mine; mount -t tmpfs x /mnt; true"
    script = f"({look}) > /tmp/look 2>&1; mv /tmp/look /tmp/seen; test -e /tmp/mine"
    probe = Probe("exec", command=["sh", "-c", script], period=0.2, timeout=10)
    code = (
        "import os, time\nopen('/tmp/mine', 'w')\nwhile not os.path.exists('/tmp/seen'): time.sleep(0.05)\n"
        "print(open('/tmp/seen').read())"
    )
    run = program("-c", code, readiness=probe)
    report = await warm.run(run, timeout=60)
    said = warm.log(run)
    assert report.phase == "Succeeded", said
    assert said.startswith("1000\n") and "/tmp/mine" in said and said.count("0000000000000000") == 2
    assert "NoNewPrivs:\t1" in said and ("ermission denied" in said or "superuser" in said)
