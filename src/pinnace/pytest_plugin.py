"""What pytest gets when Pinnace is installed: the fixtures `run_workflow` and `pinnace`.

Loaded by pytest (entry point `pytest11`). Invariant: this module imports nothing of ours until a fixture is
asked for; a run without these fixtures pays for one small file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pinnace.cli.connection import Connection
    from pinnace.testing import Outcome

NAME = "pinnace"
WITHIN = 300.0


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup(NAME, "a Kubeflow and Argo platform on this machine")
    group.addoption(
        "--pinnace-home", metavar="DIR", help="keep the homes of the workers here (default: made and removed)"
    )
    group.addoption(
        "--pinnace-isolation", default="auto", metavar="HOW", help="auto, container, sandbox or process"
    )
    parser.addini("pinnace_options", "more words for `pinnace up`", type="args", default=[])


@pytest.fixture
def run_workflow() -> Callable[..., Outcome]:
    """`pinnace.testing.run`: a Workflow with its steps replaced, without any platform."""
    from pinnace.testing import run

    return run


@pytest.fixture(scope="session")
def pinnace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform of this worker's own; `KUBECONFIG` and its like lead to it while the session lasts."""
    given = request.config.getoption("--pinnace-home")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    root = Path(given).resolve() / worker if given else tmp_path_factory.mktemp(NAME) / "home"
    isolation = str(request.config.getoption("--pinnace-isolation"))
    words = [*request.config.getini("pinnace_options")]
    with running(root, "--isolation", isolation, *words) as platform, variables(platform.variables()):
        yield platform


class Platform:
    """A running platform, as a test sees it."""

    def __init__(self, root: Path) -> None:
        from pinnace.cli.connection import Connection
        from pinnace.home import Home

        self.home = root
        self._home = Home.at(root)
        self.api: Connection = Connection.to(self._home)
        self.url = self.api.plain_url
        self.token = self.api.token
        self.kubeconfig = self._home.kubeconfig

    def variables(self) -> dict[str, str]:
        return {
            "PINNACE_HOME": str(self.home),
            "KUBECONFIG": str(self.kubeconfig),
            "ARGO_SERVER": f"127.0.0.1:{self.api.port}",
            "ARGO_TOKEN": f"Bearer {self.token}",
            "ARGO_HTTP1": "true",
            "ARGO_SECURE": "false",
        }

    def command(self, *words: str, check: bool = True, text: str = "") -> subprocess.CompletedProcess[str]:
        """`pinnace …` on this home. AssertionError with what it said if it fails."""
        environment = {**os.environ, **self.variables()}
        return _done([sys.executable, "-m", NAME, *words], environment, check, text)

    def kubectl(self, *words: str, text: str = "") -> str:
        """What kubectl prints. AssertionError with what it said if it fails."""
        from pinnace.cli.kubectl import binary

        environment = {**os.environ, **self.variables()}
        return _done([binary(), *words], environment, True, text).stdout

    def run(
        self,
        workflow: str | Path | Mapping[str, Any],
        parameters: Mapping[str, Any] | None = None,
        *,
        namespace: str = "default",
        within: float = WITHIN,
    ) -> Run:
        """Run a file, YAML text or a document to its end; TimeoutError if it does not come."""
        from pinnace.cli import run as cli
        from pinnace.cli.tree import ENDED, changes, workflow_path
        from pinnace.testing import documents

        found = documents.read(workflow)
        words = tuple(f"{name}={value}" for name, value in (parameters or {}).items())
        chosen = cli.with_parameters(cli.submit_what(self.api, found, namespace), words)
        made = cli.submit(self.api, chosen, namespace)
        meta = made["metadata"]
        deadline = _clock() + within
        for change in changes(self.api, meta["namespace"], meta["name"]):
            if change is not None and change[0] == "workflow":
                made = change[1]["object"]
            if made.get("status", {}).get("phase") in ENDED:
                return Run(self, self.api.json(workflow_path(meta["namespace"], meta["name"])))
            if _clock() > deadline:
                raise TimeoutError(f"workflow {meta['name']} is {made.get('status', {}).get('phase')}")
        raise AssertionError("the watch ended")


class Run:
    """A workflow that has ended on the platform."""

    def __init__(self, platform: Platform, workflow: dict[str, Any]) -> None:
        self._platform = platform
        self.workflow = workflow
        self.name: str = workflow["metadata"]["name"]
        self.namespace: str = workflow["metadata"]["namespace"]
        self.status: dict[str, Any] = workflow.get("status") or {}
        self.phase: str = self.status.get("phase", "")
        self.message: str = self.status.get("message", "")
        self.nodes: dict[str, dict[str, Any]] = {
            node.get("displayName", key): node for key, node in (self.status.get("nodes") or {}).items()
        }
        """By display name, as Argo shows them."""

    def logs(self, step: str = "") -> str:
        """What its steps (or those of a display name) printed, in the order of their starts."""
        pods = [
            node for node in (self.status.get("nodes") or {}).values()
            if node.get("type") == "Pod" and step in ("", node.get("displayName"))
        ]
        pods.sort(key=lambda node: node.get("startedAt") or "")
        return "".join(self._log(node) for node in pods)

    def _log(self, node: Mapping[str, Any]) -> str:
        from urllib.parse import quote

        wanted = f"workflows.argoproj.io/workflow={self.name}"
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        for pod in self._platform.api.json(f"{path}?labelSelector={quote(wanted)}")["items"]:
            if pod["metadata"]["annotations"].get("workflows.argoproj.io/node-id") == node["id"]:
                name = pod["metadata"]["name"]
                return self._platform.api.request("GET", f"{path}/{name}/log?container=main").decode()
        return ""


@contextmanager
def running(root: Path, *words: str) -> Iterator[Platform]:
    """`pinnace up` with free ports; everything ends with the block."""
    from pinnace.cli import platform
    from pinnace.home import Home

    root.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", NAME, "up", "--detach", "--port", "0", "--gateway-port", "0"]
    _done([*argv, "--home", str(root), *words], dict(os.environ), True, "")
    try:
        yield Platform(root)
    finally:
        platform.stop(Home.at(root))


@contextmanager
def variables(wanted: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _done(
    argv: Sequence[str], environment: Mapping[str, str], check: bool, text: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        argv, input=text, capture_output=True, text=True, env=environment, timeout=WITHIN, check=False
    )
    if check and done.returncode:
        said = f"{done.stdout}{done.stderr}".strip()
        raise AssertionError(f"{' '.join(argv)} ended with {done.returncode}:\n{said}")
    return done


def _clock() -> float:
    import time

    return time.monotonic()


