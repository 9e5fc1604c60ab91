"""`pinnace debug`: given a step that ended, when its place is entered, then it is as the step had it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from pinnace.cli import debug, holding, rehearsal, steps
from pinnace.cli.connection import Connection, Refused
from pinnace.cli.platform import Failure
from pinnace.objects.errors import StatusError
from tests.e2e.platform import PINNACE, Platform

FLOW = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: NAME, annotations: {pinnace.dev/isolation: HOW}}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: make, template: make}
    - - name: use
        template: use
        arguments:
          parameters: [{name: n, value: "7"}]
          artifacts: [{name: data, from: "{{steps.make.outputs.artifacts.data}}"}]
  - name: make
    container: {image: busybox, command: [sh, -c], args: ["echo hello > /tmp/data.txt"]}
    outputs: {artifacts: [{name: data, path: /tmp/data.txt, archive: {none: {}}}]}
  - name: use
    inputs: {parameters: [{name: n}], artifacts: [{name: data, path: /in/data.txt}]}
    script:
      image: python
      command: [python, -u]
      env: [{name: RATE, value: "0.5"}]
      source: |
        import os
        text = open("/in/data.txt").read().strip()
        number = {{inputs.parameters.n}}
        print(text, os.environ["RATE"])
        number / (number - 7)
    outputs: {artifacts: [{name: out, path: /tmp/out, optional: true}]}
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    root = tmp_path_factory.mktemp("debug") / "home"
    instance = Platform(root, "--isolation", "process")  # where a workflow may ask for more
    try:
        yield instance.up()
    finally:
        instance.down()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["process", "sandbox"])
def test_a_failed_step_is_entered_with_its_inputs_and_environment(platform: Platform, how: str) -> None:
    name = f"run-{how}"
    flow = FLOW.replace("NAME", name).replace("HOW", how)
    assert platform.run(flow, check=False).returncode == 1
    before = json.dumps(platform.get("workflow", name)["status"])
    inside = platform.command("debug", f"{name}/use", text='echo "$RATE"; eval "$PINNACE_STEP"', check=False)
    assert "data at /in/data.txt" in inside.stderr
    assert inside.stdout.splitlines() == ["0.5", "hello 0.5"]
    assert "ZeroDivisionError" in inside.stderr
    listed = platform.command("debug", f"{name}/make", "--", "echo", "-n", "there")
    assert listed.stdout == "there"
    asked = platform.command("debug", name, "--pdb", text="p text, number\nq\n", check=False)
    assert "script(5)<module>()" in asked.stdout
    assert "('hello', 7)" in asked.stdout
    assert platform.get("pods", "-l", "pinnace.dev/debug")["items"] == []
    assert json.dumps(platform.get("workflow", name)["status"]) == before


@pytest.mark.slow
def test_what_cannot_be_entered_says_why(platform: Platform) -> None:
    flow = FLOW.replace("NAME", "other").replace("HOW", "process")
    platform.run(flow, check=False)
    for words, said in (
        (("othre/use",), 'did you mean "other"'),
        (("other/ues",), 'did you mean "[1].use"'),
        (("other/make", "--pdb"), "not Python itself"),
        (("other/use", "--container", "side"), "it has main"),
    ):
        done = platform.command("debug", *words, check=False)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    account = platform.kubectl("create", "serviceaccount", "reader")
    assert account
    platform.kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods,workflows.argoproj.io")
    platform.kubectl("create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:reader")
    token = platform.kubectl("create", "token", "reader").strip()
    pod = platform.get("pods", "-l", "workflows.argoproj.io/workflow=other")["items"][0]["metadata"]["name"]
    reader = Connection(platform.api.port, token)
    with pytest.raises(Refused, match="may not be entered") as refusal:
        reader.request("POST", f"/pinnace/v1/debug/default/{pod}", {})
    assert refusal.value.code == 403


class Editor:
    """As much of the debug adapter protocol as an IDE needs to stop at a line."""

    def __init__(self, port: int) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.file = self.connection.makefile("rb")
        self.sent = 0

    def send(self, command: str, **arguments: Any) -> None:
        self.sent += 1
        body = {"seq": self.sent, "type": "request", "command": command, "arguments": arguments}
        text = json.dumps(body).encode()
        self.connection.sendall(b"Content-Length: %d\r\n\r\n" % len(text) + text)

    def until(self, what: str) -> dict[str, Any]:
        """The next event or answer of that name."""
        while True:
            length = 0
            while (line := self.file.readline().strip()) or not length:
                if line.lower().startswith(b"content-length"):
                    length = int(line.partition(b":")[2])
            found: dict[str, Any] = json.loads(self.file.read(length))
            if what in (found.get("event"), found.get("command")):
                return found


@pytest.mark.slow
def test_an_ide_stops_in_the_users_own_file(platform: Platform, tmp_path: Path) -> None:
    platform.run(FLOW.replace("NAME", "ide").replace("HOW", "sandbox"), check=False)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [*PINNACE, "debug", "ide/use", "--listen", str(port)], stdout=subprocess.PIPE, text=True,
        cwd=tmp_path, env={**os.environ, "PINNACE_HOME": str(platform.home.root)},
    )
    said: Queue[str] = Queue()
    threading.Thread(target=lambda: [said.put(line) for line in process.stdout or ()], daemon=True).start()
    try:
        while "its configuration" not in said.get(timeout=120):
            pass
        text = said.get(timeout=10)
        while not text.endswith("\n}\n"):
            text += said.get(timeout=10)
        wanted = json.loads(text)
        local = Path(wanted["pathMappings"][0]["localRoot"]) / "script"
        assert local.is_relative_to(tmp_path)
        assert "number / (number - 7)" in local.read_text()
        editor = Editor(port)
        editor.send("initialize", adapterID="test", linesStartAt1=True, pathFormat="path")
        editor.send("attach", **wanted)
        editor.until("initialized")
        editor.send("setBreakpoints", source={"path": str(local)}, breakpoints=[{"line": 4}])
        editor.send("configurationDone")
        stopped = editor.until("stopped")["body"]
        editor.send("stackTrace", threadId=stopped["threadId"])
        frame = editor.until("stackTrace")["body"]["stackFrames"][0]
        assert (frame["source"]["path"], frame["line"]) == (str(local), 4)
        editor.send("disconnect", terminateDebuggee=True)
    finally:
        process.terminate()
        process.wait(30)
    assert platform.get("pods", "-l", "pinnace.dev/debug")["items"] == []


# ---- without a platform ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "interpreter", "rest"),
    [
        (["python", "train.py", "-m"], ["python"], ["train.py", "-m"]),
        (["python3.11", "-u", "-X", "dev", "t.py"], ["python3.11", "-u", "-X", "dev"], ["t.py"]),
        (["/usr/bin/python", "-m", "http.server", "1"], ["/usr/bin/python"], ["-m", "http.server", "1"]),
        (["python", "-uc", "print(1)"], ["python", "-u"], ["-c", "print(1)"]),
    ],
)
def test_a_pythons_options_are_told_from_its_program(
    words: list[str], interpreter: list[str], rest: list[str]
) -> None:
    assert debug.split(words) == debug.Python(interpreter, rest)


def test_a_python_without_a_program_cannot_be_run_again() -> None:
    with pytest.raises(Failure, match="standard input"):
        debug.split(["python", "-u"])


def test_of_several_steps_the_one_that_failed_last_is_meant() -> None:
    nodes = [
        {"id": str(at), "name": f"w.a({at})", "displayName": f"a({at})", "type": "Pod", "phase": phase,
         "templateName": "t", "startedAt": f"2026-01-01T00:00:0{at}Z"}
        for at, phase in enumerate(["Failed", "Failed", "Succeeded"])
    ]
    workflow = {"metadata": {"name": "w"}, "status": {"nodes": {each["id"]: each for each in nodes}}}
    assert [steps.chosen(workflow, word)["id"] for word in ("a", "t", "a(2)", "0")] == ["1", "1", "2", "0"]


POD = {
    "metadata": {"name": "p", "namespace": "n", "annotations": {
        "workflows.argoproj.io/node-id": "x", "mine": "kept", "pinnace.dev/outputs": "{}",
        "pinnace.dev/staging": '{"main": "main", "set": {"after": {}}, "outputs": {"result": true}}',
        "pinnace.dev/transfers": json.dumps({"inputs": [1], "outputs": {"o": {}}, "logs": {}})}},
    "spec": {"nodeName": "pinnace", "activeDeadlineSeconds": 5, "containers": [
        {"name": "main", "image": "i", "command": ["python"], "args": ["x.py"], "livenessProbe": {}},
        {"name": "other", "image": "i"}]},
}


def test_the_copy_waits_records_nothing_and_belongs_to_nobody() -> None:
    place = holding.Place(requirements=["debugpy"], files={"/f": "text"}, command=["python", "/f"])
    made = holding.copy(POD, place)
    annotations = made["metadata"]["annotations"]
    assert "ownerReferences" not in made["metadata"]
    assert {key for key in annotations if not key.startswith("pinnace.dev/")} == {"mine"}
    assert json.loads(annotations["pinnace.dev/transfers"]) == {"inputs": [1]}
    staging = json.loads(annotations["pinnace.dev/staging"])
    assert staging["outputs"] == {"result": False, "parameters": [], "artifacts": []}
    assert (staging["inputs"], staging["requirements"]) == (
        [{"name": "/f", "path": "/f", "raw": "text"}], [["debugpy"]]
    )
    (main,) = made["spec"]["containers"]
    assert (main["command"], "args" in main, "livenessProbe" in main) == (holding.WAITING, False, False)
    variables = {each["name"]: each["value"] for each in main["env"]}
    assert variables == {"PINNACE_STEP": "python x.py", "PINNACE_DEBUG": "python /f"}
    assert "nodeName" not in made["spec"]
    assert made["spec"]["activeDeadlineSeconds"] == holding.LONGEST
    with pytest.raises(StatusError, match="it has main, other"):
        holding.copy(POD, holding.Place(container="none"))


def test_a_program_is_rehearsed_as_python_runs_it(tmp_path: Path) -> None:
    (tmp_path / "near.py").write_text("x = 'near'")
    program = tmp_path / "p.py"
    program.write_text("import sys, near\nprint(near.x, sys.argv[1:], __name__)\n1 / 0\n")
    done = subprocess.run(
        [sys.executable, rehearsal.__file__, "pdb", str(program), "a"], input="p near.x\nq\n", text=True,
        capture_output=True, check=False, timeout=60,
    )
    assert done.stdout.startswith("near ['a'] __main__\n")
    assert f"{program}(3)<module>()" in done.stdout
    assert "rehearsal.py" not in done.stderr
    good = [sys.executable, rehearsal.__file__, "pdb", "-c", "print(1)"]
    assert subprocess.run(good, capture_output=True, text=True, check=False).returncode == 0
