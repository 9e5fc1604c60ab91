"""Looking things up in the records: executions by digest, runs by name, whether they still exist or not.

A record and the object that it came from answer alike: what still stands in the store is read from there.
Caller: `walking`, `screen`, `comparing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from blake3 import blake3

from pinnace.kinds.argo import NodeStatus
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.lineage import execution, keeping
from pinnace.objects.lineage.execution import Code, Execution
from pinnace.store.interface import Store

PODS = "pods"
NODE = "node"
CACHED = "Cached"
"""The phase of a step that was answered from memory."""
WORKFLOWS = "workflows.argoproj.io"
ENDPOINTS = "inferenceservices.serving.kserve.io"
_execution = msgspec.json.Decoder(Execution)
_node = msgspec.json.Decoder(NodeStatus)
_code = msgspec.json.Decoder(Code)
_pair = msgspec.json.Decoder(tuple[str, str])


class Run(msgspec.Struct, frozen=True):
    """A run as it is, or as it was when it was deleted (`gone`)."""

    obj: Obj
    gone: bool

    @property
    def uid(self) -> str:
        return str(self.obj["metadata"]["uid"])

    @property
    def title(self) -> str:
        return f"{self.obj.get('kind', 'Run')}/{self.obj['metadata']['name']}"

    @property
    def namespace(self) -> str:
        return str(self.obj["metadata"].get("namespace") or "")


class Book:
    def __init__(self, store: Store, resources: Iterable[Resource]) -> None:
        self.store = store
        self.kinds: Mapping[str, Resource] = {
            resource.kind: resource for resource in resources if keeping.is_run(resource)
        }

    # -- executions -------------------------------------------------------------------------------------

    def users(self, digest: str, way: str) -> list[tuple[str, Execution]]:
        """(artifact's name, execution) of those that read (`in`) or left (`out`) a digest, newest first."""
        found: list[tuple[str, Execution]] = []
        for _, key, _, body in self.store.rows(execution.USES, digest):
            pod, how, name = key.split("/", 2)
            if how == way:
                run, _ = _pair.decode(body)
                done = self.execution(pod, run)
                if done is not None:
                    found.append((name, done))
        return sorted(found, key=lambda pair: pair[1].started, reverse=True)

    def makers(self, digest: str, run: str = "") -> list[tuple[str, Execution]]:
        """Who left a digest without having read it, those of one run first, then the newest; who only passed
        it on counts where nobody else is known."""
        found = self.users(digest, "out")
        made = [pair for pair in found if digest not in pair[1].inputs.values()] or found
        return sorted(made, key=lambda pair: pair[1].run != run) if run else made

    def execution(self, pod: str, run: str = "") -> Execution | None:
        """By the pod's uid (and its run's, where that is known)."""
        body = self.store.row(execution.EXECUTION, run or pod, pod)
        if body is not None:
            return _execution.decode(body)
        living = self._living(pod)
        if living is not None:
            return execution.read(living)[0]
        for _, key, _, body in self.store.rows(execution.EXECUTION) if not run or run == pod else ():
            if key == pod:
                return _execution.decode(body)
        return None

    def _living(self, uid: str) -> Obj | None:
        return next((pod for pod in self.store.list(PODS).items if pod["metadata"]["uid"] == uid), None)

    def of_run(self, run: Run) -> list[Execution]:
        """Everything that a run executed, in the order of starting."""
        found = {key: _execution.decode(body) for _, key, _, body in
                 self.store.rows(execution.EXECUTION, run.uid)}
        for pod in self.store.list(PODS, owner=run.uid).items:
            done = execution.read(pod)[0]
            found.setdefault(done.pod, done)
        made = [self.with_parameters(run, one) for one in found.values()]
        if run.obj.get("kind") == keeping.WORKFLOW:
            made += self._of_nodes(run, {one.node for one in made})
        return sorted(made, key=lambda one: (one.started, one.name))

    def _of_nodes(self, run: Run, known: set[str]) -> list[Execution]:
        """Steps whose pods were nothing but what their node says."""
        images = {key: msgspec.json.decode(body) for _, key, _, body in
                  self.store.rows(keeping.IMAGE, run.uid)}
        made = []
        for node in self.nodes(run).values():
            if node.type != "Pod" or node.id in known:
                continue
            cached = bool((node.memoization_status or {}).get("hit"))
            template = template_of(run.obj, node)
            if "resource" in template:
                continue  # it has no pod here
            image = str((template.get("container") or template.get("script") or {}).get("image") or "")
            made.append(Execution(
                pod=node.id, namespace=run.namespace, name=node.name, run=run.uid, kind=keeping.WORKFLOW,
                run_name=run.obj["metadata"]["name"], node=node.id, image=image,
                phase=CACHED if cached else node.phase, outputs=self._stored(run, node) if cached else {},
                code=digest_of(template), environment=images.get(image, ""),
                parameters=parameters_of(node), results=results_of(node),
                claims=claims_of(run.obj, template),
                started=node.started_at or "", finished=node.finished_at or "",
            ))
        return made

    def _stored(self, run: Run, node: NodeStatus) -> dict[str, str]:
        """What a step gave that was answered from memory: its artifacts lie under their keys."""
        found = {}
        for one in (node.outputs or {}).get("artifacts") or []:
            key = str((one.get("s3") or {}).get("key") or "").strip("/")
            if key and (body := self.store.row("artifact", run.namespace, key)) is not None:
                found[one["name"]] = msgspec.json.decode(body)["digest"]
        return found

    def with_parameters(self, run: Run | None, done: Execution) -> Execution:
        """A step's parameters stand in its node, a trial's in the trial."""
        if run is None or done.parameters:
            return done
        if done.node and (node := self.node(run, done.node)) is not None:
            return msgspec.structs.replace(
                done, parameters=parameters_of(node), name=node.display_name or node.name,
                code=digest_of(template_of(run.obj, node)), results=done.results or results_of(node),
            )
        given = (self._trial(run) or {}).get("spec", {}).get("parameterAssignments") or []
        return msgspec.structs.replace(done, parameters={one["name"]: str(one["value"]) for one in given})

    def _trial(self, run: Run) -> Obj | None:
        above = [run, *self.above(run)]
        return next((one.obj for one in above if one.obj.get("kind") == "Trial"), None)

    def nodes(self, run: Run) -> dict[str, NodeStatus]:
        kind = keeping.NODE if run.gone else NODE
        return {key: _node.decode(body) for _, key, _, body in self.store.rows(kind, run.uid)}

    def node(self, run: Run, name: str) -> NodeStatus | None:
        body = self.store.row(keeping.NODE if run.gone else NODE, run.uid, name)
        return None if body is None else _node.decode(body)

    def code(self, done: Execution) -> Code | None:
        """What ran, as its pod said it."""
        living = self._living(done.pod)
        if living is not None:
            return execution.read(living)[1]
        raw = self.store.row(execution.EXECUTION, done.run or done.pod, done.pod)
        if raw is None:
            return None
        body = self.store.row(execution.CODE, _execution.decode(raw).code)
        return None if body is None else _code.decode(body)

    def sources(self, done: Iterable[Execution]) -> list[Obj]:
        """The ConfigMaps that were read, as they were: name, digest, content, whether they still are so."""
        found: dict[tuple[str, str], Obj] = {}
        for one in done:
            for label, digest in one.sources.items():
                name = label.partition("/")[2]
                body = self.store.row(keeping.SOURCE, digest)
                now = self.store.get("configmaps", one.namespace, name)
                same = now is not None and digest in keeping.sourced([now])[0].values()
                content = msgspec.json.decode(body) if body else {}
                found[name, digest] = {"name": name, "digest": digest, "content": content, "same": same}
        return [*found.values()]

    # -- runs -------------------------------------------------------------------------------------------

    def run(self, kind: str, name: str, namespace: str, uid: str) -> Run | None:
        """What controls a pod."""
        resource = self.kinds.get(kind)
        living = self.store.get(resource.key, namespace, name) if resource else None
        if living is not None and living["metadata"]["uid"] == uid:
            return Run(living, False)
        body = self.store.row(keeping.OBJECT, uid)
        return None if body is None else Run(msgspec.json.decode(body), True)

    def run_of(self, done: Execution) -> Run | None:
        return self.run(done.kind, done.run_name, done.namespace, done.run) if done.run else None

    def named(self, name: str, namespace: str = "", kind: str = "") -> list[Run]:
        """Every run of that name or uid, those that exist first, then the latest that were deleted."""
        spaces = [namespace] if namespace else [
            one["metadata"]["name"] for one in self.store.list("namespaces").items
        ]
        found = []
        for resource in self.kinds.values():
            if not kind or _means(kind, resource):
                for space in spaces:
                    if (living := self.store.get(resource.key, space, name)) is not None:
                        found.append(Run(living, False))
        uids = [key for _, key, _, body in self.store.rows(keeping.NAME, name)]
        gone = [Run(msgspec.json.decode(body), True) for uid in [*uids, name]
                if (body := self.store.row(keeping.OBJECT, uid)) is not None]
        gone = [one for one in gone if (not kind or _means(kind, self.kinds.get(one.obj.get("kind", ""))))
                and (not namespace or one.namespace == namespace)]
        gone.sort(key=lambda one: str(one.obj["metadata"].get("creationTimestamp")), reverse=True)
        return found + gone

    def above(self, run: Run) -> list[Run]:
        """What made the run, from the nearest on (a job's trial, the trial's experiment)."""
        found: list[Run] = []
        while len(found) < 10:
            owners = run.obj["metadata"].get("ownerReferences") or []
            owner = next((one for one in owners if one.get("controller")), owners[0] if owners else None)
            above = owner and self.run(owner["kind"], owner["name"], run.namespace, owner["uid"])
            if not above:
                break
            found.append(above)
            run = above
        return found

    def below(self, run: Run) -> list[Run]:
        """The runs that it made itself: an experiment's trials, a trial's job."""
        found = [
            Run(obj, False) for resource in self.kinds.values()
            for obj in self.store.list(resource.key, owner=run.uid).items
        ]
        for _, uid, _, _ in self.store.rows(keeping.CHILD, run.uid):
            if (body := self.store.row(keeping.OBJECT, uid)) is not None:
                found.append(Run(msgspec.json.decode(body), True))
        return sorted(found, key=lambda one: str(one.obj["metadata"].get("creationTimestamp")))

    def endpoints(self) -> list[Run]:
        return [Run(obj, False) for obj in self.store.list(ENDPOINTS).items]

    def served(self, digest: str) -> list[Run]:
        """The InferenceServices whose pods were given a digest, as far as that is recorded."""
        found: dict[str, Run] = {}
        for _, done in self.users(digest, "in"):
            if done.endpoint:
                for run in self.named(done.endpoint, done.namespace, "inferenceservice"):
                    found.setdefault(run.uid, run)
        return [*found.values()]

    def servers(self, endpoint: Obj) -> list[Execution]:
        """The pods that answer for an InferenceService now."""
        meta = endpoint["metadata"]
        pods = self.store.list(PODS, meta.get("namespace") or "").items
        label = execution.ENDPOINT
        own = [one for one in pods if (one["metadata"].get("labels") or {}).get(label) == meta["name"]]
        return [execution.read(pod)[0] for pod in own]


def _means(word: str, resource: Resource | None) -> bool:
    if resource is None:
        return False
    return word.lower() in (resource.kind.lower(), resource.plural, resource.singular, *resource.short_names)


def template_of(workflow: Obj, node: NodeStatus) -> Obj:
    """The template that a node ran, as the run kept it."""
    status, spec = workflow.get("status") or {}, workflow.get("spec") or {}
    stored = (status.get("storedWorkflowTemplateSpec") or {}).get("templates") or []
    name = node.template_name or (node.template_ref or {}).get("template", "")
    for template in [*(spec.get("templates") or []), *stored]:
        if template.get("name") == name:
            return dict(template)
    templates: Obj = status.get("storedTemplates") or {}
    suffix = f"/{name}"
    return dict(next((found for key, found in templates.items() if name and key.endswith(suffix)), {}))


def claims_of(workflow: Obj, template: Obj) -> tuple[str, ...]:
    """The claims that a step mounts; one of a claim template by the template's name, which every run has."""
    spec, status = workflow.get("spec") or {}, workflow.get("status") or {}
    volumes = [*(spec.get("volumes") or []), *(template.get("volumes") or [])]
    named = {
        one["name"]: (one.get("persistentVolumeClaim") or {}).get("claimName") for one in volumes
    }
    made = [one["name"] for one in status.get("persistentVolumeClaims") or []]
    made += [one["metadata"]["name"] for one in spec.get("volumeClaimTemplates") or []]
    named |= {name: name for name in made}
    container = template.get("container") or template.get("script") or {}
    mounted = [one["name"] for one in container.get("volumeMounts") or []]
    return tuple(claim for name in mounted if (claim := named.get(name)))


def digest_of(template: Obj) -> str:
    return blake3(msgspec.json.encode(template, order="sorted")).hexdigest() if template else ""


def parameters_of(node: NodeStatus) -> dict[str, str]:
    inputs: Any = node.inputs or {}
    return {one["name"]: str(one.get("value", "")) for one in inputs.get("parameters") or []}


def results_of(node: NodeStatus) -> dict[str, str]:
    outputs = node.outputs or {}
    found = {one["name"]: str(one.get("value", "")) for one in outputs.get("parameters") or []}
    return found | ({"result": str(outputs["result"])} if "result" in outputs else {})
