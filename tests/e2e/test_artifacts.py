"""Artifacts that lie elsewhere, and templates without a pod, on a whole platform with real servers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.platform import Platform, eventually
from tests.e2e.test_workflows import log, nodes, workflow

pytestmark = pytest.mark.slow
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: my-s3}
stringData: {user: minio, word: minio123, token: tok}
"""


class Web(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path.startswith("/ok")
        body = f"{self.command} {self.path} {self.headers.get('X-Token')}\n".encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def s3(platform: Platform) -> Iterator[str]:
    pytest.importorskip("obstore")
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    platform.kubectl("apply", "-f", "-", text=SECRET)
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


def where(s3: str, key: str) -> str:
    keys = "accessKeySecret: {name: my-s3, key: user}, secretKeySecret: {name: my-s3, key: word}"
    rest = f'endpoint: "{s3}", insecure: true, bucket: kept, key: "{key}", createBucketIfNotPresent: {{}}'
    return f"{{{rest}, {keys}}}"


def kept(s3: str) -> list[str]:
    from pinnace.data.remote.buckets import opened
    from pinnace.data.remote.reach import Reach

    place = {
        "endpoint": s3,
        "insecure": True,
        "bucket": "kept",
        "accessKeySecret": "minio",
        "secretKeySecret": "w",
    }
    return opened("s3", place, Reach(""))[0].list("")


def test_an_artifact_goes_to_a_bucket_and_comes_back_and_no_step_sees_a_credential(
    platform: Platform, s3: str
) -> None:
    done = platform.run(
        workflow(
            "bucket",
            f"""
    - name: main
      steps:
      - - {{name: make, template: make}}
      - - name: read
          template: read
          arguments: {{artifacts: [{{name: in, from: "{{{{steps.make.outputs.artifacts.out}}}}"}}]}}
    - name: make
      container:
        image: busybox
        command: [sh, -c]
        args: ["mkdir /tmp/o; echo one > /tmp/o/a; echo two > /tmp/o/b; env; cat /proc/1/environ || true"]
      outputs: {{artifacts: [{{name: out, path: /tmp/o, s3: {where(s3, "folder/{{pod.name}}.tgz")}}}]}}
    - name: read
      inputs: {{artifacts: [{{name: in, path: /in}}]}}
      container: {{image: busybox, command: [sh, -c], args: ["cat /in/a /in/b"]}}
    """,
        )
    )
    assert "✔" in done.stdout
    written = log(platform, "bucket")
    assert "one\ntwo\n" in written
    assert "minio" not in written
    made = nodes(platform, "bucket")["make"]["outputs"]["artifacts"][0]["s3"]
    assert made["key"].startswith("folder/bucket-make-")
    assert made["key"] in kept(s3)


def test_a_namespaces_artifact_repository_takes_what_has_no_place_of_its_own(
    platform: Platform, s3: str
) -> None:
    platform.kubectl("create", "namespace", "stored")
    platform.kubectl("apply", "-n", "stored", "-f", "-", text=SECRET)
    repository = yaml.safe_load(where(s3, ""))
    del repository["key"]
    repository["keyFormat"] = "runs/{{workflow.name}}/{{pod.name}}"
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "artifact-repositories",
            "namespace": "stored",
            "annotations": {"workflows.argoproj.io/default-artifact-repository": "mine"},
        },
        "data": {"mine": yaml.safe_dump({"s3": repository, "archiveLogs": True})},
    }
    platform.kubectl("apply", "-f", "-", text=json.dumps(config))
    manifest = workflow(
        "depot",
        """
    - name: main
      container: {image: busybox, command: [sh, -c], args: ["echo said; echo x > /x"]}
      outputs: {artifacts: [{name: x, path: /x, archive: {none: {}}}]}
    """,
    )
    platform.kubectl("apply", "-n", "stored", "-f", "-", text=manifest)
    found = eventually(
        lambda: (
            (w := platform.get("workflow", "-n", "stored", "depot")).get("status", {}).get("finishedAt") and w
        ),
        "the workflow's end",
    )
    assert found["status"]["phase"] == "Succeeded", found["status"]
    (node,) = found["status"]["nodes"].values()
    assert node["outputs"]["artifacts"] == [
        {"name": "x", "path": "/x", "archive": {"none": {}}, "s3": {"key": "runs/depot/depot/x"}},
        {"name": "main-logs", "s3": {"key": "runs/depot/depot/main.log"}},
    ]
    assert {"runs/depot/depot/x", "runs/depot/depot/main.log"} <= set(kept(s3))
    assert found["status"]["artifactRepositoryRef"]["configMap"] == "artifact-repositories"


