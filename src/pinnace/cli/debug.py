"""`pinnace debug RUN/STEP`: into the place of a step that ended, with its isolation, environment and inputs.

A Pod like the step's waits there (`holding`), and the bundled kubectl enters it. It is gone afterwards, and
nothing that happens in it changes the run.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from pinnace.cli import rehearsal, steps
from pinnace.cli.connection import Connection, Refused
from pinnace.cli.kubectl import binary
from pinnace.cli.platform import Failure
from pinnace.cli.tree import workflow_path
from pinnace.home import Home

STAGING = "pinnace.dev/staging"
SCRIPT = "/argo/staging/script"
PROGRAM = "/argo/debug/rehearsal.py"
PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)[0-9.]*$")
VALUED = ("-W", "-X", "--check-hash-based-pycs")
"""Options of the interpreter that take the next word."""
ORDERED = 'eval "exec $PINNACE_DEBUG"'
SHELL = "command -v bash >/dev/null 2>&1 && exec bash; exec sh"
WITHIN = 300.0
POLL = 0.05
INTERRUPTED = 130


class Python(NamedTuple):
    """A step's program that is Python: what runs it, with which options, and what it runs."""

    interpreter: list[str]
    words: list[str]


def debug(
    home: Home, what: str, namespace: str, *, pdb: bool, listen: int, container: str, command: tuple[str, ...]
) -> int:
    connection = Connection.to(home)
    run, _, word = what.partition("/")
    workflow = _workflow(connection, namespace, run)
    node = steps.chosen(workflow, word) if word else _suspect(workflow)
    pod = steps.pods(connection, workflow).get(node["id"])
    if pod is None:
        raise Failure(
            f"the pod of {steps.short(node, workflow)} is gone (podGC, or it never started): run it again "
            "with `podGC: {strategy: OnWorkflowDeletion}`, or without podGC, and debug that run"
        )
    main = container or _main(pod)
    order: dict[str, Any] = {"container": main}
    if pdb or listen:
        program = python_of(pod, main)
        order["files"] = {PROGRAM: Path(rehearsal.__file__).read_text()}
        order["command"] = [*program.interpreter, PROGRAM, str(listen or "pdb"), *program.words]
        argv = ["sh", "-c", ORDERED]
    else:
        argv = list(command) or ["sh", "-c", SHELL]
    if listen:
        order["requirements"] = ["debugpy"]
    for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal, too, leaves nothing behind
        signal.signal(number, _leave)
    held = _held(connection, pod, order)
    try:
        _await(connection, held)
        _greet(steps.short(node, workflow), run, pod, main)
        if listen:
            return _serve(home, connection, held, main, argv, listen)
        return _enter(home, held, main, argv)
    finally:
        _remove(connection, held)


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _workflow(connection: Connection, namespace: str, name: str) -> dict[str, Any]:
    import difflib

    try:
        found: dict[str, Any] = connection.json(workflow_path(namespace, name))
        return found
    except Refused as refusal:
        if refusal.code != 404:
            raise
    known = [each["metadata"]["name"] for each in connection.json(workflow_path(namespace))["items"]]
    close = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f'did you mean "{close[0]}"?' if close else "see `pinnace workflow list`"
    raise Failure(f"no workflow {name!r} in namespace {namespace}: {hint}")


def _suspect(workflow: dict[str, Any]) -> dict[str, Any]:
    """Without a word: the last step that failed."""
    found = [node for node in steps.nodes(workflow) if node.get("type") == "Pod"]
    failed = [node for node in found if node.get("phase") in ("Failed", "Error")]
    if not failed:
        names = ", ".join(steps.short(node, workflow) for node in found[:12])
        raise Failure(f"no step of {workflow['metadata']['name']} failed: name one as RUN/STEP ({names})")
    return failed[-1]


def _main(pod: dict[str, Any]) -> str:
    names = [each["name"] for each in pod["spec"]["containers"]]
    return "main" if "main" in names else str(names[0])


# ---- the program -----------------------------------------------------------------------------------------


def python_of(pod: dict[str, Any], container: str) -> Python:
    """Raises Failure if the step runs no Python that can be seen from outside."""
    words = words_of(pod, container)
    if not words or not PYTHON.match(words[0]):
        shown = " ".join(words[:3]) or "its image's own program"
        raise Failure(
            f"the step runs {shown}, not Python itself: --shell enters its place, and you start it there"
        )
    return split(words)


def words_of(pod: dict[str, Any], container: str) -> list[str]:
    from pinnace.authoring.kfp import layers

    main = next((each for each in pod["spec"]["containers"] if each["name"] == container), None)
    if main is None:
        names = ", ".join(each["name"] for each in pod["spec"]["containers"])
        raise Failure(f"the step has no container {container!r}: it has {names}")
    words = [str(word) for word in [*(main.get("command") or []), *(main.get("args") or [])]]
    return [*layers.split(words)[1], *([SCRIPT] if staging_of(pod).get("script") else [])]


