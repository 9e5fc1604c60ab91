"""Questions that are asked by creating an object which nobody stores: may I, may they, who am I, whose token.

Answered from the authoriser that `objects/` uses itself, so `kubectl auth can-i` says what will happen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pinnace.api.context import ApiContext
from pinnace.api.http import Request
from pinnace.api.kube import body, parameters
from pinnace.api.kube.negotiation import form
from pinnace.api.kube.presentation import send
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Identity

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
    status = ANSWERS[review.kind](request, context, spec)
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
    if attributes is None:
        return _verdict("system:masters" in identity.groups, identity)
    asked = {key: value if isinstance(value, str) else "" for key, value in attributes.items()}
    resource = _resource(context, asked)
    allowed = context.allowed(
        identity, asked.get("verb", ""), resource, asked.get("namespace", ""), asked.get("name", ""),
        asked.get("subresource", ""),
    )
    return _verdict(allowed, identity)


def _verdict(allowed: bool, identity: Identity) -> dict[str, Any]:
    if allowed:
        return {"allowed": True}
    return {"allowed": False, "reason": f"nothing allows this to {identity.user}"}


def _resource(context: ApiContext, asked: dict[str, str]) -> Resource:
    """The kind that is asked about; one that is not served is judged by its name alone, as upstream does."""
    group, plural = asked.get("group", ""), asked.get("resource", "")
    for resource in context.catalogue.resources():
        if resource.group == group and resource.plural == plural:
            return resource
    version = asked.get("version") or "v1"
    return Resource(group=group, version=version, kind=plural, plural=plural, singular=plural)


def _self_access(request: Request, context: ApiContext, spec: dict[str, Any]) -> dict[str, Any]:
    return _access(context, request.identity, spec)


def _subject_access(request: Request, context: ApiContext, spec: dict[str, Any]) -> dict[str, Any]:
    user, groups = spec.get("user") or "", spec.get("groups") or []
    if not isinstance(user, str) or not isinstance(groups, list):
        raise parameters.bad("spec: user must be a string and groups a list of strings")
    if not user and not groups:
        words = "Invalid value: at least one of user or group must be specified"
        raise parameters.invalid("spec.user", words)
    return _access(context, Identity(user, tuple(map(str, groups))), spec)


def _rules(request: Request, context: ApiContext, spec: dict[str, Any]) -> dict[str, Any]:
    if "system:masters" not in request.identity.groups:
        return {"resourceRules": [], "nonResourceRules": [], "incomplete": True,
                "evaluationError": "only the rights of the machine's owner can be listed"}
    return {
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    }


def _self(request: Request, context: ApiContext, spec: dict[str, Any]) -> dict[str, Any]:
    return {"userInfo": _user(request.identity)}


def _token(request: Request, context: ApiContext, spec: dict[str, Any]) -> dict[str, Any]:
    token = spec.get("token")
    found = context.authenticator.by_bare_token(token) if isinstance(token, str) else None
    if found is None:
        return {"authenticated": False, "user": {}, "error": "this token is not one of this platform's"}
    return {"authenticated": True, "user": _user(found)}


def _user(identity: Identity) -> dict[str, Any]:
    user: dict[str, Any] = {"username": identity.user, "groups": list(identity.groups)}
    if identity.uid:
        user["uid"] = identity.uid
    return user


ANSWERS: dict[str, Callable[[Request, ApiContext, dict[str, Any]], dict[str, Any]]] = {
    "SelfSubjectAccessReview": _self_access,
    "SubjectAccessReview": _subject_access,
    "LocalSubjectAccessReview": _subject_access,
    "SelfSubjectRulesReview": _rules,
    "SelfSubjectReview": _self,
    "TokenReview": _token,
}