def test_a_page_is_an_artifact_and_a_missing_one_an_error_unless_it_is_optional(
    platform: Platform, web: str
) -> None:
    template = """
    - name: main
      inputs: {artifacts: [{name: page, path: /page, mode: 0755, http: {url: "%s"}%s}]}
      container: {image: busybox, command: [sh, -c], args: ["cat /page || echo nothing; ls -l /page || true"]}
    """
    platform.run(workflow("page", template % (f"{web}/ok", "")))
    assert log(platform, "page").startswith("GET /ok None\n-rwxr-xr-x")
    platform.run(workflow("nopage", template % (f"{web}/no", ", optional: true")))
    assert "nothing" in log(platform, "nopage")
    platform.run(workflow("badpage", template % (f"{web}/no", "")), check=False)
    status = platform.get("workflow", "badpage")["status"]
    assert status["phase"] == "Error"
    assert status["message"] == f"artifact page failed to load: {web}/no does not exist (404)"


def test_http_templates_answer_with_bodies_and_headers_of_secrets(
    platform: Platform, web: str, s3: str
) -> None:
    platform.run(
        workflow(
            "requests",
            f"""
    - name: main
      steps:
      - - {{name: good, template: call, arguments: {{parameters: [{{name: path, value: ok}}]}}}}
        - name: bad
          template: call
          continueOn: {{failed: true}}
          arguments: {{parameters: [{{name: path, value: nope}}]}}
      - - name: show
          template: show
          arguments: {{parameters: [{{name: m, value: "{{{{steps.good.outputs.result}}}}"}}]}}
    - name: call
      inputs: {{parameters: [{{name: path}}]}}
      http:
        url: "{web}/{{{{inputs.parameters.path}}}}"
        method: POST
        body: "x"
        headers: [{{name: X-Token, valueFrom: {{secretKeyRef: {{name: my-s3, key: token}}}}}}]
    - name: show
      inputs: {{parameters: [{{name: m}}]}}
      container: {{image: busybox, command: [echo, "{{{{inputs.parameters.m}}}}"]}}
    """,
        )
    )
    found = nodes(platform, "requests")
    assert (found["good"]["type"], found["good"]["outputs"]["result"]) == ("HTTP", "POST /ok tok\n")
    assert (found["bad"]["phase"], found["bad"]["message"]) == (
        "Failed",
        "received non-2xx response code: 404",
    )
    assert log(platform, "requests").startswith("POST /ok tok")


def test_an_http_template_reaches_a_service_of_the_cluster(platform: Platform) -> None:
    platform.kubectl(
        "apply",
        "-f",
        "-",
        text="""
apiVersion: v1
kind: Service
metadata: {name: hello-web}
spec: {selector: {app: hello-web}, ports: [{port: 80, targetPort: 8123}]}
---
apiVersion: v1
kind: Pod
metadata: {name: hello-web, labels: {app: hello-web}}
spec:
  containers:
  - name: web
    image: "python:3"
    command: [python3, -m, http.server, "8123", --directory, /etc]
    ports: [{containerPort: 8123}]
    readinessProbe: {tcpSocket: {port: 8123}, periodSeconds: 1}
""",
    )
    platform.kubectl("wait", "--for=condition=Ready", "pod/hello-web", "--timeout=60s")
    manifest = "[{name: main, http: {url: 'http://hello-web.default.svc.cluster.local/hosts'}}]"
    platform.run(workflow("incluster", manifest))
    (node,) = nodes(platform, "incluster").values()
    assert "localhost" in node["outputs"]["result"]
    manifest = """
    - name: main
      inputs: {artifacts: [{name: in, path: /in, http: {url: "http://hello-web/hosts"}}]}
      container: {image: busybox, command: [cat, /in]}
    """
    platform.run(workflow("infetch", manifest))
    assert "localhost" in log(platform, "infetch")


