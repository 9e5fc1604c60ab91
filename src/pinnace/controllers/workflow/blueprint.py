"""A template's Pod, compiled once: a node pays for its dynamic leaves only.

Caller: `pods`, with the first node of a template. Source: upstream workflow/controller/workflowpod.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from pinnace.controllers.built_in import POD
from pinnace.controllers.workflow import container_set, locations
from pinnace.controllers.workflow.locations import OWN, Depot
from pinnace.controllers.workflow.status import NODE_ID
from pinnace.controllers.workflow.tags import Render, compile_tree, texts
from pinnace.controllers.workflow.transfers import LOG_FILE, LOGS
from pinnace.kinds.annotations import ISOLATION, NETWORK
from pinnace.kinds.argo import Spec, Template, text
from pinnace.kinds.resource import Obj
from pinnace.objects.admission import completed
from pinnace.objects.document import clone

if TYPE_CHECKING:
    from pinnace.controllers.workflow.template import Program

EXECUTOR_IMAGE = "quay.io/argoproj/argoexec:latest"
NO_DEADLINE = "0001-01-01T00:00:00Z"
_STAGED = ("script", "outputs", "set")


class Blueprint:
    """A template's Pod: everything static is shared by all Pods made from it, defaults and first status too
    unless they depend on what only a node knows (then `status` is None)."""

    __slots__ = (
        "document",
        "render",
        "render_spec",
        "shared_staging",
        "shares_staging",
        "special",
        "status",
        "uses_own",
    )

    def __init__(self, document: Obj) -> None:
        self.document = document
        self.status: Obj | None = None
        if not document["patches"] and not _undecided(document["spec"]):
            made = completed(POD, {"spec": clone(document["spec"])})
            document["spec"], self.status = made["spec"], made["status"]
        self.special = bool(document["patches"]) or "activeDeadlineSeconds" in document["spec"]
        """The spec needs more than rendering."""
        self.render_spec: Render | None = compile_tree(document["spec"])
        self.render: Render | None = compile_tree({**document, "spec": None})
        """What is beside the spec: a template's arguments are seldom in its labels."""
        self.uses_own = any(
            name in found for found in texts(document) for name in ("pod.name", "node.", "outputs.")
        )
        self.shares_staging = compile_tree([document[key] for key in _STAGED]) is None
        self.shared_staging: dict[bool, str] = {}


def blueprint(program: Program, spec: Spec, workflow: str, isolation: str, depot: Depot = OWN) -> Blueprint:
    template = program.template
    document = pod_document(template, spec, workflow, isolation)
    logs = locations.keeps_logs(depot, spec, template)
    if logs:
        document["outputs"]["logs"] = True
    asked = any(map(locations.kind_of, template.outputs.artifacts))
    if asked or logs or depot.kind or template.archive_location:
        taken = [item for item in template.outputs.artifacts if item.get("path")]
        document["sends"] = sends(taken, depot, template, logs)
    return Blueprint(document)


def pod_document(template: Template, spec: Spec, workflow: str, isolation: str) -> Obj:
    """What a template says of its pod, its tags still in it."""
    main, script = _main(template)
    several = container_set.containers(template)
    document: Obj = {
        "spec": _pod_spec(template, spec, workflow, several or [{**main, "name": "main"}]),
        "labels": {**meta_of(spec.pod_metadata, "labels"), **meta_of(template.metadata, "labels")},
        "annotations": {
            **meta_of(spec.pod_metadata, "annotations"), **meta_of(template.metadata, "annotations"),
        },
        "script": script,
        "outputs": _declared(template),
        "sends": [],
        "set": container_set.staged(template) if several else None,
        "progress": any("ARGO_PROGRESS_FILE" in found for found in _strings([main, several, script])),
        "patches": [patch for patch in (spec.pod_spec_patch, template.pod_spec_patch) if patch],
    }
    if isolation:
        document["annotations"].setdefault(ISOLATION, isolation)
    if template.daemon or template.sidecars:  # they listen, declared or not
        document["annotations"].setdefault(NETWORK, "own")
    return document


def _undecided(spec: Obj) -> bool:
    """Whether something that defaults and the quality of service depend on is not known before a node is."""
    containers = [*spec["containers"], *(spec.get("initContainers") or [])]
    decides = [[item.get("image"), item.get("resources")] for item in containers]
    return compile_tree([decides, spec.get("serviceAccountName")]) is not None


def meta_of(metadata: Obj | None, key: str) -> dict[str, str]:
    return dict((metadata or {}).get(key) or {})


def _main(template: Template) -> tuple[Obj, str | None]:
    if template.script is not None:
        main = {key: value for key, value in template.script.items() if key != "source"}
        return main, str(template.script.get("source") or "")
    return dict(template.container or {}), None


