"""A service as the gateway knows it: hosts, paths and shares. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from pinnace.controllers.serving.parts import Part
from pinnace.controllers.serving.traffic import shares
from pinnace.gateway import hosts
from pinnace.gateway.interface import Backend, Endpoint, Route, Split
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj

DEFAULT_TIMEOUT = 300.0
EXPLAIN = r"v1/models/[\w-]+:explain"
"""Which requests are the explainer's (kserve pkg/constants, ExplainPath)."""
GRPC = "-grpc"
INFERENCE = r"/inference\.GRPCInferenceService/.*"
"""Which requests go to a second port that speaks gRPC."""


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    isvc: Obj
    domain: str
    parts: Sequence[Part]
    """Predictor first. Of each, the used revisions are to be reachable."""
    canaries: Sequence[Part] = ()
    """Of the predictor, in Standard mode: its targets name them."""
    reason: str = ""
    """Why nothing answers, if nothing shall wait for it (stopped)."""


def endpoint(picture: Picture) -> Endpoint:
    meta = picture.isvc["metadata"]
    name, namespace = meta["name"], meta["namespace"]
    return Endpoint(
        namespace=namespace, name=name, routes=tuple(routes(picture)), backends=tuple(backends(picture)),
        headers={"KServe-Isvc-Name": name, "KServe-Isvc-Namespace": namespace},
        timeout=max(float(part.spec.get("timeout") or DEFAULT_TIMEOUT) for part in picture.parts),
    )


def backends(picture: Picture) -> list[Backend]:
    found: list[Backend] = []
    for part in (*picture.parts, *picture.canaries):
        for revision in part.revisions:
            if revision.name in part.used:
                seen, plan = part.observed[revision.name], revision.plan
                found.append(backend(picture, revision.name, seen.addresses, plan.health, h2=plan.h2))
                if plan.grpc:
                    found.append(backend(picture, f"{revision.name}{GRPC}", seen.grpc, "", h2=True))
    return found


def backend(picture: Picture, name: str, addresses: tuple[str, ...], health: str, *, h2: bool) -> Backend:
    return Backend(
        name=name, addresses=() if picture.reason else addresses, health=health, waiting=not picture.reason,
        reason=picture.reason, h2=h2,
    )


def routes(picture: Picture) -> list[Route]:
    """The service's own name leads to the transformer if there is one, and its `:explain` to the explainer;
    each component has a name of its own, each tag too."""
    splits = {part.component: shared_out(part) for part in picture.parts}
    top = splits.get("transformer") or splits["predictor"]
    explain = splits.get("explainer")
    found: list[Route] = []
    for hosts_, prefix in top_places(picture):
        rewrite = "/" if prefix != "/" else ""
        if explain:
            path = f"{re.escape(prefix)}{EXPLAIN}"
            found.append(Route(hosts=hosts_, splits=explain, prefix=prefix, rewrite=rewrite, path=path))
        found.append(Route(hosts=hosts_, splits=top, prefix=prefix, rewrite=rewrite))
        if prefix == "/":
            found += second(hosts_, top, picture)
    for part in picture.parts:
        found += of_part(picture, part, splits[part.component])
    for part in picture.canaries:
        found += of_part(picture, part, shared_out(part))
    return found


def top_places(picture: Picture) -> list[tuple[tuple[str, ...], str]]:
    """(hosts, prefix) of the service as a whole."""
    name, namespace = picture.isvc["metadata"]["name"], picture.isvc["metadata"]["namespace"]
    paths = (hosts.paths(picture.domain), f"/serving/{namespace}/{name}/")
    return [(naming(picture)(name, namespace, picture.domain), "/"), paths]


def of_part(picture: Picture, part: Part, splits: tuple[Split, ...]) -> list[Route]:
    namespace, domain = picture.isvc["metadata"]["namespace"], picture.domain
    own = (*naming(picture)(part.service, namespace, domain), *hosts.cluster(f"{part.service}.{namespace}"))
    found = [
        Route(hosts=tuple(dict.fromkeys(own)), splits=splits),
        *second(tuple(dict.fromkeys(own)), splits, picture),
        Route(hosts=hosts.paths(domain), splits=splits, prefix=f"/serving/{namespace}/{part.service}/",
              rewrite="/"),
    ]
    for target in part.targets:
        if target.tag:
            tagged = naming(picture)(f"{target.tag}-{part.service}", namespace, domain)
            found.append(Route(hosts=tagged, splits=(Split(target.revision, 100),)))
    return found


def second(hosts_: tuple[str, ...], splits: tuple[Split, ...], picture: Picture) -> list[Route]:
    """gRPC, where every revision that has a share has a port for it."""
    parts = (*picture.parts, *picture.canaries)
    able = {each.name for part in parts for each in part.revisions if each.plan.grpc}
    if not splits or not all(split.backend in able for split in splits):
        return []
    moved = tuple(Split(f"{split.backend}{GRPC}", split.percent) for split in splits)
    return [Route(hosts=hosts_, splits=moved, path=INFERENCE)]


def shared_out(part: Part) -> tuple[Split, ...]:
    """Shares of its revisions; whoever asks before the first is ready waits for the newest."""
    percents = shares(list(part.targets))
    return tuple(Split(revision, percent) for revision, percent in percents.items() if percent) or tuple(
        Split(revision.name, 100) for revision in part.revisions[-1:]
    )


def naming(picture: Picture) -> Callable[[str, str, str], tuple[str, ...]]:
    standard = serving.mode(picture.isvc) == serving.STANDARD
    return hosts.standard if standard else hosts.knative
