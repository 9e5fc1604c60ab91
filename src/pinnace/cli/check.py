"""`pinnace check BUNDLE|FILE`: what a cluster, or a profile of one, does not serve of it.

The cluster is asked for its discovery, its OpenAPI and the objects that the documents refer to; then each
document is offered to it as a dry run, so that its own webhooks and rules have the last word.
"""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

from pinnace.authoring.export import checking, openapi, profiles
from pinnace.authoring.export.checking import ERROR, WARNING, Cluster, Finding, Kind
from pinnace.cli.export.judging import problem
from pinnace.cli.kubectl import binary
from pinnace.cli.platform import Failure
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import kubefiles
from pinnace.objects.client import Options
from pinnace.objects.errors import StatusError
from pinnace.objects.remote import Remote
from pinnace.objects.writing import Admission

UNKNOWN = frozenset({403, 404, 405, 503})
"""Answers that only mean that something cannot be seen."""
EXISTS = 409
OWN_LIMIT = "this platform"
"""How refusals speak of what cannot be done here; elsewhere it may be."""


def check(target: Path, context: str, profile: tuple[str, ...], overlay: str, kubeconfig: Path | None) -> int:
    """0: nothing stands in the way; 1: something does."""
    documents, files = read(target, overlay)
    catalogue = Catalogue.builtin()
    if bool(context) == bool(profile):
        raise Failure(
            "name a cluster to check against: --context NAME, or --profile NAME (kubeflow-1.10, say)"
        )
    if profile:
        cluster, found = offline(documents, list(profile), catalogue)
    else:
        cluster, found = asyncio.run(online(documents, context, kubeconfig, catalogue))
    return tell(found, files, cluster.name, len(documents))


def read(target: Path, overlay: str) -> tuple[list[Obj], dict[tuple[str, str], str]]:
    """The documents, and the file of each (kind, name)."""
    if not target.exists():
        raise Failure(f"{target} is not there")
    if target.is_file():
        return loaded(target.read_text(), str(target)), {}
    if (target / "overlays").is_dir():
        known = [one.name for one in sorted((target / "overlays").iterdir())]
        if overlay not in known:
            raise Failure(f"{target} has no overlay {overlay!r}; it has {', '.join(known)}")
        documents = rendered(target / "overlays" / overlay)
        for part in ("cluster", "secrets", "endpoints"):
            if (target / part / "kustomization.yaml").exists():
                documents += within(rendered(target / part), documents)
        return documents, origins(target)
    if (target / "kustomization.yaml").exists():
        return rendered(target), origins(target)
    documents = [
        one for file in sorted(target.rglob("*.y*ml")) for one in loaded(file.read_text(), str(file))
    ]
    return documents, origins(target)


def within(part: list[Obj], documents: list[Obj]) -> list[Obj]:
    """Secrets and endpoints are applied into the namespace of the rest."""
    namespace = next((n for one in documents if (n := one["metadata"].get("namespace"))), "")
    catalogue = Catalogue.builtin()
    for one in part:
        resource = catalogue.kind(one["apiVersion"], one["kind"])
        if namespace and resource is not None and resource.namespaced:
            one["metadata"].setdefault("namespace", namespace)
    return part


