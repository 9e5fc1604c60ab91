"""From a template to a Pod. The manifest is compiled once a template; a node pays for its dynamic leaves
only.

Callers: `leaves` (manifest when a node starts, outputs when its pod ended). Source: upstream
workflow/controller/workflowpod.go. What must be staged and collected stands in the annotation
`pinnace.dev/staging`; `controllers/pods` reads it and answers with `pinnace.dev/outputs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.controllers.built_in import POD
from pinnace.controllers.workflow import components, container_set, locations
from pinnace.controllers.workflow.facts import Fact
from pinnace.controllers.workflow.locations import OWN, Depot, Place
from pinnace.controllers.workflow.patch import Misfit, patched
from pinnace.controllers.workflow.scope import Scope
from pinnace.controllers.workflow.status import NODE_ID, Report
from pinnace.controllers.workflow.tags import Render, Text, compile_tree, texts
from pinnace.kinds import reserved
from pinnace.kinds.annotations import ISOLATION, PRIORITY, STAGING, TRANSFERS
from pinnace.kinds.argo import DOMAIN, Parameter, Spec, Template, text
from pinnace.kinds.document import from_yaml
from pinnace.kinds.resource import Obj
from pinnace.objects.admission import completed
from pinnace.objects.document import clone

if TYPE_CHECKING:
    from pinnace.controllers.workflow.inputs import Inputs
    from pinnace.controllers.workflow.leaves import Leaf, Pod
    from pinnace.controllers.workflow.template import Program

STANDING = "control"
EXECUTOR_IMAGE = "quay.io/argoproj/argoexec:latest"
NO_DEADLINE = "0001-01-01T00:00:00Z"
LOGS, LOG_FILE = "main-logs", "main.log"
"""What upstream calls the artifact that a kept log is, and its file."""


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
        "labels": {**_meta(spec.pod_metadata, "labels"), **_meta(template.metadata, "labels")},
        "annotations": {**_meta(spec.pod_metadata, "annotations"), **_meta(template.metadata, "annotations")},
        "script": script,
        "outputs": _declared(template),
        "sends": [],
        "set": container_set.staged(template) if several else None,
        "progress": any("ARGO_PROGRESS_FILE" in found for found in _strings([main, several, script])),
        "patches": [patch for patch in (spec.pod_spec_patch, template.pod_spec_patch) if patch],
    }
    if isolation:
        document["annotations"].setdefault(ISOLATION, isolation)
    return document


def _undecided(spec: Obj) -> bool:
    """Whether something that defaults and the quality of service depend on is not known before a node is."""
    containers = [*spec["containers"], *(spec.get("initContainers") or [])]
    decides = [[item.get("image"), item.get("resources")] for item in containers]
    return compile_tree([decides, spec.get("serviceAccountName")]) is not None


def _meta(metadata: Obj | None, key: str) -> dict[str, str]:
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


def manifest(frame: Pod) -> Obj:
    """The Pod of a node that starts now. Raises what rendering raises."""
    run, program = frame.run, frame.program
    assert program is not None
    if program.component is not None:
        return components.manifest(frame, partial(_of_component, frame))
    plan: Blueprint | None = program.blueprint
    if plan is None:
        plan = program.blueprint = blueprint(program, run.spec, run.name, run.isolation, run.depot)
    document, spec = plan.document, plan.document["spec"]
    if plan.render is not None or plan.render_spec is not None:
        scope = _scope(frame, plan)
        document = document if plan.render is None else plan.render(scope)
        spec = spec if plan.render_spec is None else plan.render_spec(scope)
    if plan.special:
        spec = _special(spec, document["patches"])
    pod = _pod(frame, document, spec, _staging(frame, plan, document))
    if plan.status is not None:
        pod["status"] = plan.status
    return pod


def _of_component(frame: Pod, template: Template, staged: Obj) -> Obj:
    """Nothing in it is a tag: users' programs may hold what looks like one."""
    run = frame.run
    document = pod_document(template, run.spec, run.name, run.isolation)
    return _pod(frame, document, document["spec"], _encode(frame, {**document, **staged}, False))


