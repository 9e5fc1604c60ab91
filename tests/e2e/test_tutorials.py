"""Kubernetes' own tutorials, typed as they stand there (with manifests of ours in their shape)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.platform import Platform, eventually

SET = """
apiVersion: v1
kind: Service
metadata: {name: nginx, labels: {app: nginx}}
spec: {ports: [{port: 80, name: web}], clusterIP: None, selector: {app: nginx}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: nginx
  replicas: 2
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec:
      containers:
      - name: nginx
        image: registry.k8s.io/nginx-slim:0.21
        ports: [{containerPort: 80, name: web}]
        volumeMounts: [{name: www, mountPath: /usr/share/nginx/html}]
  volumeClaimTemplates:
  - metadata: {name: www}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
INDEXED = """
apiVersion: batch/v1
kind: Job
metadata: {name: indexed}
spec:
  completions: 3
  parallelism: 2
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      initContainers:
      - name: input
        image: docker.io/library/bash
        command: [bash, -c, "items=(foo bar baz); echo ${items[$JOB_COMPLETION_INDEX]} > /input/data.txt"]
        volumeMounts: [{mountPath: /input, name: input}]
      containers:
      - name: worker
        image: docker.io/library/busybox
        command: [rev, /input/data.txt]
        volumeMounts: [{mountPath: /input, name: input}]
      volumes: [{name: input, emptyDir: {}}]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("home"))
    try:
        yield platform.up()
    finally:
        platform.down()


def once(cluster: Platform, name: str, image: str, *command: str) -> str:
    """What a pod that runs once says."""
    cluster.kubectl("run", name, f"--image={image}", "--restart=Never", "--command", "--", *command)
    ended = ("Succeeded", "Failed")
    eventually(lambda: cluster.get("pod", name)["status"]["phase"] in ended, f"the end of {name}", 90)
    said = cluster.kubectl("logs", name)
    cluster.kubectl("delete", "pod", name, "--wait=false")
    return said


def test_stateful_set_basics(cluster: Platform) -> None:
    """tutorials/stateful-application/basic-stateful-set"""
    cluster.kubectl("apply", "-f", "-", text=SET)
    cluster.kubectl("rollout", "status", "sts/web", "--timeout=90s")
    said = once(cluster, "dns-test", "busybox:1.28", "nslookup", "web-0.nginx")
    assert "Name:      web-0.nginx" in said
    assert "web-0.nginx.default.svc.cluster.local" in said
    for pod in ("web-0", "web-1"):
        write = 'echo "$(hostname)" > /usr/share/nginx/html/index.html'
        cluster.kubectl("exec", pod, "--", "sh", "-c", write)
    cluster.kubectl("delete", "pod", "-l", "app=nginx")
    cluster.kubectl("rollout", "status", "sts/web", "--timeout=90s")
    for pod in ("web-0", "web-1"):
        assert cluster.kubectl("exec", pod, "--", "curl", "-s", "http://localhost/") == f"{pod}\n"
    assert once(cluster, "asks", "busybox", "wget", "-qO-", "http://web-1.nginx") == "web-1\n"
    cluster.kubectl("scale", "sts", "web", "--replicas=3")
    change = '[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "nginx"}]'
    cluster.kubectl("patch", "statefulset", "web", "--type=json", f"-p={change}")
    cluster.kubectl("rollout", "status", "sts/web", "--timeout=90s")
    assert len(cluster.get("pvc", "-l", "app=nginx")["items"]) == 3


def test_a_stateless_application(cluster: Platform) -> None:
    """tasks/run-application/run-stateless-application-deployment, tutorials/kubernetes-basics"""
    cluster.kubectl("create", "deployment", "hello", "--image=nginx:1.14.2", "--replicas=2", "--port=80")
    cluster.kubectl("rollout", "status", "deployment/hello", "--timeout=90s")
    cluster.kubectl("expose", "deployment/hello", "--type=NodePort", "--port=8080", "--target-port=80")
    assert "Welcome to nginx!" in once(cluster, "visitor", "busybox", "wget", "-qO-", "hello:8080")
    pod = cluster.get("pods", "-l", "app=hello")["items"][0]["metadata"]["name"]
    assert "Welcome to nginx!" in cluster.kubectl(
        "get", "--raw", f"/api/v1/namespaces/default/pods/{pod}:80/proxy/"
    )
    cluster.kubectl("scale", "deployment/hello", "--replicas=4")
    cluster.kubectl("set", "image", "deployment/hello", "nginx=nginx:1.16.1")
    cluster.kubectl("rollout", "status", "deployment/hello", "--timeout=90s")
    assert len(cluster.get("pods", "-l", "app=hello", "--field-selector=status.phase=Running")["items"]) >= 4
    cluster.kubectl("rollout", "undo", "deployment/hello")
    cluster.kubectl("rollout", "status", "deployment/hello", "--timeout=90s")
    cluster.kubectl("delete", "service,deployment", "hello")


def test_a_server_with_a_configuration_is_not_played(cluster: Platform) -> None:
    cluster.kubectl("create", "configmap", "conf", "--from-literal=default.conf=server {}")
    spec = """{"spec": {"restartPolicy": "Never", "volumes": [{"name": "c", "configMap": {"name": "conf"}}],
      "containers": [{"name": "n", "image": "nginx", "volumeMounts":
      [{"name": "c", "mountPath": "/etc/nginx/conf.d"}]}]}}"""
    cluster.kubectl("run", "n", "--image=nginx", "--restart=Never", f"--overrides={spec}")
    eventually(lambda: cluster.get("pod", "n")["status"]["phase"] == "Failed", "its refusal")
    assert "reads no configuration" in cluster.kubectl("logs", "n")


def test_jobs(cluster: Platform) -> None:
    """concepts/workloads/controllers/job, tasks/job/indexed-parallel-processing-static"""
    cluster.kubectl("apply", "-f", "-", text=INDEXED)
    digits = ("perl", "-Mbignum=bpi", "-wle", "print bpi(50)")
    cluster.kubectl("create", "job", "pi", "--image=perl:5.34.0", "--", *digits)
    cluster.kubectl("wait", "--for=condition=Complete", "job/pi", "job/indexed", "--timeout=90s")
    assert cluster.kubectl("logs", "job/pi").startswith("3.14159265358979323846264338327950288")
    label = "batch.kubernetes.io/job-completion-index"
    assert [cluster.kubectl("logs", "-l", f"{label}={n}") for n in range(3)] == ["oof\n", "rab\n", "zab\n"]


@pytest.mark.slow
def test_a_work_queue_in_redis(cluster: Platform) -> None:
    """tasks/job/fine-parallel-processing-work-queue"""
    cluster.kubectl("run", "redis-master", "--image=redis", "--port=6379", "--expose")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/redis-master", "--timeout=150s")
    push = "for item in apple banana; do redis-cli -h redis-master rpush job2 $item; done"
    assert once(cluster, "filler", "redis", "sh", "-c", push) == "1\n2\n"
    work = 'while item=$(redis-cli -h redis-master lpop job2) && [ -n "$item" ]; do echo "did $item"; done'
    cluster.kubectl("create", "job", "queue", "--image=redis", "--", "sh", "-c", work)
    cluster.kubectl("wait", "--for=condition=Complete", "job/queue", "--timeout=90s")
    assert cluster.kubectl("logs", "job/queue") == "did apple\ndid banana\n"