def rendered(folder: Path) -> list[Obj]:
    done = subprocess.run([binary(), "kustomize", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"kustomize cannot build {folder}: {done.stderr.strip()[-600:]}")
    return loaded(done.stdout, str(folder))


def loaded(text: str, origin: str) -> list[Obj]:
    import yaml

    try:
        found = list(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as error:
        raise Failure(f"{origin} is not valid YAML: {error}") from error
    listed = [one for each in found if isinstance(each, dict) for one in each.get("items") or [each]]
    objs = [one for one in listed if isinstance(one, dict) and one.get("kind") and one.get("apiVersion")]
    return [one for one in objs if one["kind"] != "Kustomization" and isinstance(one.get("metadata"), dict)]


def origins(folder: Path) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for file in sorted(folder.rglob("*.yaml")):
        try:
            for one in loaded(file.read_text(), str(file)):
                found.setdefault(
                    (one["kind"], one["metadata"].get("name", "")), str(file.relative_to(folder))
                )
        except Failure:
            continue
    return found


def offline(documents: list[Obj], names: list[str], catalogue: Catalogue) -> tuple[Cluster, list[Finding]]:
    for name in names:
        if name not in profiles.PROFILES:
            raise Failure(f"there is no profile {name!r}; known are {', '.join(profiles.PROFILES)}")
    cluster = profiles.profile(names, catalogue)
    found = checking.findings(documents, cluster)
    named = {one.where for one in found if not one.path.endswith(".image") and one.level == ERROR}
    admission = Admission(catalogue)
    for obj in documents:
        place = checking.where(obj)
        if place in named or (obj["apiVersion"], obj["kind"]) not in cluster.served:
            continue
        # Without a cluster the definitions that ship here stand for its schemas.
        said = problem(admission, catalogue, obj)
        if said and OWN_LIMIT not in said:
            found.append(Finding(place, "", said.removeprefix(f"{place}: "), "correct the document"))
    return cluster, found


async def online(
    documents: list[Obj], context: str, kubeconfig: Path | None, catalogue: Catalogue
) -> tuple[Cluster, list[Finding]]:
    try:
        remote = Remote(kubeconfig or kubefiles.paths(), context)
    except ValueError as error:
        raise Failure(str(error)) from error
    try:
        cluster = await seen(remote, context, documents, catalogue)
        found = checking.findings(documents, cluster)
        return cluster, [*found, *await offered(remote, cluster, documents, found)]
    except StatusError as error:
        raise Failure(f"the cluster of context {context} does not answer: {error.message}") from error
    finally:
        await remote.close()


async def seen(remote: Remote, context: str, documents: list[Obj], catalogue: Catalogue) -> Cluster:
    cluster = Cluster(f"the cluster of context {context}")
    versions = {
        f"/apis/{v['groupVersion']}"
        for g in (await remote.document("/apis"))["groups"]
        for v in g["versions"]
    }
    for place in sorted({"/api/v1", *versions}):
        for one in (await seen_or(remote, place, {})).get("resources") or ():
            if "/" not in one["name"]:
                api = place.removeprefix("/apis/").removeprefix("/api/")
                cluster.served[api, one["kind"]] = Kind(one["name"], one["namespaced"])
    for api in {one["apiVersion"] for one in documents}:
        group = f"apis/{api}" if "/" in api else f"api/{api}"
        cluster.schemas.update(openapi.schemas(await seen_or(remote, f"/openapi/v3/{group}", {})))
    for key, namespace in sorted(checking.wanted(documents)):
        cluster.listed[key, namespace] = await objects(remote, resource(cluster, catalogue, key), namespace)
    return cluster


def resource(cluster: Cluster, catalogue: Catalogue, key: str) -> Resource | None:
    plural, _, group = key.partition(".")
    for (api, kind), one in cluster.served.items():
        if one.plural == plural and api.rpartition("/")[0] == group:
            return Resource(
                group=group,
                version=api.rpartition("/")[2],
                kind=kind,
                plural=plural,
                singular="",
                namespaced=one.namespaced,
            )
    return None


async def objects(remote: Remote, one: Resource | None, namespace: str) -> list[Obj] | None:
    """None: it cannot be seen. A kind that is not served has no objects."""
    if one is None:
        return []
    try:
        return (await remote.list(one, namespace)).items
    except StatusError as refusal:
        if refusal.code == 404:
            return []
        if refusal.code in UNKNOWN:
            return None
        raise


async def seen_or(remote: Remote, place: str, otherwise: Obj) -> Obj:
    try:
        return await remote.document(place)
    except StatusError as refusal:
        if refusal.code in UNKNOWN:
            return otherwise
        raise


async def offered(
    remote: Remote, cluster: Cluster, documents: list[Obj], found: list[Finding]
) -> list[Finding]:
    """The cluster's own word on each document that nothing was found against."""
    named = {one.where for one in found if one.level == ERROR}
    names = cluster.names(checking.NAMESPACES) or set()
    options = Options(dry_run=True, field_validation="Strict", field_manager="pinnace-check")
    made = []
    for obj in documents:
        served = cluster.served.get((obj["apiVersion"], obj["kind"]))
        namespace = obj["metadata"].get("namespace", "default") if served and served.namespaced else ""
        if served is None or checking.where(obj) in named or (namespace and namespace not in names):
            continue
        group, _, version = obj["apiVersion"].rpartition("/")
        kind = Resource(
            group=group,
            version=version,
            kind=obj["kind"],
            plural=served.plural,
            singular="",
            namespaced=served.namespaced,
        )
        try:
            await remote.create(kind, obj, namespace, options)
        except StatusError as refusal:
            if refusal.code not in (EXISTS, 403, 503):
                fix = "correct the document; the cluster's own words are above"
                made.append(Finding(checking.where(obj), "", refusal.message, fix))
            elif refusal.code == 403:
                fix = "have the right granted, or apply it as somebody who may"
                made.append(Finding(checking.where(obj), "", refusal.message, fix, WARNING))
    return made


def tell(found: list[Finding], files: dict[tuple[str, str], str], name: str, count: int) -> int:
    for one in found:
        kind, _, called = one.where.partition(" ")
        file = files.get((kind, called), "")
        place = ": ".join(part for part in (file, one.where, one.path) if part)
        print(f"{'warning: ' if one.level == WARNING else ''}{place}: {one.problem}\n    {one.fix}")
    errors = sum(one.level == ERROR for one in found)
    rest = f", {len(found) - errors} warnings" if len(found) > errors else ""
    if errors:
        print(f"{errors} things stand in the way of {count} documents on {name}{rest}")
        return 1
    print(f"{count} documents fit {name}{rest}")
    return 0
