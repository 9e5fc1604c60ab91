"""What is made of a Notebook and of a Tensorboard, as upstream's controllers make it."""

from __future__ import annotations

from typing import Any

from pinnace.controllers.notebook import gate, report, tensorboard, workload
from pinnace.kinds import notebook as kind
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.notebook import NOTEBOOK, POD_DEFAULT, TENSORBOARD
from pinnace.kinds.resource import Obj


def notebook(annotations: dict[str, str] | None = None, **container: Any) -> Obj:
    main = {"name": "lab", "image": "kubeflownotebookswg/jupyter", **container}
    meta = {"name": "lab", "namespace": "team", "uid": "u", "labels": {"app": "lab"}}
    return {
        "apiVersion": "kubeflow.org/v1", "kind": "Notebook",
        "metadata": {**meta, "annotations": annotations or {}},
        "spec": {"template": {"spec": {"containers": [main, {"name": "beside", "image": "busybox"}]}}},
    }


def made(owner: Obj, mark: str = "m", *, shared: bool = False) -> Obj:
    return workload.stateful_set(owner, mark, shared=shared)


def test_the_kinds_are_served_in_every_version_of_upstream() -> None:
    catalogue = Catalogue.builtin()
    for version in ("v1", "v1beta1", "v1alpha1"):
        assert catalogue.resolve("kubeflow.org", version, "notebooks") is not None
    for ours in (NOTEBOOK, TENSORBOARD, POD_DEFAULT):
        served = catalogue.resolve(ours.group, ours.version, ours.plural)
        assert served is not None
        assert (served.kind, served.subresources & {"status"}) == (ours.kind, ours.subresources)


def test_the_stateful_set_is_upstreams() -> None:
    found = made(notebook(env=[{"name": "NB_PREFIX", "value": "wrong"}, {"name": "A", "value": "b"}]))
    assert found["metadata"]["name"] == "lab"
    assert found["spec"]["replicas"] == 1
    assert found["spec"]["selector"] == {"matchLabels": {"statefulset": "lab"}}
    template = found["spec"]["template"]
    assert template["metadata"]["labels"] == {"app": "lab", "statefulset": "lab", "notebook-name": "lab"}
    assert template["spec"]["securityContext"] == {"fsGroup": 100}
    main, beside = template["spec"]["containers"]
    assert main["workingDir"] == "/home/jovyan"
    assert main["ports"] == [{"name": "notebook-port", "containerPort": 8888, "protocol": "TCP"}]
    assert main["env"] == [{"name": "A", "value": "b"}, {"name": "NB_PREFIX", "value": "/notebook/team/lab"}]
    assert beside == {"name": "beside", "image": "busybox"}
    assert "serviceAccountName" not in template["spec"], "the document says whose rights it has"


def test_the_annotations_of_its_pod() -> None:
    notes = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}", kind.LAST_ACTIVITY: "x", "sidecar": "false",
        "pinnace.dev/isolation": "sandbox", "pinnace.dev/sources": "forged", kind.IDLE_MINUTES: "60",
    }
    passed = made(notebook(notes))["spec"]["template"]["metadata"]["annotations"]
    assert passed == {"sidecar": "false", "pinnace.dev/isolation": "sandbox"}
    idle = made(notebook({kind.IDLE_MINUTES: "60"}))["spec"]["template"]
    assert idle == made(notebook())["spec"]["template"], "what only we read starts no new pod"


def test_a_stop_ends_its_pod_and_its_sessions() -> None:
    stopped = notebook({kind.STOPPED: "2026-11-22T16:00:00Z"})
    assert made(stopped, "")["spec"]["replicas"] == 0
    running = made(notebook(), gate.marked(None, stopped=False))
    mark = running["metadata"]["annotations"][kind.SESSIONS]
    assert gate.marked(running, stopped=False) == mark
    assert gate.marked(running, stopped=True) == ""
    held = made(stopped, "")
    assert gate.marked(held, stopped=False) not in ("", mark)


def test_where_networks_are_shared_each_has_its_own_port() -> None:
    template = made(notebook(), shared=True)["spec"]["template"]
    port = workload.port_of(template)
    assert 20_000 <= port < 32_000
    said = {one["name"]: one["value"] for one in template["spec"]["containers"][0]["env"]}
    assert said["JUPYTER_PORT"] == str(port)
    given = notebook(ports=[{"containerPort": 8787}])
    assert workload.port_of(made(given, shared=True)["spec"]["template"]) == 8787


