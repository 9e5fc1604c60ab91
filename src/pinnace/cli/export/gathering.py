"""From one object to all that it refers to: what goes into the bundle, and what has to be in the cluster.

Called by `export`. References are followed until nothing new comes; each object is cleaned once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pinnace.authoring.export import kustomize, operators, rights
from pinnace.authoring.export.bundle import (
    BASE,
    CLUSTER,
    ENDPOINTS,
    SECRETS,
    Bundle,
    label,
    placeholder,
)
from pinnace.authoring.export.cleaning import cleaned, plain_name, written_as
from pinnace.authoring.export.references import (
    ACCOUNT,
    CLUSTER_RUNTIME,
    CLUSTER_TRAINING,
    ENDPOINT,
    RUNTIME,
    SECRET,
    Reference,
    documents,
    references,
)
from pinnace.authoring.export.sources import left
from pinnace.cli.connection import Connection, Refused
from pinnace.cli.export import pipelines, subject
from pinnace.controllers.serving import bootstrap, selection
from pinnace.controllers.trainer import bootstrap as trainer
from pinnace.home import Home
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.remote import path

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
BINDINGS, ROLES, CLUSTER_ROLES = (
    "rolebindings.rbac.authorization.k8s.io", "roles.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
)  # fmt: skip
APPLIED = 250_000
"""Bytes: kubectl keeps what it applied in an annotation, and these have a limit of 256 KiB."""


KEYED = (
    "Artifacts are kept in Argo's default artifact repository: one has to be configured there. Where a model "
    "is read as `s3://artifacts/KEY`, its bucket must be called `artifacts`, and KServe needs credentials "
    "for it."
)


class Gathering:
    def __init__(self, connection: Connection, home: Home, *, with_secrets: bool, build: bool) -> None:
        self.connection = connection
        self.home = home
        self.with_secrets = with_secrets
        self.build = build
        self.catalogue = Catalogue.builtin()
        self.namespace = "default"
        self.made: Bundle | None = None
        self.done: set[tuple[str, str]] = set()
        self.definitions = {
            one["metadata"]["name"]: one for one in self.listed(self.resource(DEFINITIONS), "")
        }
        for definition in self.definitions.values():
            self.catalogue.install(definition)

    def bundle(self, what: str, namespace: str) -> Bundle:
        resource, obj = subject.found(self.connection, self.catalogue, what, namespace)
        self.namespace = obj["metadata"].get("namespace", "default")
        if resource.key in subject.OWN:
            return pipelines.bundle(self, resource, obj)
        kind, name = obj["kind"], obj["metadata"]["name"]
        bundle = Bundle(label(plain_name(obj["metadata"])), f"{kind} {name} of namespace {self.namespace}")
        self.take(bundle, obj, resource)
        return bundle

    def take(self, bundle: Bundle, obj: Obj, resource: Resource, part: str = "") -> None:
        if (resource.key, obj["metadata"]["name"]) in self.done:
            return
        self.done.add((resource.key, obj["metadata"]["name"]))
        obj = {"apiVersion": resource.api_version, "kind": resource.kind, **obj}
        document = cleaned(self.as_written(obj))
        bundle.add(part or (BASE if resource.namespaced else CLUSTER), document)
        if resource.key in self.definitions and resource.key not in self.catalogue.shipped:
            bundle.add(CLUSTER, cleaned(self.definitions[resource.key]))
        for reference in references(document):
            self.follow(bundle, reference, document)
        self.runtimes(bundle, document)

    def as_written(self, obj: Obj) -> Obj:
        """In the version that its author wrote, where upstream serves that one (MPIJobs of v1 and v2beta1 are
        two things)."""
        api = written_as(obj)
        resource = self.catalogue.kind(api, obj["kind"])
        if api == obj["apiVersion"] or resource is None or operators.served_by(api, obj["kind"]) is None:
            return obj
        meta = obj["metadata"]
        found = self.get(resource, meta["name"], meta.get("namespace", ""))
        return {**found, "apiVersion": api, "kind": obj["kind"]} if found else obj

    def follow(self, bundle: Bundle, reference: Reference, asker: Obj) -> None:
        if reference.made:
            self.endpoint(bundle, reference)
            return
        resource = self.resource(reference.kind)
        found = self.get(resource, reference.name)
        if found is None and reference.kind == RUNTIME:
            resource = self.resource(CLUSTER_RUNTIME)
            found = self.get(resource, reference.name)
        who = f"{asker['kind']} {asker['metadata']['name']} ({reference.path})"
        if found is None:
            if not reference.optional and reference.kind != ACCOUNT:
                bundle.note(
                    f"{who} names the {resource.kind} `{reference.name}`, which is not here: make it there."
                )
        elif reference.kind == SECRET:
            secret = cleaned({**found, "apiVersion": "v1", "kind": "Secret"})
            bundle.add(SECRETS, secret if self.with_secrets else placeholder(secret))
        elif reference.kind == CLUSTER_TRAINING and reference.name in shipped_training():
            bundle.note(
                f"{who} runs by the ClusterTrainingRuntime `{reference.name}`, which comes with Trainer."
            )
        elif resource.key in (RUNTIME, CLUSTER_RUNTIME):
            self.runtime(bundle, found, resource)
        else:
            self.take(bundle, found, resource)
            if reference.kind == ACCOUNT:
                self.bound(bundle, reference.name)

    def endpoint(self, bundle: Bundle, reference: Reference) -> None:
        """What a `resource` step has made, as it stands now."""
        if reference.kind == ENDPOINT and (found := self.get(self.resource(ENDPOINT), reference.name)):
            self.take(bundle, found, self.resource(ENDPOINT), ENDPOINTS)

    def bound(self, bundle: Bundle, account: str) -> None:
        """The account's roles."""
        for binding in self.listed(self.resource(BINDINGS), self.namespace):
            subjects = binding.get("subjects") or ()
            if not any(s.get("kind") == "ServiceAccount" and s.get("name") == account for s in subjects):
                continue
            reference = binding["roleRef"]
            key = ROLES if reference["kind"] == "Role" else CLUSTER_ROLES
            role = self.get(self.resource(key), reference["name"])
            if role is None or "pinnace.dev/bootstrap" in (role["metadata"].get("labels") or {}):
                continue
            made = cleaned({"apiVersion": rights.RBAC, "kind": "RoleBinding", **binding})
            for one in made.get("subjects") or ():
                one.pop("namespace", None)
            bundle.add(BASE, made)
            if key == ROLES:
                bundle.add(BASE, cleaned({"apiVersion": rights.RBAC, "kind": "Role", **role}))
            elif "kubernetes.io/bootstrapping" not in (role["metadata"].get("labels") or {}):
                bundle.add(CLUSTER, cleaned({"apiVersion": rights.RBAC, "kind": "ClusterRole", **role}))

    def runtimes(self, bundle: Bundle, document: Obj) -> None:
        """The serving runtimes of the document's models, and of those that its steps put in service."""
        for model in models(document):
            namespaced = self.listed(self.resource(RUNTIME), self.namespace)
            cluster = self.listed(self.resource(CLUSTER_RUNTIME), "")
            try:
                chosen = selection.choose(model, namespaced, cluster)
            except selection.Problem as problem:
                bundle.note(f"{document['kind']} {document['metadata']['name']}: {problem.message}")
                continue
            key = RUNTIME if chosen in namespaced else CLUSTER_RUNTIME
            self.runtime(bundle, chosen, self.resource(key))

    def runtime(self, bundle: Bundle, found: Obj, resource: Resource) -> None:
        """With images of its own the bundle brings a runtime of its namespace, which needs nobody's leave and
        comes before the cluster's; without them the cluster's own of that name is meant."""
        name = found["metadata"]["name"]
        upstream = any(one["metadata"]["name"] == name for one in bootstrap.runtimes())
        if self.build and resource.key == CLUSTER_RUNTIME:
            found = {**found, "apiVersion": resource.api_version, "kind": "ServingRuntime"}
            self.take(bundle, found, self.resource(RUNTIME))
        elif resource.key == CLUSTER_RUNTIME and upstream and not name.startswith("pinnace-"):
            bundle.note(f"The ClusterServingRuntime `{name}` is used; it comes with KServe.")
        else:
            self.take(bundle, found, resource)

    def finish(self, bundle: Bundle) -> None:
        """What follows from all documents together."""
        present = {one["metadata"]["name"] for one in bundle.documents() if one["kind"] == "ServiceAccount"}
        for made in rights.grants(bundle.documents(BASE, CLUSTER), bundle.name, self.plural, present):
            bundle.add(BASE, made)
        for obj in bundle.documents():
            self.remark(bundle, obj)
        if any(obj["kind"] in rights.WORKFLOWS for obj in bundle.documents(BASE)) and keyed(bundle):
            bundle.note(KEYED)

    def remark(self, bundle: Bundle, obj: Obj) -> None:
        """What of a document is this machine's, or more than kubectl takes."""
        name = obj["metadata"]["name"]
        if len(json.dumps(obj)) > APPLIED:
            bundle.note(f"{obj['kind']} {name} is too long for `kubectl apply`: add `--server-side`.")
        for folder in left(obj):
            bundle.note(
                f"{obj['kind']} {name} mounts the folder {folder} of this machine: put it into a claim, or "
                "mount it read-only and export with --build to have it in the image."
            )
        if obj["kind"] == "PersistentVolumeClaim" and not obj["spec"].get("storageClassName"):
            size = ((obj["spec"].get("resources") or {}).get("requests") or {}).get("storage", "?")
            modes = ", ".join(obj["spec"].get("accessModes") or ())
            bundle.note(
                f"The claim `{name}` ({size}, {modes}) takes the cluster's default storage class; name "
                "another in an overlay where that one does not offer these modes."
            )

    def plural(self, api_version: str, kind: str) -> str:
        found = self.catalogue.kind(api_version, kind)
        return found.plural if found else f"{kind.lower()}s"

    def resource(self, key: str) -> Resource:
        found = self.catalogue.key(key)
        if found is None:
            group = key.partition(".")[2]
            plural = key.partition(".")[0]
            return Resource(
                group=group, version="v1", kind=plural.rstrip("s").title(), plural=plural, singular=""
            )
        return found

    def get(self, resource: Resource, name: str, namespace: str = "") -> Obj | None:
        place = path(resource, (namespace or self.namespace) if resource.namespaced else "", name)
        try:
            found: Obj = self.connection.json(place)
        except Refused as refusal:
            if refusal.code in (400, 404):
                return None
            raise
        return found

    def listed(self, resource: Resource, namespace: str) -> list[Obj]:
        items: list[Obj] = self.connection.json(path(resource, namespace))["items"]
        return [{"apiVersion": resource.api_version, "kind": resource.kind, **one} for one in items]


def models(value: Any) -> Iterator[Obj]:
    """Every `model` of a predictor, also in the manifests of `resource` steps."""
    if isinstance(value, list):
        for one in value:
            yield from models(one)
    elif isinstance(value, dict):
        if isinstance(value.get("model"), dict) and "modelFormat" in value["model"]:
            yield value["model"]
        if isinstance(value.get("manifest"), str) and "action" in value:
            for obj in documents(value["manifest"]):
                yield from models(obj)
        for one in value.values():
            yield from models(one)


def keyed(bundle: Bundle) -> bool:
    """Whether anything is kept in the default artifact repository."""
    texts = "".join(kustomize.text(one) for one in bundle.documents(BASE))
    return "artifacts:" in texts or "storageUri: s3://artifacts/" in texts


def shipped_training() -> set[str]:
    return {one["metadata"]["name"] for one in trainer.runtimes()}
