"""A blueprint put to work: a Deployment and Service for each container, and the orchestrator before them.

The orchestrator is a program of ours (`runtimes/orchestrator`) that reads the blueprint and the addresses
from a ConfigMap; it speaks the paths of Acumos' Model Connector. As an InferenceService it is asked through
the gateway, and inside of the cluster as Acumos' deployer names it: `modelconnector:8555` (kubernetes-client,
solution.yaml). Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from pinnace.authoring.blueprint import plan
from pinnace.authoring.blueprint.solution import JOINTS, Node, Obj, Solution, Unreadable
from pinnace.runtimes import composition

IMAGE = "pinnace/modelconnector"
"""An environment stands for it (`environments_shipped`); `pinnace export --build` makes an image of it."""
LISTENS = 3330
"""Port of a container: acumos_model_runner's own."""
ORIGINAL = "pinnace.dev/blueprint"
"""Annotation of what was made of a blueprint: the document itself, so that it leads back without loss."""
PART = "app.kubernetes.io/part-of"
_OTHER = re.compile(r"[^a-z0-9-]+")


def label(text: str) -> str:
    """A DNS label of any name.

    >>> label("My DataBroker_1")
    'my-databroker-1'
    """
    made = _OTHER.sub("-", text.lower()).strip("-")
    made = made if made[:1].isalpha() else f"m-{made}".rstrip("-")
    return made[:50].rstrip("-")


def names(solution: Solution) -> dict[str, str]:
    """Node → the name of its objects, no two alike."""
    found: dict[str, str] = {}
    for node in solution.nodes:
        base = candidate = label(node.id)
        number = 2
        while candidate in found.values():
            candidate, number = f"{base}-{number}", number + 1
        found[node.id] = candidate
    return found


def addresses(solution: Solution, given: Mapping[str, str]) -> dict[str, str]:
    """Container → `host:port`: as given, else its Service's. Unreadable: one that the blueprint has not."""
    known = names(solution)
    for name in given:
        if name not in known:
            raise Unreadable(f"addresses.{name}: the blueprint has no such container: {', '.join(known)}")
    return {
        node.id: given.get(node.id) or f"{known[node.id]}:{LISTENS}"
        for node in plan.served(solution) if node.image or node.id in given or not node.maps.get("data_map")
    }


def documents(
    solution: Solution, original: Obj | None = None, given: Mapping[str, str] | None = None
) -> list[Obj]:
    """All that is to be applied. Containers whose address is given run elsewhere already. Unreadable: one
    has neither image nor address, or the orchestrator would not take the blueprint."""
    given = given or {}
    found = addresses(solution, given)
    written = plan.write(solution, original)
    _check(written)
    known, name = names(solution), label(solution.name or "composition")
    made = containers(solution, given)
    settings = f"{name}-blueprint"
    files = {
        "blueprint.json": json.dumps(written, indent=2),
        "dockerinfo.json": json.dumps(plan.dockerinfo(found), indent=2),
    }
    made.append({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": settings, "labels": {PART: name}},
        "data": files,
    })
    return [*made, *connector(name, settings, taken=set(known.values()))]


def orchestrator(name: str) -> str:
    """Its endpoint's: the composition's own is left to the graph that it may become, too. Short enough for
    the names of its revisions.

    >>> orchestrator("square-and-add")
    'square-and-add-orchestrator'
    """
    return f"{name[:24].rstrip('-')}-orchestrator"


def connector(name: str, settings: str, *, taken: set[str]) -> list[Obj]:
    """One, always: what was put to it (`PUT /putBlueprint`) is its own, and a DataBroker's flow goes on while
    nobody asks."""
    folder, volume = "/etc/acumos", "blueprint"
    port = int(plan.PORT)
    container: Obj = {
        "name": "kserve-container", "image": IMAGE,
        "args": ["--blueprint", f"{folder}/blueprint.json", "--dockerinfo", f"{folder}/dockerinfo.json"],
        "ports": [{"name": "http1", "containerPort": port, "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": "/status", "port": port}, "periodSeconds": 1},
        "volumeMounts": [{"name": volume, "mountPath": folder, "readOnly": True}],
    }
    predictor = {
        "minReplicas": 1, "maxReplicas": 1, "containers": [container],
        "volumes": [{"name": volume, "configMap": {"name": settings}}],
    }
    inside = f"{name}-{plan.CONNECTOR}" if plan.CONNECTOR in taken else plan.CONNECTOR
    labels, outside = {PART: name}, orchestrator(name)
    return [
        {
            "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
            "metadata": {"name": outside, "labels": labels}, "spec": {"predictor": predictor},
        },
        {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": inside, "labels": labels},
            "spec": {
                "selector": {"serving.kserve.io/inferenceservice": outside},
                "ports": [{"name": "http", "port": port, "targetPort": port}],
            },
        },
    ]


def _check(written: Obj) -> None:
    try:
        read = composition.read(written)
    except composition.NoBlueprint as problem:
        raise Unreadable(str(problem)) from None
    for _, target in read.links():
        if not target.operation and read.nodes[target.node].kind not in JOINTS:
            raise Unreadable(f"nodes.{target.node}: it is not said by which operation it is asked")


def containers(solution: Solution, given: Mapping[str, str]) -> list[Obj]:
    """Deployment and Service of each container that runs nowhere yet."""
    known, name = names(solution), label(solution.name or "composition")
    made: list[Obj] = []
    for node in plan.served(solution):
        if node.id in given or (not node.image and node.maps.get("data_map")):
            continue
        made += served(known[node.id], name, image(node), LISTENS)
    return made


def image(node: Node) -> str:
    """As a registry names it: Acumos writes the scheme before it. Unreadable: the node has none."""
    found = re.sub(r"^https?://", "", node.image)
    if not found:
        where = f"nodes.{node.id}.image"
        raise Unreadable(f"{where}: a container needs an image, or an address in `addresses` where it runs")
    return found


def served(name: str, part: str, picture: str, port: int) -> list[Obj]:
    labels = {"app.kubernetes.io/name": name, PART: part}
    container: Obj = {
        "name": "main", "image": picture, "ports": [{"containerPort": port}],
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
    }
    pod: Obj = {"containers": [container]}
    selector = {"app.kubernetes.io/name": name}
    return [
        {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels},
            "spec": {
                "replicas": 1, "selector": {"matchLabels": selector},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": labels},
            "spec": {"selector": selector, "ports": [{"name": "http", "port": port, "targetPort": port}]},
        },
    ]
