"""What is served here: `/api`, `/apis` and below, plain and aggregated, from the catalogue as it is now.

Also lists the reviews, which are answered by `reviews.py` and stored nowhere. Source of the shapes:
kubernetes/apiserver pkg/endpoints/discovery and apidiscovery.k8s.io/v2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pinnace.api.http import Request, not_found
from pinnace.api.kube.negotiation import clauses, form
from pinnace.api.kube.presentation import send
from pinnace.api.kube.reviews import REVIEWS
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Resource

AGGREGATED = "APIGroupDiscoveryList"
AGGREGATED_VERSIONS = ("v2", "v2beta1")
FIRST_GROUPS = ("apps", "batch", "events.k8s.io")
"""Groups come in this order where two have a kind of one name: the first is what a bare name means."""
SUBRESOURCE_VERBS = {
    "status": ("get", "patch", "update"), "scale": ("get", "patch", "update"), "log": ("get",),
    "finalize": ("update",), "ephemeralcontainers": ("get", "patch", "update"),
    "proxy": ("create", "delete", "get", "patch", "update"),
    "exec": ("create", "get"), "attach": ("create", "get"), "portforward": ("create", "get"),
    "eviction": ("create",), "binding": ("create",), "token": ("create",),
}
FOREIGN_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"), "proxy": ("", "v1", "ServiceProxyOptions"),
    "exec": ("", "v1", "PodExecOptions"), "attach": ("", "v1", "PodAttachOptions"),
    "portforward": ("", "v1", "PodPortForwardOptions"), "eviction": ("policy", "v1", "Eviction"),
    "binding": ("", "v1", "Binding"), "token": ("authentication.k8s.io", "v1", "TokenRequest"),
}

ANSWERED = frozenset({"status", "scale", "log", "finalize", "ephemeralcontainers"})
"""Subresources that this face answers itself; others come with an `ApiContext.connects`."""

Groups = dict[str, dict[str, list[Resource]]]


class Discovery:
    def __init__(self, catalogue: Catalogue, connects: Iterable[tuple[str, str]] = ()) -> None:
        self.catalogue = catalogue
        self.connects = frozenset(connects)

    def groups(self) -> Groups:
        """Group → version → resources; groups and versions in the order in which they are preferred."""
        found: Groups = {}
        for resource in [*self.catalogue.resources(), *REVIEWS]:
            found.setdefault(resource.group, {}).setdefault(resource.version, []).append(resource)
        return {
            group: {version: found[group][version] for version in sorted(found[group], key=version_order)}
            for group in sorted(found, key=_group_order)
        }

    async def answer(self, request: Request, parts: Sequence[str]) -> None:
        """`parts`: `api`, `api/v1`, `apis`, `apis/<group>` or `apis/<group>/<version>`."""
        accept = request.header(b"accept")
        version = aggregated_version(accept) if len(parts) == 1 else ""
        if version:
            media = f"application/json;g=apidiscovery.k8s.io;v={version};as={AGGREGATED}"
            document = self.aggregated(parts[0] == "api", version)
            await request.json(200, document, [(b"content-type", media.encode()), (b"vary", b"Accept")])
            return
        wanted = form(accept, tables=False)
        await send(request, 200, self.plain(parts), wanted, [(b"vary", b"Accept")])

    def plain(self, parts: Sequence[str]) -> dict[str, Any]:
        groups = self.groups()
        if parts == ["api"]:
            return {
                "kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
            }
        if parts == ["apis"]:
            listed = [_group(name, versions) for name, versions in groups.items() if name]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}
        group = "" if parts[0] == "api" else parts[1]
        if group not in groups or (parts[0] == "apis" and group == ""):
            raise not_found()
        if parts[0] == "apis" and len(parts) == 2:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, groups[group])}
        version = parts[-1]
        if version not in groups[group]:
            raise not_found()
        return self._resource_list(groups[group][version], group, version)

    def aggregated(self, core: bool, version: str) -> dict[str, Any]:
        items = [
            {
                "metadata": {"name": name} if name else {},
                "versions": [
                    {"version": each, "resources": [self._aggregated(one) for one in resources],
                     "freshness": "Current"}
                    for each, resources in versions.items()
                ],
            }
            for name, versions in self.groups().items()
            if (name == "") == core
        ]
        api = f"apidiscovery.k8s.io/{version}"
        return {"kind": AGGREGATED, "apiVersion": api, "metadata": {}, "items": items}

    def subresources(self, resource: Resource) -> list[str]:
        """Those that are answered: a kind's data names more, of parts that have no place here yet."""
        connected = {name for key, name in self.connects if key == resource.key}
        return sorted(connected | (resource.subresources & ANSWERED))

    def _resource_list(self, resources: list[Resource], group: str, version: str) -> dict[str, Any]:
        rows: list[dict[str, Any]] = []
        for resource in resources:
            rows.append(_row(resource))
            rows += [_subrow(resource, name) for name in self.subresources(resource)]
        name = f"{group}/{version}" if group else version
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": rows}

    def _aggregated(self, resource: Resource) -> dict[str, Any]:
        row: dict[str, Any] = {
            "resource": resource.plural,
            "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "singularResource": resource.singular,
            "verbs": list(resource.verbs),
        }
        if resource.short_names:
            row["shortNames"] = list(resource.short_names)
        if resource.categories:
            row["categories"] = list(resource.categories)
        below = [_aggregated_sub(resource, name) for name in self.subresources(resource)]
        if below:
            row["subresources"] = below
        return row