def _pod(frame: Pod, document: Obj, spec: Obj, staging: str) -> Obj:
    run, node = frame.run, frame.node
    annotations = {
        NODE_ID: node.id,
        "workflows.argoproj.io/node-name": node.name,
        "kubectl.kubernetes.io/default-container": "main",
        STAGING: staging,
    }
    if document["sends"] or frame.inputs.artifacts:
        transfers = transferred(frame, document["sends"])
        if transfers:
            annotations[TRANSFERS] = transfers
    if run.spec.priority:
        annotations[PRIORITY] = str(run.spec.priority)
    if document["annotations"]:
        annotations |= reserved.without(document["annotations"])
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": frame.name,
            "namespace": run.namespace,
            "labels": {**document["labels"], **run.pod_labels} if document["labels"] else run.pod_labels,
            "annotations": annotations,
            "ownerReferences": run.owner_references,
        },
        "spec": spec,
    }


def standing(frame: Leaf) -> Obj:
    """The Pod of a resource action: labelled and named as any, run by control itself, so on no node that the
    scheduler knows. Its status is the action's (`stood`)."""
    run, program = frame.run, frame.program
    assert program is not None
    template = program.template
    document: Obj = {
        "labels": {**_meta(run.spec.pod_metadata, "labels"), **_meta(template.metadata, "labels")},
        "annotations": _meta(template.metadata, "annotations"),
    }
    command = ["argoexec", "resource", template.resource.action if template.resource else ""]
    spec: Obj = {
        "restartPolicy": "Never",
        "nodeName": STANDING,
        "terminationGracePeriodSeconds": 0,
        "serviceAccountName": template.service_account_name or run.spec.service_account_name or "default",
        "containers": [{"name": "main", "image": EXECUTOR_IMAGE, "command": command}],
    }
    scope = frame.scope()
    render = compile_tree(document)
    shown: Obj = document if render is None else render(scope)
    own = {NODE_ID: frame.node.id, "workflows.argoproj.io/node-name": frame.node.name}
    meta = {
        "name": run.pod_name(frame),
        "namespace": run.namespace,
        "labels": {**shown["labels"], **run.pod_labels},
        "annotations": {**own, **reserved.without(shown["annotations"])},
        "ownerReferences": run.owner_references,
    }
    made = completed(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    made["status"] = {
        **(made.get("status") or {}),
        "phase": "Running",
        "startTime": run.stamp(),
        "containerStatuses": [_stood_state({"running": {"startedAt": run.stamp()}})],
    }
    return made


def stood(pod: Obj, phase: str, message: str, now: str) -> Obj:
    """The same at the action's end."""
    good = phase == "Succeeded"
    ended = {"exitCode": 0 if good else 1, "reason": "Completed" if good else "Error", "finishedAt": now}
    status = {
        **(pod.get("status") or {}),
        "phase": "Succeeded" if good else "Failed",
        "containerStatuses": [_stood_state({"terminated": ended})],
    }
    if message:
        status["message"] = message
    return {**pod, "status": status}


def _stood_state(state: Obj) -> Obj:
    image = {"image": EXECUTOR_IMAGE, "imageID": ""}
    return {"name": "main", "ready": "running" in state, "restartCount": 0, "state": state, **image}


def _special(spec: Obj, patches: list[str]) -> Obj:
    """The spec of a pod with a deadline, which may have been a tag, or with patches."""
    if "activeDeadlineSeconds" in spec:
        seconds = _whole(spec["activeDeadlineSeconds"], "activeDeadlineSeconds")
        spec = {**spec, "activeDeadlineSeconds": seconds}
    if patches:
        try:
            spec = patched(spec, [_parsed(patch) for patch in patches])
        except Misfit as misfit:
            raise ExpressionError(str(misfit)) from None
    return spec


def _scope(frame: Pod, plan: Blueprint) -> Scope:
    program, node, run = frame.program, frame.node, frame.run
    assert program is not None
    extra: dict[str, str] | None = None
    if plan.uses_own:
        extra = {"node.name": node.name, "pod.name": frame.name}
        extra |= _paths(program.template, Scope(run.globals, frame.inputs.parameters, frame.inputs.artifacts))
    if frame.call.retry:
        extra = {**(extra or {}), **frame.call.retry}
    return Scope(
        run.globals, frame.inputs.parameters, frame.inputs.artifacts, item=frame.call.item, extra=extra
    )


def _paths(template: Template, scope: Scope) -> dict[str, str]:
    """`outputs.….path`: a path may name the template's own inputs."""
    found = {
        f"outputs.parameters.{parameter.name}.path": parameter.value_from.path
        for parameter in template.outputs.parameters
        if parameter.value_from is not None and parameter.value_from.path
    }
    for artifact in template.outputs.artifacts:
        if artifact.get("path"):
            found[f"outputs.artifacts.{artifact.get('name')}.path"] = artifact["path"]
    return {name: Text.of(path).render(scope) if "{{" in path else path for name, path in found.items()}


def _whole(value: Any, field: str) -> int:
    try:
        return int(text(value))
    except ValueError:
        raise ExpressionError(f"{field} is not a whole number: {text(value)!r}") from None


def _parsed(patch: str) -> Obj:
    import yaml

    try:
        found = from_yaml(patch)
    except yaml.YAMLError as error:
        raise ExpressionError(f"podSpecPatch is neither JSON nor YAML: {error}") from None
    if not isinstance(found, dict):
        raise ExpressionError("podSpecPatch is not a map of Pod spec fields")
    return found


def _staging(frame: Pod, plan: Blueprint, document: Obj) -> str:
    wanted = frame.run.wants_result(frame)
    if plan.shares_staging and not frame.inputs.artifacts:
        shared = plan.shared_staging.get(wanted)
        if shared is None:
            shared = plan.shared_staging[wanted] = _encode(frame, document, wanted)
        return shared
    return _encode(frame, document, wanted)


def _encode(frame: Pod, document: Obj, result: bool) -> str:
    made: Obj = {
        "inputs": [
            staged
            for item in frame.inputs.artifacts.values()
            if item.get("path") and (staged := _staged(frame, item)) is not None
        ],
        "outputs": {"result": result, **document["outputs"]},
        "main": "main",
    }
    if document.get("set"):
        made["main"], made["set"] = "", container_set.settled(document["set"])
    for key in ("script", "folders", "requirements", "progress"):
        if document.get(key):
            made[key] = document[key]
    return msgspec.json.encode(made).decode()


def _staged(frame: Pod, artifact: Obj) -> Obj | None:
    """None: it lies elsewhere (`_transferred`), or is an optional one that nobody made."""
    made: Obj = {key: artifact[key] for key in ("name", "path", "mode") if artifact.get(key) is not None}
    if artifact.get("recurseMode"):
        made["recurse"] = True
    if artifact.get("raw") is not None:
        made["raw"] = text(artifact["raw"].get("data", ""))
        return made
    if not locations.own_key(artifact, _depot(frame)):
        return None
    found = frame.run.facts.ask(where(artifact))
    return None if found is None else {**made, "digest": found["digest"]}


def outputs(frame: Pod, report: Report) -> Obj | None:
    """The node's outputs of what was collected; artifacts are remembered by their keys."""
    program = frame.program
    assert program is not None
    if program.component is not None:
        return components.outputs(frame, report)
    collected = report.outputs or {}
    made: Obj = {}
    declared = program.template.outputs
    if declared.parameters or declared.artifacts:
        scope = frame.scope()
        parameters = _collected(declared.parameters, collected.get("parameters") or {}, scope)
        artifacts = [
            found
            for document in declared.artifacts
            if (found := _kept(frame, document, collected.get("artifacts") or {}, scope)) is not None
        ]
        if parameters:
            made["parameters"] = parameters
        if artifacts:
            made["artifacts"] = artifacts
    if LOGS in (collected.get("artifacts") or ()):
        made["artifacts"] = [*(made.get("artifacts") or ()), _log(frame, collected["artifacts"][LOGS])]
    if collected.get("result") is not None:
        made["result"] = collected["result"]
    if report.exit_code is not None:
        made["exitCode"] = report.exit_code
    return made or None


def _log(frame: Pod, found: Obj) -> Obj:
    """The main container's log as an artifact; upstream's calls it so."""
    run = frame.run
    assert frame.program is not None
    document = {"name": LOG_FILE, "archive": {"none": {}}}
    location = locations.target(document, run.depot, frame.program.template, key_prefix(frame))
    if key := locations.own_key(location, run.depot):
        run.keep_artifact(key, {**found, "own": True})
    return {"name": LOGS, **location}


def sends(artifacts: list[Obj], depot: Depot, template: Template, logs: bool) -> list[Obj]:
    """The documents of those outputs that do not stay, and of the log; their tags still in them."""
    wanted = [*artifacts, *([{"name": LOGS, "file": LOG_FILE, "archive": {"none": {}}}] if logs else [])]
    targets = ((item, locations.target(item, depot, template, locations.KEY_FORMAT)) for item in wanted)
    return [item for item, location in targets if locations.place_of(location, depot) is not None]


def key_prefix(frame: Pod) -> str:
    """Where in the default repository this pod's artifacts lie."""
    form = frame.run.depot.key_format
    if form == locations.KEY_FORMAT:
        return f"{frame.run.name}/{frame.name}"
    return str(Text.of(form).render(frame.scope()))


def transferred(frame: Pod, wanted: list[Obj]) -> str:
    """The annotation `pinnace.dev/transfers`; '' if everything is here. `wanted` is rendered."""
    run = frame.run
    fetched = [
        _fetched(item, place)
        for item in frame.inputs.artifacts.values()
        if item.get("path")
        and (place := locations.place_of(locations.inside(item, item.get("subPath") or ""), _depot(frame)))
    ]
    made: Obj = {"inputs": fetched, "outputs": {}}
    for item in wanted:
        assert frame.program is not None
        document = {**item, "name": item.get("file") or item["name"]}
        location = locations.target(document, run.depot, frame.program.template, key_prefix(frame))
        place = locations.place_of(location, run.depot)
        assert place is not None
        archive, level = locations.archive_of(item)
        shown = {"kind": place.kind, "where": place.where, "archive": archive, "level": level}
        if item["name"] == LOGS:
            made["logs"] = shown
        else:
            made["outputs"][item["name"]] = shown
    return msgspec.json.encode(made).decode() if fetched or wanted else ""


def _depot(frame: Pod) -> Depot:
    """Pipelines keep what they make in the platform's own store: their URIs say so."""
    assert frame.program is not None
    return frame.run.depot if frame.program.component is None else OWN


def _fetched(artifact: Obj, place: Place) -> Obj:
    made: Obj = {key: artifact[key] for key in ("name", "path", "mode") if artifact.get(key) is not None}
    made["place"] = {"kind": place.kind, "where": place.where, "archive": locations.unpacking(artifact)}
    if artifact.get("recurseMode"):
        made["recurse"] = True
    if artifact.get("optional"):
        made["optional"] = True
    return made


def _collected(declared: list[Parameter], values: dict[str, str], scope: Scope) -> list[Obj]:
    found: list[Obj] = []
    for parameter in declared:
        value = values.get(parameter.name)
        if value is None:
            continue
        item: Obj = {"name": parameter.name, "value": value}
        if parameter.global_name:
            item["globalName"] = Text.of(parameter.global_name).render(scope)
        if parameter.value_from is not None:
            item["valueFrom"] = {"path": Text.of(parameter.value_from.path).render(scope)}
        found.append(item)
    return found


def _kept(frame: Pod, declared: Obj, collected: Obj, scope: Scope) -> Obj | None:
    name = str(declared.get("name", ""))
    found = collected.get(name)
    if found is None:
        return None
    render = compile_tree(declared)
    shown: Obj = render(scope) if render is not None else declared
    run = frame.run
    assert frame.program is not None
    location = locations.target(shown, run.depot, frame.program.template, key_prefix(frame))
    item: Obj = {"name": name, "path": shown.get("path", ""), **location}
    if key := locations.own_key(item, run.depot):
        item = {"name": name, "path": shown.get("path", ""), "s3": {"key": key}}
        run.keep_artifact(key, found if locations.key_of(shown) else {**found, "own": True})
    for field in ("globalName", "optional", "archive", "artifactGC"):
        if shown.get(field) is not None:
            item[field] = shown[field]
    return item


def ask_digests(inputs: Inputs, ask: Any, depot: Depot = OWN) -> None:
    """Raises Need for an input whose digest is not known yet; InputError-like text where it never was
    stored."""
    for artifact in inputs.artifacts.values():
        key = locations.own_key(artifact, depot)
        if key and ask(where(artifact)) is None and not artifact.get("optional"):
            raise ExpressionError(
                f"inputs.artifacts.{artifact.get('name')}: "
                f"nothing is stored in the default repository under {key!r}"
            )


def where(artifact: Obj) -> Fact:
    """The question for an artifact's digest."""
    return Fact("artifact", locations.key_of(artifact), artifact.get("subPath") or "")


def pod_labels(workflow: str, extra: dict[str, str]) -> dict[str, str]:
    return {f"{DOMAIN}workflow": workflow, f"{DOMAIN}completed": "false", **extra}
