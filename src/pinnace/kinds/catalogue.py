"""Every kind that is served now: those that ship with the platform and those of users' own definitions.

Control makes one with `Catalogue.builtin()` and hands it to objects, api and controllers; `install` and
`remove` follow the stored CustomResourceDefinitions. The kinds that ship win: a definition of one of them
(upstream's install manifests carry them) is stored, and changes nothing about how the kind is served.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from . import events, library, pipelines, serving_older, trainer, training, validation
from .crd import AGE, custom_resources
from .resource import Column, Obj, Resource
from .schema import Node
from .upstream_rules import CHECKS

SERVED = (
    "", "apps", "batch", "events.k8s.io", "autoscaling", "policy", "networking.k8s.io",
    "rbac.authorization.k8s.io", "storage.k8s.io", "apiextensions.k8s.io", "scheduling.k8s.io",
    "coordination.k8s.io", "discovery.k8s.io", "argoproj.io", "serving.kserve.io", "kubeflow.org",
    "trainer.kubeflow.org", "jobset.x-k8s.io", "tensorboard.kubeflow.org",
)
"""Groups of the shipped data that are served; the others wait for their controllers."""
UNSERVED = frozenset(("bindings", "componentstatuses", "volumeattachments.storage.k8s.io",
                      "llminferenceservices.serving.kserve.io",
                      "llminferenceserviceconfigs.serving.kserve.io",
                      "localmodelcaches.serving.kserve.io", "localmodelnamespacecaches.serving.kserve.io",
                      "localmodelnodegroups.serving.kserve.io", "localmodelnodes.serving.kserve.io",
                      "profiles.kubeflow.org", "pvcviewers.kubeflow.org",
                      "workspacekinds.kubeflow.org", "workspaces.kubeflow.org"))
OBJECT_SUBRESOURCES = frozenset(("status", "scale", "log", "ephemeralcontainers"))
"""Those that are part of the object; connections and actions belong to who answers them."""
READ_ONLY = ("get", "list", "watch")
WORKFLOW_NODES = Resource(
    group="pinnace.dev", version="v1", kind="WorkflowNode", plural="workflownodes", singular="workflownode",
    short_names=("wfn",), verbs=READ_ONLY, custom=True,
    columns=(
        Column("Type", "string", ".status.type"), Column("Phase", "string", ".status.phase"),
        Column("Template", "string", ".status.templateName"), Column("Age", "date", ".status.startedAt"),
        Column("Message", "string", ".status.message", priority=1),
    ),
)
POD_METRICS = Resource(
    group="metrics.k8s.io", version="v1beta1", kind="PodMetrics", plural="pods", singular="",
    verbs=("get", "list"),
)
NODE_METRICS = Resource(
    group="metrics.k8s.io", version="v1beta1", kind="NodeMetrics", plural="nodes", singular="",
    namespaced=False, verbs=("get", "list"),
)
Place = tuple[str, str, str]


class Catalogue:
    """Not for several threads at once. Resources are the same objects until their definition changes."""

    def __init__(self, shipped: dict[Place, Resource]) -> None:
        self.shipped = frozenset(one.key for one in shipped.values())
        self._resources = dict(shipped)
        self._schemas: dict[Place, Node] = {}
        self._index()

    @classmethod
    def builtin(cls) -> Catalogue:
        return cls({(one.group, one.version, one.plural): one for one in _shipped()})

    def resolve(self, group: str, version: str, plural: str) -> Resource | None:
        return self._resources.get((group, version, plural))

    find = resolve

    def kind(self, api_version: str, kind: str) -> Resource | None:
        """By what a document says of itself."""
        return self._kinds.get((api_version, kind))

    def key(self, key: str) -> Resource | None:
        """By storage key (`workflows.argoproj.io`): the preferred version."""
        return self._keys.get(key)

    def resources(self) -> list[Resource]:
        """All, groups in upstream's order, a group's preferred version first."""
        return self._ordered

    def groups(self) -> dict[str, list[str]]:
        """Group to its versions, the preferred one first."""
        return self._groups

    def schema(self, resource: Resource) -> Node:
        place = (resource.group, resource.version, resource.plural)
        found = self._schemas.get(place)
        if found is not None:
            return found
        return _shipped_schema(resource.group, resource.version, resource.kind)

    def install(self, definition: Obj) -> list[Resource]:
        """Serve what a stored definition names; returns its resources (none for a kind that ships)."""
        self._forget(definition)
        if definition["metadata"]["name"] in self.shipped:
            return []
        found = custom_resources(definition)
        for resource, schema in found:
            place = (resource.group, resource.version, resource.plural)
            self._resources[place] = resource
            self._schemas[place] = schema
        self._index()
        return [resource for resource, _ in found]

    def remove(self, definition: Obj) -> None:
        self._forget(definition)
        self._index()

    def nearest(self, word: str) -> str:
        """The name of a served kind that a mistyped word probably meant; '' if nothing is near."""
        import difflib  # only for people's mistakes

        names = [n for one in self._ordered for n in (one.plural, one.singular, one.kind, *one.short_names)]
        close = difflib.get_close_matches(word, names, 1, 0.7)
        return close[0] if close else ""

    def _forget(self, definition: Obj) -> None:
        name = definition["metadata"]["name"]
        if name in self.shipped:
            return
        for place in [place for place, one in self._resources.items() if one.key == name]:
            del self._resources[place]
            self._schemas.pop(place, None)

    def _index(self) -> None:
        order = {group: place for place, group in enumerate(SERVED)}
        last = len(order)
        self._ordered = sorted(
            self._resources.values(), key=lambda one: (order.get(one.group, last), one.group)
        )
        self._kinds = {(one.api_version, one.kind): one for one in self._ordered}
        self._keys: dict[str, Resource] = {}
        self._groups: dict[str, list[str]] = {}
        for one in self._ordered:
            self._keys.setdefault(one.key, one)
            versions = self._groups.setdefault(one.group, [])
            if one.version not in versions:
                versions.append(one.version)


def _shipped() -> Iterator[Resource]:
    for group in library.catalogue():
        if group["group"] in SERVED:
            for version in group["versions"]:
                for facts in version["resources"]:
                    resource = _resource(group["group"], version["version"], facts)
                    if resource.key not in UNSERVED:
                        yield resource
    yield from training.beside_the_catalogue()
    yield from pipelines.RESOURCES
    yield from (serving_older.OLDER, serving_older.LATER, serving_older.HALFWAY)
    yield from (WORKFLOW_NODES, POD_METRICS, NODE_METRICS)


def _resource(group: str, version: str, facts: dict[str, Any]) -> Resource:
    own = tuple(Column(**one) for one in facts.get("columns", ()))
    custom = facts.get("custom", False)
    return Resource(
        group=group, version=version, kind=facts["kind"], plural=facts["plural"], singular=facts["singular"],
        stored=events.STORED if group == events.GROUP else "",
        namespaced=facts["namespaced"], verbs=tuple(facts["verbs"]),
        columns=own or ((AGE,) if custom else ()), custom=custom,
        short_names=tuple(facts.get("short_names", ())), categories=tuple(facts.get("categories", ())),
        subresources=OBJECT_SUBRESOURCES.intersection(facts.get("subresources", ())),
    )


@cache
def _shipped_schema(group: str, version: str, kind: str) -> Node:
    """With the rules of ours, where we wrote some for the kind."""
    if kind == WORKFLOW_NODES.kind and group == WORKFLOW_NODES.group:
        return _workflow_node()
    if pipelines.owns(group, kind):
        return pipelines.schema()
    if group == training.GROUP and training.is_older(version, kind):
        return _older(group, kind)
    if (group, version, kind) == serving_older.HALFWAY_PLACE:
        return _older(group, kind, "v1beta1")
    if group in (POD_METRICS.group, serving_older.OLDER.group):
        return Node(type="object", preserve_unknown=True, properties={"metadata": library.object_meta()})
    found = library.schema(group, version, kind)
    if found.properties and group == trainer.GROUP and kind == trainer.TRAIN_JOB.kind:
        found = trainer.tolerant(found)
    if found.properties and group == trainer.GROUP and kind in (trainer.KIND, trainer.CLUSTER_KIND):
        found = trainer.tolerant_runtime(found)
    found.checks = CHECKS.get(f"{kind}.{group}", ())
    return found


def _older(group: str, kind: str, version: str = "v1") -> Node:
    """A document of a past version: anything may stand in its spec, which is judged as what it becomes."""
    today = _shipped_schema(group, version, kind)
    assert today.properties is not None

    def judged(obj: Any, old: Any) -> list[Any]:
        return validation.validate(today, obj, old)

    anything = Node(type="object", preserve_unknown=True)
    return Node(type="object", properties={**today.properties, "spec": anything}, checks=(judged,))


def _workflow_node() -> Node:
    """The status is one entry of upstream's `.status.nodes`."""
    workflow = library.schema("argoproj.io", "v1alpha1", "Workflow")
    nodes = workflow.properties["status"].properties["nodes"] if workflow.properties else None  # type: ignore[index]
    text = Node(type="string")
    return Node(type="object", properties={
        "apiVersion": text, "kind": text, "metadata": library.object_meta(),
        "status": (nodes.additional if nodes else None) or Node(type="object", preserve_unknown=True),
    })
