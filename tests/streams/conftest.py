"""A platform with pods that run on, in both isolations; kubectl of two releases."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.platform import Platform
from tests.streams.person import Person

KUBECTLS = {"1.32": "/usr/bin/kubectl", "wheel": str(Path(sys.executable).with_name("kubectl"))}
PODS = """
apiVersion: v1
kind: Pod
metadata: {name: one, labels: {app: one}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: alpine:3
    command: [sh, -c, "echo begun; while true; do sleep 0.2; echo tick; done"]
    env: [{name: COLOUR, value: green}]
    volumeMounts: [{name: scratch, mountPath: /scratch}]
  volumes: [{name: scratch, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: two, annotations: {kubectl.kubernetes.io/default-container: second}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: first, image: alpine:3, command: [sleep, "1000"], env: [{name: ME, value: first}]}
  - {name: second, image: alpine:3, command: [sleep, "1000"], env: [{name: ME, value: second}]}
---
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: alpine:3
    stdin: true
    stdinOnce: true
    command: [sh, -c, 'while read x; do echo "<$x>"; done; echo over']
"""


class Streams(Platform):
    """A platform and what people do with it."""

    def kube(self, *words: str, text: str | bytes = "", which: str = "1.32", timeout: float = 60) -> Done:
        data = text.encode() if isinstance(text, str) else text
        done = subprocess.run(
            [KUBECTLS[which], *words], input=data, capture_output=True, timeout=timeout, env=self.environment
        )
        out, err = (said.decode(errors="replace") for said in (done.stdout, done.stderr))
        return Done(done.returncode, out, err)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.home.kubeconfig), "TERM": "xterm"}

    def person(self, *words: str, which: str = "1.32") -> Person:
        return Person([KUBECTLS[which], *words], self.environment)

    def ready(self, *pods: str) -> None:
        self.kubectl("wait", "--for=condition=Ready", "--timeout=60s", *(f"pod/{pod}" for pod in pods))


class Done:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def __repr__(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


@pytest.fixture(scope="package", params=["sandbox", "process"])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streams]:
    platform = Streams(tmp_path_factory.mktemp("home"), "--isolation", request.param)
    try:
        platform.up()
        # a plain process is shown a volume only where its command names it
        plain = request.param == "process"
        pods = PODS.replace("echo begun;", "echo begun | tee /scratch/log;") if plain else PODS
        platform.kubectl("apply", "-f", "-", text=pods)
        platform.ready("one", "two", "reader")
        yield platform
    finally:
        platform.down()


@pytest.fixture(params=list(KUBECTLS))
def which(request: pytest.FixtureRequest) -> str:
    if not Path(KUBECTLS[request.param]).exists():
        pytest.skip(f"there is no {KUBECTLS[request.param]}")
    return str(request.param)
