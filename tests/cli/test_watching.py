"""`run --watch`: given a workflow that ran, when a file is saved, then only what changed runs again."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from pinnace.cli import reusing
from pinnace.cli.watching import Files
from tests.e2e.platform import PINNACE, Platform

FLOW = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: flow}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: a, template: a}
    - - name: b
        template: b
        arguments: {parameters: [{name: n, value: "{{steps.a.outputs.result}}"}]}
    - - {name: c, template: c}
  - {name: a, script: {image: busybox, command: [sh], source: "echo one"}}
  - name: b
    inputs: {parameters: [{name: n}]}
    script: {image: busybox, command: [sh], source: "echo first {{inputs.parameters.n}}"}
  - {name: c, container: {image: busybox, command: [echo, data.txt]}}
"""


class Session:
    """A run under watch, line by line."""

    def __init__(self, platform: Platform, file: Path) -> None:
        environment = {**os.environ, "PINNACE_HOME": str(platform.home.root), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [*PINNACE, "run", str(file), "--watch"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=environment, cwd=file.parent,
        )
        self.lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip())

    def round(self) -> list[str]:
        """What is said until it waits for the next save."""
        said: list[str] = []
        while not said or not said[-1].startswith("watching"):
            said.append(self.lines.get(timeout=60))
        return [line for line in said if "│" in line or "no " in line]

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    instance = Platform(tmp_path / "home", "--isolation", "process")
    try:
        yield instance.up()
    finally:
        instance.down()


@pytest.mark.slow
def test_a_save_runs_again_from_what_it_changed(platform: Platform, tmp_path: Path) -> None:
    data, file = tmp_path / "data.txt", tmp_path / "flow.yaml"
    data.write_text("old\n")
    file.write_text(FLOW)
    with Session(platform, file) as session:
        assert session.round() == ["a │ one", "b │ first one", "c │ data.txt"]
        file.write_text(file.read_text().replace("echo first", "echo second"))
        kept = "unchanged, taken from before"
        assert sorted(session.round()) == [f"a │ {kept}", "b │ second one", f"c │ {kept}"]
        data.write_text("new\n")
        assert sorted(session.round()) == [f"a │ {kept}", f"b │ {kept}", "c │ data.txt"]
        file.write_text("kind: [")
        assert "is not valid YAML" in " ".join(session.lines.get(timeout=20) for _ in range(4))
        assert session.end() == 0


def test_reports_go_where_ci_looks_for_them(platform: Platform, tmp_path: Path) -> None:
    from xml.etree import ElementTree

    report = tmp_path / "reports" / "out.xml"
    manifest = FLOW.replace("echo, data.txt", "sh, -c, 'echo so; exit 3'")
    done = platform.run(manifest, "--junit", str(report), check=False)
    assert done.returncode == 1
    cases = {case.get("name"): case for case in ElementTree.parse(report).getroot()[0]}
    assert [*cases] == ["[0].a", "[1].b", "[2].c"]
    assert cases["[1].b"].findtext("system-out") == "first one\n"
    failure = cases["[2].c"].find("failure")
    assert failure is not None
    assert (failure.get("message"), cases["[2].c"].findtext("system-out")) == (
        "main: Error (exit code 3)", "so\n"
    )


def template(**more: Any) -> dict[str, Any]:
    return {"name": "t", "container": {"image": "x", "command": ["run"], **more}}


def document(*templates: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"kind": "Workflow", "metadata": {"name": "w"}, "spec": {"templates": [*templates], **spec}}


def annotations(made: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = (made["spec"]["templates"][0].get("metadata") or {}).get("annotations") or {}
    return found


def test_a_file_that_a_step_names_counts_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("1")
    given = document(template(args=["--data=in.csv", "/usr/bin/env", "in"]))
    assert reusing.files([given], tmp_path) == [tmp_path / "in.csv"]
    (first,) = reusing.prepared([given], tmp_path)
    assert first["metadata"] == {"generateName": "w-", "annotations": {"pinnace.dev/memoize": "content"}}
    (tmp_path / "in.csv").write_text("2")
    (second,) = reusing.prepared([given], tmp_path)
    assert annotations(first) != annotations(second)
    assert annotations(reusing.prepared([document(template())], tmp_path)[0]) == {}


@pytest.mark.parametrize(
    "given",
    [
        document({**template(), "daemon": True}),
        document({**template(), "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}),
        document(template(volumeMounts=[{"name": "v"}]), volumeClaimTemplates=[{"metadata": {"name": "v"}}]),
    ],
)
def test_steps_that_keep_results_where_nobody_can_tell_are_always_run(given: dict[str, Any]) -> None:
    assert annotations(reusing.prepared([given], Path())[0]) == {"pinnace.dev/memoize": "never"}


def test_what_steps_write_into_a_volume_is_no_edit(tmp_path: Path) -> None:
    volume, file = tmp_path / "volume", tmp_path / "flow.yaml"
    volume.mkdir()
    (volume / "log").write_text("1")
    file.write_text("x")
    given = document({**template(), "volumes": [{"name": "v", "hostPath": {"path": str(volume)}}]})
    files = Files([file])
    files.name([], reusing.mounted([given], tmp_path))
    (volume / "log").write_text("22")
    assert not files.changed()
    files.settle()
    assert not files.changed()
    (volume / "log").write_text("333")
    assert files.changed()