def test_a_data_template_lists_what_earlier_steps_kept(platform: Platform) -> None:
    platform.run(
        workflow(
            "listing",
            """
    - name: main
      steps:
      - - {name: make, template: make}
      - - {name: list, template: list}
      - - name: each
          template: each
          withParam: "{{steps.list.outputs.result}}"
          arguments: {artifacts: [{name: file, s3: {key: "{{item}}"}}]}
    - name: make
      container: {image: busybox, command: [sh, -c], args: ["mkdir /o; echo 1 > /o/a.log; echo 2 > /o/b.txt"]}
      outputs: {artifacts: [{name: o, path: /o, s3: {key: listing/files}}]}
    - name: list
      data:
        source: {artifactPaths: {name: files, s3: {key: listing/}}}
        transformation: [{expression: 'filter(data, {# endsWith ".log"})'}]
    - name: each
      inputs: {artifacts: [{name: file, path: /file}]}
      container: {image: busybox, command: [cat, /file]}
    """,
        )
    )
    found = nodes(platform, "listing")
    assert found["list"]["outputs"]["result"] == '["listing/files/a.log"]'
    assert log(platform, "listing") == "1\n"


def test_plugins_are_refused_in_upstreams_words(platform: Platform) -> None:
    platform.run(workflow("plugged", "[{name: main, plugin: {hello: {}}}]"), check=False)
    (node,) = nodes(platform, "plugged").values()
    assert (node["type"], node["phase"]) == ("Plugin", "Failed")
    assert node["message"].startswith("no plugin executed the template")


def test_a_repository_of_git_is_refused_where_it_is_a_path_of_this_machine(
    platform: Platform, tmp_path: Path
) -> None:
    manifest = f"""
    - name: main
      inputs: {{artifacts: [{{name: src, path: /src, git: {{repo: "{tmp_path}"}}}}]}}
      container: {{image: busybox, command: [ls, /src]}}
    """
    platform.run(workflow("gitpath", manifest), check=False)
    assert (
        "expected an http, https, ssh or git URL" in platform.get("workflow", "gitpath")["status"]["message"]
    )


LEAVING = """
    - name: main
      container: {{image: busybox, command: [sh, -c], args: ["mkdir /o; echo x > /o/a; echo y > /o/b"]}}
      outputs:
        artifacts:
        - {{name: packed, path: /o, s3: {packed}}}
        - {{name: loose, path: /o, archive: {{none: {{}}}}, s3: {loose}}}
        - {{name: kept, path: /o/a, artifactGC: {{strategy: Never}}, archive: {{none: {{}}}}, s3: {kept}}}
"""


def leaving(s3: str, name: str, **gc: Any) -> str:
    places = {key: where(s3, f"{name}/{key}") for key in ("packed", "loose", "kept")}
    return workflow(name, LEAVING.format(**places), artifactGC=gc)


@pytest.mark.parametrize("strategy", ["OnWorkflowCompletion", "OnWorkflowDeletion"])
def test_what_lies_in_a_bucket_goes_with_its_workflow(platform: Platform, s3: str, strategy: str) -> None:
    name = f"gc-{strategy[10:].lower()}"
    platform.run(leaving(s3, name, strategy=strategy))

    def there() -> list[str]:
        return [key for key in kept(s3) if key.startswith(f"{name}/")]

    if strategy == "OnWorkflowDeletion":
        assert there() == [f"{name}/kept", f"{name}/loose/a", f"{name}/loose/b", f"{name}/packed"]
        platform.kubectl("delete", "workflow", name)
    eventually(lambda: there() == [f"{name}/kept"], "its artifacts to go")
    if strategy == "OnWorkflowCompletion":
        artifacts = nodes(platform, name)[name]["outputs"]["artifacts"]
        assert [item.get("deleted", False) for item in artifacts] == [True, True, False]


def test_a_bucket_that_does_not_answer_keeps_the_workflow_until_it_is_forced(
    platform: Platform, s3: str
) -> None:
    platform.run(leaving(s3, "stays", strategy="OnWorkflowDeletion"))
    platform.kubectl("delete", "secret", "my-s3")
    try:
        platform.kubectl("delete", "workflow", "stays", "--wait=false")

        def complaint() -> str:
            conditions = platform.get("workflow", "stays")["status"].get("conditions") or []
            return next((one["message"] for one in conditions if one["type"] == "ArtifactGCError"), "")

        words = str(eventually(complaint, "the reason"))
        assert "for strategy OnWorkflowDeletion: packed: secrets \"my-s3\" not found" in words
        forced = '{"spec": {"artifactGC": {"forceFinalizerRemoval": true}}}'
        platform.kubectl("patch", "workflow", "stays", "--type=merge", "-p", forced)
        platform.kubectl("wait", "--for=delete", "workflow/stays", "--timeout=60s")
    finally:
        platform.kubectl("apply", "-f", "-", text=SECRET)
