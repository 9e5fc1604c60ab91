"""`serviceaccounts/token`: a token on request (`kubectl create token`), bound to an object if one is named.

Registered by `face.py`, which has asked the authoriser. Source: kubernetes
pkg/registry/core/serviceaccount/storage/token.go and pkg/apis/authentication/validation/validation.go.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pinnace.api.context import ApiContext, Connect
from pinnace.api.http import Request, method_not_allowed
from pinnace.api.kube import body, parameters
from pinnace.api.kube.target import Target
from pinnace.kinds import cause
from pinnace.kinds.resource import Obj
from pinnace.objects.client import SYSTEM
from pinnace.objects.errors import StatusError
from pinnace.objects.tokens import AUDIENCES

SHORTEST, LONGEST, USUAL = 600, 1 << 32, 3600
BOUND = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}
API_VERSION = "authentication.k8s.io/v1"


def requesting(context: ApiContext) -> Connect:
    async def request_token(request: Request, target: Target) -> None:
        if request.method != "POST":
            raise method_not_allowed()
        document = await body.read(await request.body(), request.header(b"content-type"))
        if not isinstance(document, dict) or document.get("kind", "TokenRequest") != "TokenRequest":
            raise parameters.bad("the body must be a TokenRequest")
        await request.json(201, await answered(context, target, document))

    return request_token


async def answered(context: ApiContext, target: Target, document: Obj) -> Obj:
    spec = document.get("spec") or {}
    audiences, seconds = _checked(target.name, spec)
    client = context.client(SYSTEM)
    accounts = context.catalogue.find("", "v1", "serviceaccounts")
    assert accounts is not None
    owner = await client.get(accounts, target.name, target.namespace)
    bound = await _bound(context, target, spec.get("boundObjectRef"))
    tokens = await context.tokens().ready()
    issued = tokens.issue(owner, audiences=audiences, seconds=seconds, bound=bound)
    until = datetime.fromtimestamp(issued.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "kind": "TokenRequest", "apiVersion": API_VERSION,
        "metadata": {"name": target.name, "namespace": target.namespace, "creationTimestamp": None},
        "spec": {
            "audiences": audiences, "expirationSeconds": seconds,
            "boundObjectRef": spec.get("boundObjectRef"),
        },
        "status": {"token": issued.text, "expirationTimestamp": until},
    }


def _checked(name: str, spec: Any) -> tuple[list[str], int]:
    """StatusError 422: what is asked for is refused by its kind."""
    seconds, audiences = spec.get("expirationSeconds"), spec.get("audiences")
    seconds = USUAL if seconds is None else seconds
    wanted = [str(one) for one in audiences] if isinstance(audiences, list) and audiences else [AUDIENCES[0]]
    found = []
    if not isinstance(seconds, int) or seconds < SHORTEST:
        words = "may not specify a duration less than 10 minutes"
        found.append(cause.invalid("spec.expirationSeconds", seconds, words))
    elif seconds > LONGEST:
        words = "may not specify a duration larger than 2^32 seconds"
        found.append(cause.invalid("spec.expirationSeconds", seconds, words))
    if found:
        raise parameters.refused("TokenRequest", found, name, "authentication.k8s.io")
    return wanted, seconds


async def _bound(context: ApiContext, target: Target, reference: Any) -> tuple[str, Obj] | None:
    if not reference:
        return None
    kind, name = str(reference.get("kind")), str(reference.get("name"))
    plural = BOUND.get(kind)
    resource = context.catalogue.find("", "v1", plural) if plural else None
    if resource is None:
        raise parameters.bad(f"cannot bind token for serviceaccount {target.name!r} to object kind {kind!r}")
    place = target.namespace if resource.namespaced else ""
    found = await context.client(SYSTEM).get(resource, name, place)
    if reference.get("uid") and reference["uid"] != found["metadata"]["uid"]:
        raise StatusError(
            409, "Conflict",
            f'Operation cannot be fulfilled on {plural} "{name}": the UID in the bound object reference '
            f"({reference['uid']}) does not match the UID in record ({found['metadata']['uid']})",
            details={"name": name, "kind": plural},
        )
    if kind == "Pod" and (found["spec"].get("serviceAccountName") or "default") != target.name:
        raise parameters.bad(
            f'cannot bind token for serviceaccount "{target.name}" to pod running with different '
            f"serviceaccount name."
        )
    return kind.lower(), found
