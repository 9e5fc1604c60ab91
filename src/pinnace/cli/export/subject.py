"""Which object `pinnace export WHAT` means: `NAME`, or `KIND/NAME` in the words of people or of kubectl."""

from __future__ import annotations

from pinnace.cli.connection import Connection, Refused
from pinnace.cli.platform import Failure
from pinnace.kinds import pipelines
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.remote import path

TRAINING = ("tfjobs", "pytorchjobs", "mpijobs", "xgboostjobs", "paddlejobs", "jaxjobs")
KINDS = {
    "run": ("workflows.argoproj.io", pipelines.RUN.key),
    "pipeline": (
        pipelines.PIPELINE.key, "workflowtemplates.argoproj.io", "cronworkflows.argoproj.io",
        "clusterworkflowtemplates.argoproj.io",
    ),
    "experiment": ("experiments.kubeflow.org",),
    "endpoint": ("inferenceservices.serving.kserve.io", "inferencegraphs.serving.kserve.io"),
    "job": (
        *(f"{name}.kubeflow.org" for name in TRAINING), "trainjobs.trainer.kubeflow.org",
        "jobsets.jobset.x-k8s.io", "jobs.batch", "cronjobs.batch",
    ),
    "app": ("deployments.apps", "statefulsets.apps", "daemonsets.apps"),
}  # fmt: skip
OWN = (pipelines.RUN.key, pipelines.PIPELINE.key)
"""Records that lie in one namespace, whatever is asked for, and are known by what people call them."""


def found(connection: Connection, catalogue: Catalogue, what: str, namespace: str) -> tuple[Resource, Obj]:
    """Raises Failure: there is none, or several kinds have one of that name."""
    word, slash, name = what.partition("/")
    if not slash:
        word, name = "", what
    if not name:
        raise Failure(f"{what!r} names no object: expected NAME or KIND/NAME, such as run/NAME")
    keys = kinds(catalogue, word) if word else tuple(key for group in KINDS.values() for key in group)
    hits = [hit for key in keys for hit in [get(connection, catalogue.key(key), name, namespace)] if hit]
    hits = without_doubles(hits)
    if len(hits) > 1:
        choices = ", ".join(f"{resource.singular}/{name}" for resource, _ in hits)
        raise Failure(f"several kinds have a {name!r}: say which ({choices})")
    if not hits:
        looked = "" if word else f"; looked for {', '.join(KINDS)}"
        raise Failure(f"there is no {word or 'object'} {name!r} in namespace {namespace}{looked}")
    return hits[0]


def kinds(catalogue: Catalogue, word: str) -> tuple[str, ...]:
    lower = word.lower().removesuffix("s") if word.lower().removesuffix("s") in KINDS else word.lower()
    if lower in KINDS:
        return KINDS[lower]
    exact = [
        one.key
        for one in catalogue.resources()
        if lower in (one.plural, one.singular, one.kind.lower(), one.key, *one.short_names)
    ]
    if exact:
        return tuple(dict.fromkeys(exact))
    near = catalogue.nearest(word)
    raise Failure(f"{word!r} is no kind" + (f" (did you mean {near!r}?)" if near else ""))


def get(
    connection: Connection, resource: Resource | None, name: str, namespace: str
) -> tuple[Resource, Obj] | None:
    if resource is None:
        return None
    if resource.key in OWN:
        return record(connection, resource, name)
    try:
        return resource, connection.json(path(resource, namespace, name))
    except Refused as refusal:
        if refusal.code in (400, 404):
            return None
        raise


def record(connection: Connection, resource: Resource, name: str) -> tuple[Resource, Obj] | None:
    """A record of Kubeflow Pipelines: by its id, its name for people, a run also by its Workflow's name."""
    items = connection.json(path(resource, pipelines.NAMESPACE))["items"]
    for item in items:
        spec = item.get("spec") or {}
        called = (item["metadata"]["name"], spec.get("displayName"), spec.get("workflow"))
        if name in called:
            return resource, {"apiVersion": resource.api_version, "kind": resource.kind, **item}
    return None


def without_doubles(hits: list[tuple[Resource, Obj]]) -> list[tuple[Resource, Obj]]:
    """A pipeline's run is its record, not the Workflow of the same name beside it."""
    workflows = {obj["spec"].get("workflow") for resource, obj in hits if resource.key == pipelines.RUN.key}
    return [
        (resource, obj)
        for resource, obj in hits
        if not (resource.key == "workflows.argoproj.io" and obj["metadata"]["name"] in workflows)
    ]
