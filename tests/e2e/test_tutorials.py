"""Kubernetes' own tutorials, typed as they stand there (with manifests of ours in their shape)."""

from __future__ import annotations

import json
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


def answered(cluster: Platform, *words: str, says: str) -> None:
    """Asked until it does: without a readiness probe a server is ready before it listens, on any cluster."""
    eventually(lambda: says in cluster.kubectl(*words, check=False), f"{says!r} from {words}", 30)


def listening(cluster: Platform, selector: str, port: int) -> None:
    """Every one of these Pods accepts connections."""
    for pod in cluster.get("pods", "-l", selector)["items"]:
        asked(cluster, f"pods/{pod['metadata']['name']}:{port}/proxy/")


def asked(cluster: Platform, path: str) -> str:
    """The first answer that is the server's own."""
    path = f"/api/v1/namespaces/default/{path}"
    found: list[str] = []

    def reached() -> bool:
        found[:] = [cluster.kubectl("get", "--raw", path, check=False)]
        return "ServiceUnavailable" not in found[0]

    eventually(reached, f"a server behind {path}", 30)
    return found[0]


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
        answered(cluster, "exec", pod, "--", "curl", "-s", "http://localhost/", says=f"{pod}\n")
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
    listening(cluster, "app=hello", 80)
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


FRONT = """
apiVersion: v1
kind: ConfigMap
metadata: {name: front}
data:
  frontend.conf: |
    upstream Backend { server hello; }
    server {
      listen 80;
      location / { proxy_pass http://Backend; }
      location = /health { access_log off; return 200 "fine\\n"; }
    }
---
apiVersion: v1
kind: Service
metadata: {name: hello}
spec: {selector: {app: hello, tier: backend}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend}
spec:
  replicas: 2
  selector: {matchLabels: {app: hello, tier: backend}}
  template:
    metadata: {labels: {app: hello, tier: backend}}
    spec:
      containers:
      - name: hello
        image: us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0
        ports: [{name: http, containerPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: frontend, labels: {app: frontend}}
spec:
  volumes: [{name: conf, configMap: {name: front}}]
  containers:
  - name: nginx
    image: nginx:1.27-alpine
    volumeMounts: [{name: conf, mountPath: /etc/nginx/conf.d}]
    readinessProbe: {httpGet: {path: /health, port: 80}, periodSeconds: 1}
    lifecycle: {preStop: {exec: {command: ["/usr/sbin/nginx", "-s", "quit"]}}}
"""


def test_a_frontend_before_a_backend(cluster: Platform) -> None:
    """tasks/access-application-cluster/connecting-frontend-backend: nginx with a configuration of its own"""
    cluster.kubectl("apply", "-f", "-", text=FRONT)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/frontend", "--timeout=90s")
    cluster.kubectl("rollout", "status", "deployment/backend", "--timeout=90s")
    listening(cluster, "tier=backend", 8080)
    proxy = "/api/v1/namespaces/default/pods/frontend:80/proxy/"
    hosts = {cluster.kubectl("get", "--raw", proxy).split()[-1] for _ in range(12)}
    backends = cluster.get("pods", "-l", "tier=backend")["items"]
    assert hosts == {pod["metadata"]["name"] for pod in backends}
    assert "GET / HTTP/1.1" in cluster.kubectl("logs", "frontend")
    assert cluster.kubectl("exec", "frontend", "--", "nginx", "-t", check=False) == ""
    cluster.kubectl("delete", "pod,service,configmap", "frontend", "hello", "front", check=False)


def test_a_configuration_that_cannot_be_honoured_is_refused(cluster: Platform) -> None:
    cluster.kubectl("create", "configmap", "conf", "--from-literal=a.conf=server { fastcgi_pass x; }")
    spec = """{"spec": {"restartPolicy": "Never", "volumes": [{"name": "c", "configMap": {"name": "conf"}}],
      "containers": [{"name": "n", "image": "nginx", "volumeMounts":
      [{"name": "c", "mountPath": "/etc/nginx/conf.d"}]}]}}"""
    cluster.kubectl("run", "n", "--image=nginx", "--restart=Never", f"--overrides={spec}")
    eventually(lambda: cluster.get("pod", "n")["status"]["phase"] == "Failed", "its refusal")
    assert 'unknown directive "fastcgi_pass" in /etc/nginx/conf.d/a.conf:1' in cluster.kubectl("logs", "n")


def raw(cluster: Platform, path: str) -> str:
    return asked(cluster, f"services/{path}")


def test_hello_minikube(cluster: Platform) -> None:
    """tutorials/hello-minikube: agnhost's netexec"""
    image = "registry.k8s.io/e2e-test-images/agnhost:2.53"
    words = ("--", "/agnhost", "netexec", "--http-port=8080")
    cluster.kubectl("create", "deployment", "hello-node", f"--image={image}", *words)
    cluster.kubectl("rollout", "status", "deployment/hello-node", "--timeout=90s")
    cluster.kubectl("expose", "deployment", "hello-node", "--type=LoadBalancer", "--port=8080")
    (pod,) = cluster.get("pods", "-l", "app=hello-node")["items"]
    assert "Started HTTP server on port 8080" in cluster.kubectl("logs", "-l", "app=hello-node")
    assert raw(cluster, "hello-node:8080/proxy/").startswith("NOW: ")
    assert raw(cluster, "hello-node:8080/proxy/hostname") == pod["metadata"]["name"]
    assert raw(cluster, "hello-node:8080/proxy/echo?msg=there") == "there"
    assert "ran" in raw(cluster, "hello-node:8080/proxy/shell?cmd=echo%20ran")
    cluster.kubectl("delete", "service,deployment", "hello-node")