def staging_of(pod: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((pod["metadata"].get("annotations") or {}).get(STAGING) or "{}")
    return found


def split(words: list[str]) -> Python:
    """`python -u -X dev train.py --a 1` → the interpreter with its options, and the rest."""
    at = 1
    while at < len(words) and words[at].startswith("-") and words[at] not in ("-m", "-c", "-"):
        if (cut := words[at][-1]) in "mc" and not words[at].startswith("--") and words[at] not in VALUED:
            return Python([words[0], *words[1:at], words[at][:-1]], [f"-{cut}", *words[at + 1 :]])
        at += 2 if words[at] in VALUED else 1
    rest = words[at:]
    if not rest or rest == ["-"]:
        raise Failure("the step's Python reads its program from standard input: --shell enters its place")
    return Python(words[:at], rest)


# ---- the place -------------------------------------------------------------------------------------------


def _held(connection: Connection, pod: dict[str, Any], order: dict[str, Any]) -> dict[str, Any]:
    meta = pod["metadata"]
    path = f"/pinnace/v1/debug/{meta['namespace']}/{meta['name']}"
    made: dict[str, Any] = json.loads(connection.request("POST", path, order))
    return made


def _path(pod: dict[str, Any]) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _await(connection: Connection, pod: dict[str, Any]) -> None:
    """Until it runs. Raises Failure with what it waits for."""
    deadline, said = time.monotonic() + WITHIN, ""
    while True:
        status = connection.json(_path(pod)).get("status") or {}
        if status.get("phase") == "Running":
            return
        waiting = _waiting(status)
        over = status.get("phase") in ("Failed", "Succeeded")
        if over or waiting.startswith(("ErrImage", "CreateContainer")):
            raise Failure(f"the step's place cannot be had: {waiting or status.get('message') or 'it ended'}")
        if waiting and waiting != said:
            print(waiting, file=sys.stderr)
            said = waiting
        if time.monotonic() > deadline:
            raise Failure(f"the step's place did not start within {WITHIN:.0f} s: {waiting or 'Pending'}")
        time.sleep(POLL)


def _waiting(status: dict[str, Any]) -> str:
    for each in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        found = (each.get("state") or {}).get("waiting") or {}
        if found.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"{found['reason']}: {found.get('message', '')}"
    for each in status.get("conditions") or []:
        if each.get("type") == "PodScheduled" and each.get("status") == "False":
            return str(each.get("message", ""))
    return ""


def _remove(connection: Connection, pod: dict[str, Any]) -> None:
    with suppress(Refused):
        connection.request("DELETE", _path(pod) + "?gracePeriodSeconds=0")


def _greet(step: str, run: str, pod: dict[str, Any], container: str) -> None:
    words = words_of(pod, container)
    shown = shlex.join(words)[:300]
    print(f"in the place of {step} of {run}; nothing here changes the run", file=sys.stderr)
    print(f"  its program  {shown or 'the entrypoint of its image'}", file=sys.stderr)
    print('  once more    eval "$PINNACE_STEP"' if words else "", file=sys.stderr)
    for given in staging_of(pod).get("inputs") or []:
        print(f"  input        {given.get('name')} at {given.get('path')}", file=sys.stderr)


def _exec(home: Home, pod: dict[str, Any], container: str, argv: list[str], *options: str) -> list[str]:
    meta = pod["metadata"]
    where = ["--kubeconfig", str(home.kubeconfig), "--namespace", meta["namespace"]]
    return [binary(), *where, "exec", *options, meta["name"], "--container", container, "--", *argv]


def _enter(home: Home, pod: dict[str, Any], container: str, argv: list[str]) -> int:
    options = ["--stdin", "--tty"] if sys.stdin.isatty() else ["--stdin"]
    return subprocess.run(_exec(home, pod, container, argv, *options), check=False).returncode


def _serve(
    home: Home, connection: Connection, pod: dict[str, Any], container: str, argv: list[str], port: int
) -> int:
    """The program under debugpy, its port on this machine, until it ends."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = _exec(home, pod, container, ["env", "PYTHONUNBUFFERED=1", *argv])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        forward: subprocess.Popen[str] | None = None
        try:
            for line in process.stdout:
                if line.startswith(f"listening {port} "):
                    forward = _forwarded(home, connection, pod, port)
                    print(configuration(port, line.split(" ", 2)[2].strip(), pod))
                else:
                    print(line, end="")
                sys.stdout.flush()
        except KeyboardInterrupt:
            return INTERRUPTED
        finally:
            if forward is not None:
                forward.terminate()
            process.terminate()
        return process.wait()


def _forwarded(
    home: Home, connection: Connection, pod: dict[str, Any], port: int
) -> subprocess.Popen[str] | None:
    """Where the pod has a network of its own."""
    if connection.json("/pinnace/v1/status").get("network") != "own" and not _reachable(port):
        return None
    if _reachable(port):
        return None
    meta = pod["metadata"]
    where = ["--kubeconfig", str(home.kubeconfig), "--namespace", meta["namespace"]]
    command = [binary(), *where, "port-forward", meta["name"], f"{port}:{port}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, text=True)


def _reachable(port: int) -> bool:
    """Without connecting: debugpy takes the first that connects for its client."""
    with suppress(OSError):
        wanted = f"0100007F:{port:04X}"
        return any(line.split()[1] == wanted for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return False


def configuration(port: int, remote: str, pod: dict[str, Any]) -> str:
    """What an editor that speaks the debug adapter protocol is told: VS Code's launch.json, and its like."""
    staging = staging_of(pod)
    local = "${workspaceFolder}"
    if staging.get("script"):
        folder = Path.cwd() / ".pinnace-debug"
        folder.mkdir(exist_ok=True)
        (folder / "script").write_text(staging["script"])
        local = str(folder)
    attach = {
        "name": f"pinnace {pod['metadata']['name']}",
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": "127.0.0.1", "port": port},
        "pathMappings": [{"localRoot": local, "remoteRoot": remote}],
        "justMyCode": False,
    }
    return f"waiting for an IDE on 127.0.0.1:{port}; its configuration:\n{json.dumps(attach, indent=2)}"
