"""`pinnace prefetch`: given a document, then what it needs is there, from where packages come from here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinnace.cli import prefetch
from pinnace.node import indexes
from tests.cli.inside import INDEX, REGISTRY, Inside
from tests.e2e.platform import PINNACE
from tests.node.test_wheels import wheel

RULES = f"""
environments:
- {{image: tools, python: "*", requirements: [tiny]}}
- {{image: "{REGISTRY}/*", pull: true}}
"""
DOCUMENT = f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{generateName: w-}}
spec:
  entrypoint: main
  templates:
  - {{name: main, container: {{image: tools}}, sidecars: [{{name: s, image: "{REGISTRY}/team/app:1"}}]}}
"""
SETTINGS = ("UV_", "PIP_", "SSL_", "HTTP", "ALL_PROXY", "NO_PROXY", "http", "all_", "no_", "REQUESTS_")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, "1.0")
    return folder


@pytest.fixture
def inside(tmp_path: Path, wheels: Path) -> Iterator[Inside]:
    found = Inside(tmp_path, wheels)
    yield found
    found.close()


def fetched(tmp_path: Path, document: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    (home / "environments.yaml").write_text(RULES)
    (tmp_path / "flow.yaml").write_text(document)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    clean |= {"PINNACE_HOME": str(home), "UV_CACHE_DIR": str(tmp_path / "cache"), "UV_NO_CONFIG": "1"}
    return subprocess.run(
        [*PINNACE, "prefetch", str(tmp_path / "flow.yaml")], capture_output=True, text=True, timeout=120,
        check=False, env=clean | variables,
    )


def installed(tmp_path: Path) -> list[Path]:
    return [*(tmp_path / "home" / "environments").glob("*/venv/lib/python*/site-packages/tiny.py")]


def test_a_private_index_and_a_registry_behind_a_proxy_under_an_own_authority(
    tmp_path: Path, inside: Inside
) -> None:
    done = fetched(tmp_path, DOCUMENT, inside.variables())
    assert done.returncode == 0, done.stdout + done.stderr + str(inside.asked)
    assert {*inside.tunnels} == {INDEX, REGISTRY}
    assert len(installed(tmp_path)) == 1
    assert f"{REGISTRY}/v2/team/app/manifests/1" in inside.asked
    before = len(inside.asked)
    again = fetched(tmp_path, DOCUMENT, {})
    assert (again.returncode, len(inside.asked)) == (0, before)


def test_a_wheelhouse_is_enough_without_any_network(tmp_path: Path, wheels: Path) -> None:
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "HTTPS_PROXY": "http://127.0.0.1:9"}
    document = DOCUMENT.replace(f"{REGISTRY}/team/app:1", "tools")
    done = fetched(tmp_path, document, offline)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(installed(tmp_path)) == 1


def test_what_cannot_be_had_is_named_and_the_rest_is_fetched(tmp_path: Path, wheels: Path) -> None:
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    done = fetched(tmp_path, DOCUMENT.replace(f"{REGISTRY}/team/app:1", "nobody/knows:it"), offline)
    assert done.returncode == 1
    assert "nobody/knows:it" in done.stdout
    assert "environments.yaml" in done.stdout
    assert len(installed(tmp_path)) == 1


def test_servers_of_models_and_images_that_are_computed() -> None:
    service = {
        "kind": "InferenceService",
        "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "pvc://x"}}},
    }
    (found,) = {wanted.image for wanted in prefetch.needs(service)}
    assert "server" in found
    flow = {"spec": {"templates": [{"container": {"image": "{{inputs.parameters.image}}"}}]}}
    assert [*prefetch.needs(flow)] == []


def test_what_a_step_installs_is_part_of_its_environment() -> None:
    command = ["sh", "-c", 'python3 -m pip install --quiet tiny && "$0" "$@"', "sh", "python3", "x.py"]
    container = {"image": "python:3.11", "command": command}
    pipeline = {"deploymentSpec": {"executors": {"e": {"container": container}}}}
    (found,) = prefetch.needs(pipeline)
    assert (found.image, "tiny" in found.key) == ("python:3.11", True)


def test_settings_for_pip_are_said_to_uv_unless_uv_was_told() -> None:
    said = indexes.translated({"PIP_INDEX_URL": "a", "PIP_CERT": "c", "PIP_TRUSTED_HOST": "h"})
    assert (said["UV_DEFAULT_INDEX"], said["SSL_CERT_FILE"], said["UV_INSECURE_HOST"]) == ("a", "c", "h")
    assert "UV_DEFAULT_INDEX" not in indexes.translated({"PIP_INDEX_URL": "a", "UV_INDEX_URL": "b"})
    assert indexes.translated({"PIP_CERT": "c", "SSL_CERT_FILE": "d"})["SSL_CERT_FILE"] == "d"
    assert indexes.options({"PIP_NO_INDEX": "true"}) == ["--no-index"]
    assert indexes.options({"PIP_NO_INDEX": "false"}) == []
