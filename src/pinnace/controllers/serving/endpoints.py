"""A service as the gateway knows it: hosts, paths and shares. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pinnace.controllers.serving.observed import Observed
from pinnace.controllers.serving.revisions import Revision
from pinnace.controllers.serving.traffic import Target, shares
from pinnace.gateway import hosts
from pinnace.gateway.interface import Backend, Endpoint, Route, Split
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj

DEFAULT_TIMEOUT = 300.0


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    isvc: Obj
    domain: str
    traffic: Sequence[Target]
    revisions: dict[str, tuple[Revision, Observed]]
    """Those that are to be reachable: with traffic, with a tag, or about to get some."""
    reason: str = ""
    """Why nothing answers, if nothing shall wait for it (stopped)."""


def endpoint(picture: Picture) -> Endpoint:
    meta = picture.isvc["metadata"]
    name, namespace = meta["name"], meta["namespace"]
    return Endpoint(
        namespace=namespace, name=name, routes=tuple(routes(picture)), backends=tuple(backends(picture)),
        headers={"KServe-Isvc-Name": name, "KServe-Isvc-Namespace": namespace},
        timeout=float(picture.isvc["spec"]["predictor"].get("timeout") or DEFAULT_TIMEOUT),
    )


def backends(picture: Picture) -> list[Backend]:
    return [
        Backend(
            name=revision.name, addresses=() if picture.reason else observed.addresses,
            health=revision.plan.health, waiting=not picture.reason, reason=picture.reason,
        )
        for revision, observed in picture.revisions.values()
    ]


def routes(picture: Picture) -> list[Route]:
    name, namespace = picture.isvc["metadata"]["name"], picture.isvc["metadata"]["namespace"]
    percents = shares(list(picture.traffic))
    splits = tuple(Split(revision, percent) for revision, percent in percents.items() if percent)
    if not splits:
        splits = tuple(Split(revision, 100) for revision in list(picture.revisions)[-1:])
    service, domain = serving.service(picture.isvc), picture.domain
    naming = hosts.standard if serving.mode(picture.isvc) == serving.STANDARD else hosts.knative
    main = (*naming(name, namespace, domain), *naming(service, namespace, domain))
    prefix = f"/serving/{namespace}/{name}/"
    found = [
        Route(hosts=tuple(dict.fromkeys((*main, *cluster(picture, service, namespace)))), splits=splits),
        Route(hosts=hosts.paths(domain), splits=splits, prefix=prefix, rewrite="/"),
    ]
    for target in picture.traffic:
        if target.tag:
            tagged = naming(f"{target.tag}-{service}", namespace, domain)
            found.append(Route(hosts=tagged, splits=(Split(target.revision, 100),)))
    return found


def cluster(picture: Picture, service: str, namespace: str) -> tuple[str, ...]:
    """The name inside a cluster, which status.address carries in both modes."""
    standard = serving.mode(picture.isvc) == serving.STANDARD
    return hosts.cluster(f"{service}.{namespace}") if standard else ()