def _pod_spec(template: Template, spec: Spec, workflow: str, mains: list[Obj]) -> Obj:
    mains = [
        {**main, "env": [*(main.get("env") or []), *_environment(str(main["name"]))]} for main in mains
    ]
    sidecars = [_extra(item, mains[0]) for item in template.sidecars or []]
    inits = [_extra(item, mains[0]) for item in template.init_containers or []]
    made: Obj = {"restartPolicy": "Never", "containers": [*mains, *sidecars]}
    if inits:
        made["initContainers"] = inits
    volumes = _volumes(template, spec, workflow, [*mains, *sidecars, *inits])
    if volumes:
        made["volumes"] = volumes
    if template.active_deadline_seconds is not None:
        made["activeDeadlineSeconds"] = template.active_deadline_seconds
    made.update(_placement(template, spec))
    return made


def _extra(container: Obj, main: Obj) -> Obj:
    made = {key: value for key, value in container.items() if key != "mirrorVolumeMounts"}
    if container.get("mirrorVolumeMounts"):
        made["volumeMounts"] = [*(made.get("volumeMounts") or []), *(main.get("volumeMounts") or [])]
    return made


def _strings(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for part in document.values() if isinstance(document, dict) else document:
            yield from _strings(part)


def _environment(container: str) -> list[Obj]:
    """Nothing here differs between nodes, so a template without tags is one shared document for all its
    pods."""
    return [
        {"name": "ARGO_CONTAINER_NAME", "value": container},
        {
            "name": "ARGO_NODE_ID",
            "valueFrom": {"fieldRef": {"fieldPath": f"metadata.annotations['{NODE_ID}']"}},
        },
        {"name": "ARGO_DEADLINE", "value": NO_DEADLINE},
        {"name": "ARGO_PROGRESS_FILE", "value": "/var/run/argo/progress"},
    ]


def _volumes(template: Template, spec: Spec, workflow: str, containers: list[Obj]) -> list[Obj]:
    """Those of the workflow that a container mounts, and the template's own."""
    mounted = {mount.get("name") for item in containers for mount in item.get("volumeMounts") or []}
    claims = [
        {"name": name, "persistentVolumeClaim": {"claimName": f"{workflow}-{name}"}}
        for claim in spec.volume_claim_templates or []
        if (name := (claim.get("metadata") or {}).get("name"))
    ]
    shared = [volume for volume in [*(spec.volumes or []), *claims] if volume.get("name") in mounted]
    own = {volume.get("name") for volume in template.volumes or []}
    return [*(volume for volume in shared if volume.get("name") not in own), *(template.volumes or [])]


def _placement(template: Template, spec: Spec) -> Obj:
    found: Obj = {
        "serviceAccountName": template.service_account_name or spec.service_account_name,
        "nodeSelector": template.node_selector or spec.node_selector,
        "affinity": template.affinity or spec.affinity,
        "tolerations": template.tolerations or spec.tolerations,
        "imagePullSecrets": spec.image_pull_secrets,
        "hostNetwork": spec.host_network,
        "dnsPolicy": spec.dns_policy,
        "dnsConfig": spec.dns_config,
        "hostAliases": template.host_aliases or spec.host_aliases,
        "schedulerName": template.scheduler_name or spec.scheduler_name,
        "priorityClassName": template.priority_class_name or spec.pod_priority_class_name,
        "securityContext": template.security_context or spec.security_context,
        "resources": template.pod_resources or spec.pod_resources,
    }
    automount = template.automount_service_account_token
    found["automountServiceAccountToken"] = (
        spec.automount_service_account_token if automount is None else automount
    )
    return {key: value for key, value in found.items() if value not in (None, "", [])}


def _declared(template: Template) -> Obj:
    parameters = []
    for parameter in template.outputs.parameters:
        origin = parameter.value_from
        if origin is None or not origin.path:
            continue
        item: Obj = {"name": parameter.name, "path": origin.path}
        if origin.default is not UNSET:
            item["default"] = text(origin.default)
        parameters.append(item)
    artifacts = []
    for artifact in template.outputs.artifacts:
        if artifact.get("path"):
            keep = ("name", "path", "optional", "archive")
            item = {key: artifact[key] for key in keep if artifact.get(key) is not None}
            if isinstance(item.get("archive"), dict):
                item["archive"] = next(iter(item["archive"]), "")
            artifacts.append(item)
    return {"parameters": parameters, "artifacts": artifacts}


def sends(artifacts: list[Obj], depot: Depot, template: Template, logs: bool) -> list[Obj]:
    """The documents of those outputs that do not stay, and of the log; their tags still in them."""
    wanted = [*artifacts, *([{"name": LOGS, "file": LOG_FILE, "archive": {"none": {}}}] if logs else [])]
    targets = ((item, locations.target(item, depot, template, locations.KEY_FORMAT)) for item in wanted)
    return [item for item, location in targets if locations.place_of(location, depot) is not None]
