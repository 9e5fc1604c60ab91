"""A bundle's way to another home, which stands for the cluster: with its own images and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.e2e.platform import Platform, eventually

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOTHING_ELSE = {"image": "*", "layout": "/nonexistent"}
"""Every environment rule is overruled: an image that the bundle does not bring cannot be had."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("here"))
    try:
        yield platform.up()
    finally:
        platform.down()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Platform]:
    """A fresh home whose rules the test writes before it is started."""
    platform = Platform(tmp_path / "cluster")
    platform.home.root.mkdir()
    try:
        yield platform
    finally:
        platform.down()


HELD = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: digits}
spec: {suspend: true, workflowTemplateRef: {name: digits-training}}
"""
"""It need not run here to be exported."""


def only(cluster: Platform, bundle: Path) -> None:
    """The images of the bundle, and nothing else."""
    rules = [{"image": f"localhost/{bundle.name}/*", "layout": str(bundle / "images")}, NOTHING_ELSE]
    cluster.home.environment_rules.write_text(yaml.safe_dump({"environments": rules}))


def phase(cluster: Platform, name: str, namespace: str) -> str:
    return cluster.kubectl("get", "wf", name, "-n", namespace, "-o", "jsonpath={.status.phase}")


def waiting(cluster: Platform, name: str, namespace: str) -> bool:
    nodes = cluster.get("wf", name, "-n", namespace).get("status", {}).get("nodes", {}).values()
    assert not any(node["phase"] in ("Failed", "Error") for node in nodes), nodes
    return any(node["type"] == "Suspend" and node["phase"] == "Running" for node in nodes)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_digits_run_to_the_end_from_the_bundles_own_images(
    here: Platform, cluster: Platform, tmp_path: Path
) -> None:
    # given: the example, exported with its environments as images
    here.kubectl("apply", "-f", str(EXAMPLES / "digits" / "training.yaml"))
    here.kubectl("apply", "-f", "-", text=HELD)
    bundle = tmp_path / "digits"
    said = here.command("export", "run/digits", "-o", str(bundle), "--build", timeout=900).stdout
    here.kubectl("delete", "wf", "digits")
    assert "image kserve/sklearnserver:v0.15.2 → localhost/digits/kserve-sklearnserver@sha256:" in said
    lock = (bundle / "images" / "kserve-sklearnserver.lock").read_text()
    assert "scikit-learn==" in lock
    # when: it is applied where no environment rule is left
    only(cluster, bundle)
    cluster.up()
    context = ("--kubeconfig", str(cluster.home.kubeconfig), "--context", "pinnace")
    checked = here.command("check", str(bundle), *context, check=False).stdout
    assert "is not served" not in checked and checked.count("on the machine that exported it alone") == 2
    cluster.kubectl("apply", "-k", str(bundle / "overlays" / "dev"))
    # then: every step runs, a person says yes, and the model that it trained answers
    eventually(lambda: waiting(cluster, "digits", "digits-dev"), "the question", within=900)
    cluster.command("workflow", "resume", "digits", "-n", "digits-dev")
    eventually(lambda: phase(cluster, "digits", "digits-dev") == "Succeeded", "the end", within=300)
    ready = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
    assert cluster.kubectl("get", "isvc", "digits", "-n", "digits-dev", "-o", ready) == "True"
    assert not list(cluster.home.environments.iterdir()), "no environment was built"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_pipeline_runs_as_a_plain_workflow(here: Platform, tmp_path: Path) -> None:
    here.command("run", str(Path(__file__).with_name("pipeline.yaml")))
    run = here.get("pipelineruns.pinnace.dev", "-n", "kubeflow")["items"][0]
    bundle = tmp_path / "bundle"
    here.command("export", f"run/{run['metadata']['name']}", "-o", str(bundle))
    assert (
        yaml.safe_load((bundle / "kfp" / "pipeline.yaml").read_text())["pipelineInfo"]["name"]
        == "made-and-shown"
    )
    here.kubectl("apply", "-k", str(bundle / "overlays" / "dev"))
    space = "made-and-shown-dev"
    eventually(lambda: phase(here, "made-and-shown", space) == "Succeeded", "the plain Workflow", within=120)
    nodes = here.get("wf", "made-and-shown", "-n", space)["status"]["nodes"].values()
    assert not any("pinnace.dev" in str(node.get("templateName")) for node in nodes)
    pods = [node for node in nodes if node["type"] == "Pod" and node["templateName"] == "show-pod"]
    lines = {
        parameter["value"]
        for pod in pods
        for parameter in pod["outputs"]["parameters"]
        if parameter["name"] == "line"
    }
    assert lines == {"one of 8: xxxx 4", "two of 8: xxxx 4"}


SECRETS = """\
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {password: hunter2}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}
---
apiVersion: argoproj.io/v1alpha1
kind: ClusterWorkflowTemplate
metadata: {name: shared}
spec:
  templates:
  - name: say
    container:
      image: alpine:3.20
      command: [sh, -c, 'cat /src/greeting; test -n "$PASSWORD"']
      env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: keys, key: password}}}]
      volumeMounts: [{name: data, mountPath: /data}]
    volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: asks}
