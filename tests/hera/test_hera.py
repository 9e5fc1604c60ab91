"""The unmodified Hera SDK, by host and token; `pinnace run` and `pinnace workflow` beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.platform import Platform
from tests.hera.conftest import PROGRAMS, program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_every_method_of_the_service_answers(hera: str, platform: Platform) -> None:
    assert "every method answered" in program(hera, platform, "service.py")


def test_a_file_with_the_runner_runs(
    hera: str, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINNACE_HERA_PYTHON", hera)

    assert "nothing wrong" in platform.command("lint", str(PROGRAMS / "training.py")).stdout
    platform.command("run", str(PROGRAMS / "training.py"), timeout=500)

    said = platform.command("workflow", "logs", "@latest", "--grep", "score").stdout
    assert "score 5.0 of [0, 1, 2, 3, 4]" in said


def test_what_a_file_would_create_is_run_here(
    hera: str, platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PINNACE_HERA_PYTHON", hera)
    file = tmp_path / "hello.py"
    file.write_text(
        "from hera.workflows import Container, Steps, Workflow, WorkflowsService\n"
        "far = WorkflowsService(host='https://far.example', token='x')\n"
        "with Workflow(name='hello', entrypoint='m', arguments={'who': 'you'}, workflows_service=far) as w:\n"
        "    words = ['echo', 'hello {{workflow.parameters.who}}']\n"
        "    c = Container(name='c', image='busybox', command=words)\n"
        "    with Steps(name='m'):\n"
        "        c(name='say')\n"
        "other = Workflow(name='other', entrypoint='m')\n"
        "w.create()\n"
    )

    platform.command("run", str(file), "-p", "who=me")

    assert "hello me" in platform.command("workflow", "logs", "hello").stdout
    two = platform.command("run", f"{file}:nobody", check=False)
    assert two.returncode == 1
    assert "no Workflow of the name 'nobody'" in two.stderr


def test_people_without_argos_command_line_have_pinnaces(platform: Platform) -> None:
    manifest = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: typed, labels: {of: typing}}
spec:
  entrypoint: main
  arguments: {parameters: [{name: code, value: "1"}]}
  templates:
  - name: main
    steps: [[{name: first, template: say}], [{name: second, template: end}]]
  - name: say
    container: {image: busybox, command: [echo, said once]}
  - name: end
    container: {image: busybox, command: [sh, -c, "exit {{workflow.parameters.code}}"]}
"""
    assert platform.run(manifest, check=False).returncode == 1
    assert platform.command("workflow", "wait", "typed", check=False).returncode == 1
    shown = platform.command("workflow", "get", "typed", "--node-field-selector", "phase=Failed").stdout
    assert "exit code 1" in shown
    platform.command("workflow", "retry", "typed", "-p", "code=0", "--wait")
    again = platform.command("workflow", "resubmit", "typed", "--log", "-p", "code=0").stdout
    assert "said once" in again
    listed = platform.command("workflow", "list", "-l", "of=typing", "-o", "name").stdout.split()
    assert len(listed) == 2
    platform.command("workflow", "delete", "--completed", "-l", "of=typing")
    assert "typed" not in platform.kubectl("get", "workflows")
    assert platform.command("workflow", "get", "typed", "-o", "name").stdout == "typed\n"
