# ruff: noqa: E501 - an attack reads best on one line
"""What belongs to one namespace stays there: by key, by digest, by forged annotations, by models, by claims."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.platform import eventually
from tests.security.site import CANARY, Obj, Site, outputs, said, shell, step


@pytest.fixture(scope="module")
def owned(site: Site) -> tuple[str, str]:
    """Another's namespace with an artifact; the artifact's digest, which an attacker may have learnt."""
    from blake3 import blake3

    namespace = site.namespace()
    write = step(
        f"echo {CANARY} > /out",
        outputs={"artifacts": [{"name": "a", "path": "/out", "s3": {"key": "models/mine"}}]},
    )
    done = site.workflow({"templates": [write]}, namespace)
    assert done["status"]["phase"] == "Succeeded"
    return namespace, blake3(f"{CANARY}\n".encode()).hexdigest()


def reading(key: str) -> Obj:
    inputs = {"artifacts": [{"name": "a", "path": "/in/a", "s3": {"key": key}}]}
    return {"templates": [step("find /in -type f | xargs cat", inputs=inputs)]}


KEYS = [
    "models/mine",
    "models",
    "../{n}/models/mine",
    "{n}/models/mine",
    "{w}/models/mine",
    "/{n}/models/mine",
]


@pytest.mark.parametrize("key", KEYS)
def test_an_artifact_cannot_be_read_by_its_key(site: Site, owned: tuple[str, str], key: str) -> None:
    namespace, digest = owned
    done = site.workflow(reading(key.format(n=namespace, w=f"{namespace}/{digest}")), site.namespace())
    assert done["status"]["phase"] in ("Error", "Failed")
    assert "nothing is stored" in said(done)
    assert CANARY not in site.logs_of(done)


def staging(digest: str) -> str:
    return json.dumps({"inputs": [{"name": "x", "path": "/in/a", "digest": digest}], "main": "main"})


def forged(digest: str) -> str:
    return json.dumps(
        {"parameters": {}, "artifacts": {"a": {"digest": digest, "size": 15, "directory": False}}}
    )


def test_a_pod_cannot_name_what_is_staged(site: Site, owned: tuple[str, str]) -> None:
    for digest in (owned[1], "../../../../../../../../etc/passwd", "/etc/passwd"):
        status, answer = site.try_pod(
            site.namespace(), {"containers": [shell("cat /in/a")]},
            annotations={"pinnace.dev/staging": staging(digest)},
        )  # fmt: skip
        assert status == 422, answer
        assert "metadata.annotations[pinnace.dev/staging]" in answer["message"]


@pytest.mark.parametrize("name", ["staging", "outputs", "socket-paths"])
def test_annotations_of_ours_cannot_be_written_or_taken_away(site: Site, name: str) -> None:
    namespace = site.namespace()
    pod = site.pod(namespace, {"containers": [shell("sleep 100")], "terminationGracePeriodSeconds": 0})
    path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}"
    patch = {"metadata": {"annotations": {f"pinnace.dev/{name}": "{}"}}}
    kinds = ["merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml"]
    for kind in kinds:
        for target in (path, f"{path}/status"):
            document = {"apiVersion": "v1", "kind": "Pod", **patch} if kind.startswith("apply") else patch
            query = "?fieldManager=x&force=true" if kind.startswith("apply") else ""
            headers = {"Content-Type": f"application/{kind}"}
            status, answer = site.http("PATCH", target + query, document, headers)
            assert status == 422, (kind, target, answer)
    site.http("DELETE", path)


def template_forms(annotations: dict[str, str], namespace: str) -> dict[str, Obj]:
    """Every document from which a controller makes pods."""
    spec = {"containers": [shell("cat /in/a; true")], "restartPolicy": "Never"}
    metadata = {"annotations": annotations}
    out = {"artifacts": [{"name": "a", "path": "/nothing", "optional": True, "s3": {"key": "got"}}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "r-", **metadata}, "spec": spec}
    (key,) = annotations
    return {
        "template": {"templates": [step("cat /in/a; true", metadata=metadata, outputs=out)]},
        "pod metadata": {"podMetadata": metadata, "templates": [step("cat /in/a; true", outputs=out)]},
        "defaults": {"templateDefaults": {"metadata": metadata}, "templates": [step("cat /in/a", outputs=out)]},
        "rendered": {
            "arguments": {"parameters": [{"name": "k", "value": key}]},
            "templates": [
                step(
                    "cat /in/a; true", outputs=out,
                    metadata={"annotations": {"{{workflow.parameters.k}}": annotations[key]}},
                ),
            ],
        },
        "resource": {
            "templates": [
                {"name": "main", "resource": {
                    "action": "create", "manifest": json.dumps(pod),
                    "successCondition": "status.phase == Succeeded", "failureCondition": "status.phase == Failed",
                }},
            ],
        },
    }  # fmt: skip


@pytest.mark.parametrize("form", ["template", "pod metadata", "defaults", "rendered", "resource"])
@pytest.mark.parametrize("name", ["staging", "outputs"])
def test_no_template_can_bring_them_along(site: Site, owned: tuple[str, str], form: str, name: str) -> None:
    namespace = site.namespace()
    text = staging(owned[1]) if name == "staging" else forged(owned[1])
    spec = template_forms({f"pinnace.dev/{name}": text}, namespace)[form]
    done = site.workflow(spec, namespace)
    assert CANARY not in site.logs_of(done)
    assert owned[1] not in outputs(done)
    again = site.workflow(reading("got"), namespace)
    assert CANARY not in site.logs_of(again)
    pods = site.ask("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
    assert not [pod for pod in pods if owned[1] in json.dumps(pod["metadata"].get("annotations"))]


def test_no_job_can_bring_them_along(site: Site, owned: tuple[str, str]) -> None:
    namespace = site.namespace()
    template: dict[str, Any] = {
        "metadata": {"annotations": {"pinnace.dev/staging": staging(owned[1])}},
        "spec": {"containers": [shell("cat /in/a; true")], "restartPolicy": "Never"},
    }
    job = {"metadata": {"name": "j"}, "spec": {"template": template, "backoffLimit": 0}}
    status, _ = site.http("POST", f"/apis/batch/v1/namespaces/{namespace}/jobs", job)
    if status >= 400:
        return
    pods = eventually(
        lambda: site.ask("GET", f"/api/v1/namespaces/{namespace}/pods")["items"], "the job's pod"
    )
    assert CANARY not in site.log(site.ended(pods[0]))


def test_a_claim_made_anew_has_nothing_of_the_old_one(site: Site) -> None:
    namespace = site.namespace()
    path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    claim = {"metadata": {"name": "data"},
             "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}}  # fmt: skip
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    mounts = [{"name": "v", "mountPath": "/v"}]
    site.ask("POST", path, claim)
    pod = site.pod(
        namespace, {"containers": [shell(f"echo {CANARY} > /v/f", volumeMounts=mounts)], "volumes": volumes}
    )
    site.ended(pod)
    site.ask("DELETE", f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}")
    site.ask("DELETE", f"{path}/data")
    eventually(lambda: site.http("GET", f"{path}/data")[0] == 404, "the claim's end")
    site.ask("POST", path, claim)
    spec = {"containers": [shell("cat /v/f; ls -la /v", volumeMounts=mounts)], "volumes": volumes}
    assert CANARY not in site.log(site.ended(site.pod(namespace, spec)))


def test_a_workflow_reads_no_other_namespaces_config(site: Site, owned: tuple[str, str]) -> None:
    """Secrets, ConfigMaps and claims are looked up in the pod's own namespace only."""
    namespace, _ = owned
    site.http("POST", f"/api/v1/namespaces/{namespace}/secrets",
              {"metadata": {"name": "s"}, "stringData": {"k": CANARY}})  # fmt: skip
    for name in ("s", f"{namespace}/s", f"../{namespace}/s"):
        env = [{"name": "X", "valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}}]
        status, pod = site.try_pod(site.namespace(), {"containers": [shell("echo $X", env=env)]})
        assert status >= 400 or "not found" in site.blocked(pod)