spec:
  entrypoint: a
  serviceAccountName: runner
  suspend: true
  templates:
  - name: a
    steps: [[{name: s, templateRef: {name: shared, template: say, clusterScope: true}}]]
"""


def test_what_a_run_refers_to_comes_along_and_secrets_stay(here: Platform, tmp_path: Path) -> None:
    here.kubectl("apply", "-f", "-", text=SECRETS)
    claim = here.home.volumes / "default" / "data"
    claim.mkdir(parents=True, exist_ok=True)
    (claim / "rows.csv").write_text("1,2\n")
    bundle = tmp_path / "bundle"
    here.command("export", "asks", "-o", str(bundle))
    files = {str(path.relative_to(bundle)) for path in bundle.rglob("*.yaml")}
    assert {
        "base/workflow-asks.yaml",
        "base/persistentvolumeclaim-data.yaml",
        "base/serviceaccount-runner.yaml",
        "base/role-asks-run.yaml",
        "cluster/clusterworkflowtemplate-shared.yaml",
        "secrets/secret-keys.yaml",
    } <= files
    everything = "".join(path.read_text() for path in bundle.rglob("*") if path.is_file())
    assert "hunter2" not in everything and "aHVudGVyMg" not in everything
    readme = (bundle / "README.md").read_text()
    assert "Fill in `secrets/secret-keys.yaml`: `password`" in readme
    assert "| claim `data` | 4 B |" in readme and "The claim `data` (1Gi, ReadWriteMany)" in readme
    assert "suspend" not in (bundle / "base" / "workflow-asks.yaml").read_text()
    with_values = tmp_path / "with-values"
    here.command("export", "asks", "-o", str(with_values), "--with-secrets")
    secret = with_values / "secrets" / "secret-keys.yaml"
    assert "aHVudGVyMg" in secret.read_text() and secret.stat().st_mode & 0o077 == 0
    context = ("--kubeconfig", str(here.home.kubeconfig), "--context", "pinnace")
    assert here.command("check", str(bundle), *context).returncode == 0


def test_errors_of_the_command_say_what_to_do(here: Platform, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "mine.txt").write_text("keep me")
    here.kubectl("apply", "-f", "-", text=SECRETS)
    for words, said in (
        (("nobody",), "there is no object 'nobody' in namespace default"),
        (("wrkflow/x",), "'wrkflow' is no kind (did you mean 'workflow'?)"),
        (("run/",), "expected NAME or KIND/NAME"),
        (("asks", "--push", "reg.example/x"), "give both"),
        (("asks", "-o", str(there)), "name another folder with -o"),
    ):
        done = here.command("export", *words, check=False)
        assert done.returncode == 1 and said in done.stderr, done.stderr
    assert (there / "mine.txt").read_text() == "keep me"


MAKES = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: makes}
spec:
  entrypoint: a
  templates:
  - name: a
    container: {image: alpine:3.20, command: [sh, -c, 'mkdir /tmp/m; echo one >/tmp/m/a; echo two >/tmp/m/b']}
    outputs: {artifacts: [{name: m, path: /tmp/m, archive: {none: {}}, s3: {key: models/m}}]}
"""
TAKES = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: takes}
spec:
  entrypoint: a
  suspend: true
  arguments: {artifacts: [{name: m, s3: {key: models/m}}]}
  templates:
  - name: a
    inputs: {artifacts: [{name: m, path: /tmp/m}]}
    container: {image: alpine:3.20, command: [cat, /tmp/m/a]}
"""


class Bucket:
    """An object store as S3 answers to plain uploads."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        bucket = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                bucket.objects[self.path.partition("?")[0]] = body
                self.send_response(200)
                self.send_header("ETag", '"1"')
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_artifacts_go_to_the_store_that_is_named(
    here: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore", reason="obstore is the user's to install")
    here.run(MAKES)
    here.kubectl("apply", "-f", "-", text=TAKES)
    for name, value in (("ACCESS_KEY_ID", "k"), ("SECRET_ACCESS_KEY", "s"), ("REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    bucket = Bucket()
    try:
        target = ("-o", str(tmp_path / "b"), "--store", "s3://team/runs", "--endpoint", bucket.url)
        here.command("export", "takes", *target)
    finally:
        bucket.server.shutdown()
        bucket.server.server_close()
    assert bucket.objects == {"/team/runs/models/m/a": b"one\n", "/team/runs/models/m/b": b"two\n"}
    made = yaml.safe_load((tmp_path / "b" / "base" / "workflow-takes.yaml").read_text())
    host = bucket.url.removeprefix("http://")
    location = {"endpoint": host, "bucket": "team", "key": "runs/models/m", "insecure": True}
    assert made["spec"]["arguments"]["artifacts"] == [{"name": "m", "s3": location}]
    assert "`s3://team/runs/models/m`" in (tmp_path / "b" / "README.md").read_text()