def test_a_long_name() -> None:
    long = notebook()
    long["metadata"]["name"] = "n" * 60
    assert len(made(long)["metadata"]["name"]) <= 52


def test_its_status_is_that_of_its_pod() -> None:
    assert report.status(notebook(), None, None) == {
        "conditions": [], "readyReplicas": 0, "containerState": {},
    }
    condition = {"type": "Ready", "status": "False", "lastProbeTime": None, "reason": "ContainersNotReady",
                 "lastTransitionTime": "2026-11-22T16:00:00Z"}
    waiting = {"waiting": {"reason": "PreparingEnvironment"}}
    statuses = [{"name": "beside", "state": {"running": {}}}, {"name": "lab", "state": waiting}]
    pod = {"metadata": {}, "status": {"conditions": [condition], "containerStatuses": statuses}}
    found = report.status(notebook(), {"status": {"readyReplicas": 1}}, pod)
    assert (found["readyReplicas"], found["containerState"]) == (1, waiting)
    (said,) = found["conditions"]
    assert said["lastProbeTime"] == said["lastTransitionTime"] == "2026-11-22T16:00:00Z"


def test_what_a_start_waits_for_is_said() -> None:
    assert gate.reason(None) == "its pod starts"
    pending = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available."}
    assert gate.reason({"status": {"conditions": [pending]}}) == "0/1 nodes are available"
    crashed = {"terminated": {"reason": "Error"}}
    assert gate.reason({"status": {"containerStatuses": [{"name": "lab", "state": crashed}]}}) == "Error"


def test_where_a_pod_is_reached() -> None:
    ready = {"podIP": "10.88.0.5", "conditions": [{"type": "Ready", "status": "True"}]}
    pod: Obj = {"metadata": {}, "status": ready}
    assert gate.address(pod, 8888, "/run/net") == ("unix:/run/net/10.88.0.5-8888",)
    assert gate.address(pod, 8888, "") == ("127.0.0.1:8888",)
    loopback = {**ready, "podIP": "127.88.0.5"}
    assert gate.address({"metadata": {}, "status": loopback}, 8888, "/run/net") == ("127.88.0.5:8888",)
    leaving = {"metadata": {"deletionTimestamp": "x"}, "status": ready}
    assert gate.address(leaving, 8888, "/run/net") == ()


def test_where_tensorboards_logs_lie() -> None:
    assert tensorboard.logs("pvc://data/runs/one") == tensorboard.Logs(
        "/tensorboard_logs/", "data", "/tensorboard_logs/", "runs/one"
    )
    assert tensorboard.logs("s3://bucket/runs") == tensorboard.Logs("s3://bucket/runs")
    assert tensorboard.logs("/logs").claim == "tb-volume"
    laid = tensorboard.logs("flow/train/logs", artifact=True, name="board")
    assert (laid.claim, laid.directory) == ("board-logs", "/tensorboard_logs/")


def test_a_tensorboard_reads_its_logs_and_writes_none() -> None:
    board: Obj = {
        "apiVersion": "tensorboard.kubeflow.org/v1alpha1", "kind": "Tensorboard", "spec": {"logspath": "x"},
        "metadata": {"name": "board", "namespace": "team", "uid": "u"},
    }
    found = tensorboard.deployment(board, tensorboard.logs("pvc://data/runs"), "m", shared=False)
    (container,) = found["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["--logdir=/tensorboard_logs/", "--bind_all", "--port=6006"]
    (mount,) = container["volumeMounts"]
    assert (mount["readOnly"], mount["subPath"]) == (True, "runs")


def test_a_tensorboards_status_tells_each_turn_once() -> None:
    board: Obj = {"metadata": {"name": "board"}}
    held: Obj = {"status": {"readyReplicas": 1, "conditions": [
        {"type": "Progressing", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "Available", "lastTransitionTime": "2026-01-01T00:00:09Z"},
    ]}}
    first = tensorboard.status(board, held, "now")
    assert first == {
        "conditions": [{"deploymentState": "Available", "lastProbeTime": "now"}], "readyReplicas": 1,
    }
    assert tensorboard.status({**board, "status": first}, held, "later") == first