def test_kubernetes_basics(cluster: Platform) -> None:
    """tutorials/kubernetes-basics: explore, expose, scale, update, roll back"""
    cluster.kubectl(
        "create", "deployment", "bootcamp", "--image=gcr.io/google-samples/kubernetes-bootcamp:v1"
    )
    cluster.kubectl("rollout", "status", "deployment/bootcamp", "--timeout=90s")
    cluster.kubectl("expose", "deployment/bootcamp", "--type=NodePort", "--port", "8080")
    (pod,) = cluster.get("pods", "-l", "app=bootcamp")["items"]
    name = pod["metadata"]["name"]
    said = raw(cluster, "bootcamp:8080/proxy/")
    assert said == f"Hello Kubernetes bootcamp! | Running on: {name} | v=1\n"
    inside = cluster.kubectl("exec", name, "--", "curl", "-s", "http://localhost:8080")
    assert inside == said and "Total Requests: 2" in cluster.kubectl("logs", name)
    cluster.kubectl("scale", "deployments/bootcamp", "--replicas=2")
    cluster.kubectl(
        "set", "image", "deployments/bootcamp",
        "kubernetes-bootcamp=docker.io/jocatalin/kubernetes-bootcamp:v2",
    )
    cluster.kubectl("rollout", "status", "deployments/bootcamp", "--timeout=90s")
    eventually(lambda: raw(cluster, "bootcamp:8080/proxy/").endswith("v=2\n"), "the new version")
    cluster.kubectl("rollout", "undo", "deployments/bootcamp")
    cluster.kubectl("rollout", "status", "deployments/bootcamp", "--timeout=90s")
    cluster.kubectl("delete", "service,deployment", "bootcamp")


def test_a_liveness_probe_that_fails_restarts(cluster: Platform) -> None:
    """tasks/configure-pod-container/configure-liveness-readiness-startup-probes: pods/probe/http-liveness"""
    probe = {
        "httpGet": {"path": "/healthz", "port": 8080, "httpHeaders": [{"name": "X-Name", "value": "A"}]},
        "initialDelaySeconds": 3, "periodSeconds": 1, "failureThreshold": 1,
    }
    container = {
        "name": "liveness", "image": "registry.k8s.io/e2e-test-images/agnhost:2.40", "args": ["liveness"],
        "livenessProbe": probe,
    }
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "liveness-http"},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    }
    cluster.kubectl("apply", "-f", "-", text=json.dumps(pod))

    def restarted() -> bool:
        statuses = cluster.get("pod", "liveness-http")["status"].get("containerStatuses") or [{}]
        return statuses[0].get("restartCount", 0) > 0

    eventually(restarted, "its restart", 90)
    story = cluster.kubectl("describe", "pod", "liveness-http")
    assert "Liveness probe failed: HTTP probe failed with statuscode: 500" in story
    cluster.kubectl("delete", "pod", "liveness-http", "--wait=false")


@pytest.mark.parametrize(("image", "port", "path", "said"), [
    ("registry.k8s.io/hpa-example", 80, "", "OK!"),
    ("httpd:2.4", 80, "", "It works!"),
    ("gcr.io/google-samples/node-hello:1.0", 8080, "", "Hello Kubernetes!"),
    ("registry.k8s.io/e2e-test-images/echoserver:2.5", 8080, "a?b=c", "real path=/a?b=c"),
])
def test_programs_of_the_pages(cluster: Platform, image: str, port: int, path: str, said: str) -> None:
    name = image.rpartition("/")[2].partition(":")[0]
    cluster.kubectl("run", name, f"--image={image}", f"--port={port}", "--expose")
    cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=90s")
    proxy = f"/api/v1/namespaces/default/services/{name}:{port}/proxy/{path}"
    eventually(lambda: said in cluster.kubectl("get", "--raw", proxy, check=False), f"{image}'s words")
    cluster.kubectl("delete", "pod,service", name, "--wait=false")


SPORT = """
apiVersion: v1
kind: ConfigMap
metadata: {name: sport}
data: {sport: football, gone: soon}
---
apiVersion: v1
kind: Pod
metadata: {name: reporter}
spec:
  containers:
  - name: main
    image: alpine:3
    command: [sh, -c, "while true; do echo my preferred sport is $(cat /etc/config/sport); sleep 1; done"]
    env: [{name: AT_START, valueFrom: {configMapKeyRef: {name: sport, key: sport}}}]
    volumeMounts:
    - {name: config-volume, mountPath: /etc/config}
    - {name: config-volume, mountPath: /etc/single, subPath: sport}
  volumes: [{name: config-volume, configMap: {name: sport}}]
"""


def test_a_changed_config_map_is_seen_by_running_pods(cluster: Platform) -> None:
    """tutorials/configuration/updating-configuration-via-a-configmap"""
    cluster.kubectl("apply", "-f", "-", text=SPORT)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/reporter", "--timeout=90s")
    eventually(lambda: "my preferred sport is football" in cluster.kubectl("logs", "reporter"), "the first")
    change = '[{"op": "replace", "path": "/data", "value": {"sport": "cricket", "new": "file"}}]'
    cluster.kubectl("patch", "configmap", "sport", "--type=json", f"-p={change}")
    eventually(lambda: "my preferred sport is cricket" in cluster.kubectl("logs", "reporter"), "the second")
    inside = cluster.kubectl(
        "exec", "reporter", "--", "sh", "-c", "ls /etc/config; cat /etc/single; echo; echo $AT_START"
    )
    assert inside.split() == ["new", "sport", "football", "football"]
    cluster.kubectl("delete", "pod,configmap", "reporter", "sport", "--wait=false", check=False)


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
