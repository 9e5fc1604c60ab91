"""Questions that are asked by creating an object which nobody stores: may I, may they, who am I, whose token.

Answered from the authoriser that `objects/` uses itself, so `kubectl auth can-i` says what will happen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pinnace.api.context import ApiContext
from pinnace.api.http import Request
from pinnace.api.kube import body, parameters
from pinnace.api.kube.negotiation import form
from pinnace.api.kube.presentation import send
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Identity
from pinnace.objects.rights.rule import Asked
from pinnace.objects.tokens import InvalidToken

AUTHORIZATION, AUTHENTICATION = "authorization.k8s.io", "authentication.k8s.io"


def _review(group: str, kind: str, namespaced: bool = False) -> Resource:
    return Resource(
        group=group, version="v1", kind=kind, plural=f"{kind.lower()}s", singular=kind.lower(),
        namespaced=namespaced, verbs=("create",),
    )


REVIEWS = (
    _review(AUTHENTICATION, "SelfSubjectReview"),
    _review(AUTHENTICATION, "TokenReview"),
    _review(AUTHORIZATION, "LocalSubjectAccessReview", True),
    _review(AUTHORIZATION, "SelfSubjectAccessReview"),
    _review(AUTHORIZATION, "SelfSubjectRulesReview"),
    _review(AUTHORIZATION, "SubjectAccessReview"),
)
BY_PLURAL = {(review.group, review.plural): review for review in REVIEWS}


async def answer(request: Request, context: ApiContext, review: Resource, namespace: str) -> None:
    document = await body.read(await request.body(), request.header(b"content-type"))
    if not isinstance(document, dict) or document.get("kind", review.kind) != review.kind:
        raise parameters.bad(f"the body must be a {review.kind}")
    spec = document.get("spec")
    spec = {} if spec is None else spec
    if not isinstance(spec, dict):
        raise parameters.bad("spec: must be an object")
    if namespace and (spec.get("resourceAttributes") or {}).get("namespace", namespace) != namespace:
        raise parameters.invalid(
            "spec.resourceAttributes.namespace", f"Invalid value: must match metadata.namespace: {namespace}"
        )
    status = await ANSWERS[review.kind](request, context, spec)
    answered: Obj = {
        "kind": review.kind, "apiVersion": review.api_version,
        "metadata": document.get("metadata") or {"creationTimestamp": None}, "spec": spec, "status": status,
    }
    if review.kind == "SelfSubjectReview":
        del answered["spec"]
    await send(request, 201, answered, form(request.header(b"accept"), tables=False))


def _access(context: ApiContext, identity: Identity, spec: dict[str, Any]) -> dict[str, Any]:
    attributes = spec.get("resourceAttributes")
    paths = spec.get("nonResourceAttributes")
    if (attributes is None) == (paths is None) or not isinstance(attributes or paths, dict):
        raise parameters.invalid(
            "spec.resourceAttributes",
            "Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )
    words = {key: value for key, value in (attributes or paths or {}).items() if isinstance(value, str)}
    if attributes is None:
        allowed = context.authoriser.allow_path(identity, words.get("verb", ""), words.get("path", ""))
        return {"allowed": allowed}
    asked = Asked(
        words.get("verb", ""), words.get("group", ""), words.get("resource", ""), words.get("namespace", ""),
        words.get("name", ""), words.get("subresource", ""),
    )
    reason = context.authoriser.reason(identity, asked)
    verdict: dict[str, Any] = {"allowed": context.authoriser.may(identity, asked)}
    return {**verdict, "reason": reason} if reason else verdict


async def _self_access(request: Request, context: ApiContext, spec: dict[str, Any]) -> dict[str, Any]:
    return _access(context, request.identity, spec)


async def _subject_access(request: Request, context: ApiContext, spec: dict[str, Any]) -> dict[str, Any]:
    user, groups = spec.get("user") or "", spec.get("groups") or []
    if not isinstance(user, str) or not isinstance(groups, list):
        raise parameters.bad("spec: user must be a string and groups a list of strings")
    if not user and not groups:
        words = "Invalid value: at least one of user or group must be specified"
        raise parameters.invalid("spec.user", words)
    return _access(context, Identity(user, tuple(map(str, groups))), spec)


async def _rules(request: Request, context: ApiContext, spec: dict[str, Any]) -> dict[str, Any]:
    namespace = spec.get("namespace")
    if not isinstance(namespace, str) or not namespace:
        raise parameters.bad("no namespace on request")
    rules = context.authoriser.held(request.identity, namespace)
    return {
        "resourceRules": [rule.document() for rule in rules if not rule.urls],
        "nonResourceRules": [rule.document() for rule in rules if rule.urls],
        "incomplete": False,
    }


async def _self(request: Request, context: ApiContext, spec: dict[str, Any]) -> dict[str, Any]:
    return {"userInfo": _user(request.identity)}


async def _token(request: Request, context: ApiContext, spec: dict[str, Any]) -> dict[str, Any]:
    token, audiences = spec.get("token"), spec.get("audiences") or []
    if not isinstance(token, str) or not token:
        raise parameters.invalid("spec.token", "Required value: must not be empty")
    try:
        found = await context.authenticator.verified(token, map(str, audiences))
    except InvalidToken as problem:
        return {"authenticated": False, "user": {}, "error": f"[invalid bearer token, {problem}]"}
    user = _user(found.identity)
    return {"authenticated": True, "user": user, "audiences": list(found.audiences)}


def _user(identity: Identity) -> dict[str, Any]:
    user: dict[str, Any] = {"username": identity.user, "groups": list(identity.groups)}
    if identity.uid:
        user["uid"] = identity.uid
    if identity.extra:
        user["extra"] = {key: list(values) for key, values in identity.extra}
    return user


ANSWERS: dict[str, Callable[[Request, ApiContext, dict[str, Any]], Awaitable[dict[str, Any]]]] = {
    "SelfSubjectAccessReview": _self_access,
    "SubjectAccessReview": _subject_access,
    "LocalSubjectAccessReview": _subject_access,
    "SelfSubjectRulesReview": _rules,
    "SelfSubjectReview": _self,
    "TokenReview": _token,
}