def aggregated_version(accept: str) -> str:
    """The version of aggregated discovery that is wanted most, '' if plain discovery is."""
    for clause in clauses(accept):
        if clause.params.get("as") == AGGREGATED and clause.params.get("v") in AGGREGATED_VERSIONS:
            return clause.params["v"]
        if clause.media in ("application/json", "*/*") and "as" not in clause.params:
            return ""
    return ""


def version_order(version: str) -> tuple[int, int, int, str]:
    """Stable before beta before alpha, higher before lower (kubernetes/apimachinery pkg/version)."""
    if not version.startswith("v"):
        return (3, 0, 0, version)
    for rank, word in ((2, "alpha"), (1, "beta")):
        major, found, minor = version[1:].partition(word)
        if found and major.isdigit() and (minor.isdigit() or not minor):
            return (rank, -int(major), -int(minor or 0), version)
    return (0, -int(version[1:]), 0, version) if version[1:].isdigit() else (3, 0, 0, version)


def _group_order(group: str) -> tuple[int, str]:
    if group == "":
        return (0, "")
    if group in FIRST_GROUPS:
        return (1, str(FIRST_GROUPS.index(group)))
    return (2 if group.endswith("k8s.io") or "." not in group else 3, group)


def _group(name: str, versions: dict[str, list[Resource]]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _row(resource: Resource) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
        "kind": resource.kind, "verbs": list(resource.verbs),
    }
    if resource.short_names:
        row["shortNames"] = list(resource.short_names)
    if resource.categories:
        row["categories"] = list(resource.categories)
    return row


def _subrow(resource: Resource, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"name": f"{resource.plural}/{name}", "singularName": "",
                           "namespaced": resource.namespaced}
    if name in FOREIGN_KINDS:
        group, version, kind = FOREIGN_KINDS[name]
        row |= {"kind": kind} | ({"group": group, "version": version} if group else {})
    else:
        row["kind"] = resource.kind
    row["verbs"] = list(SUBRESOURCE_VERBS.get(name, ("get",)))
    return row


def _aggregated_sub(resource: Resource, name: str) -> dict[str, Any]:
    group, version, kind = FOREIGN_KINDS.get(name, (resource.group, resource.version, resource.kind))
    return {
        "subresource": name,
        "responseKind": {"group": group, "version": version, "kind": kind},
        "verbs": list(SUBRESOURCE_VERBS.get(name, ("get",))),
    }
