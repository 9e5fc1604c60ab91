"""What a Kubernetes path names, and which verb a method on it is.

Source of the paths: kubernetes/apiserver pkg/endpoints/request/requestinfo.go. Segments are split before they
are decoded, so nothing that a client encodes can move to another segment.
"""

from __future__ import annotations

from urllib.parse import unquote

import msgspec

from pinnace.api.http import not_found
from pinnace.objects.errors import StatusError

NAMESPACE_PARTS = frozenset({"status", "finalize"})
"""Subresources of a namespace itself, where other words are resources inside it."""
CONNECTIONS = frozenset({"proxy", "exec", "attach", "portforward"})


class Target(msgspec.Struct, frozen=True):
    """`rest` is what stands after a connection's subresource, as sent (`/apis/v2beta1/…`)."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


def parse(path: str) -> Target:
    """`path` as sent, e.g. `/api/v1/namespaces/a/pods/b/log`. StatusError 404 or 400."""
    raw = path.split("/")[1:]
    group, version, raw = ("", raw[1], raw[2:]) if raw[0] == "api" else (raw[1], raw[2], raw[3:])
    namespace = ""
    if _inside_namespace(group, raw):
        namespace, raw = raw[1], raw[2:]
    connection = len(raw) > 2 and raw[2] in CONNECTIONS
    rest = "/" + "/".join(raw[3:]) if connection and len(raw) > 3 else ""
    parts = raw[:3] if connection else raw
    if parts and parts[-1] == "":
        parts = parts[:-1]
    if not parts or len(parts) > 3 or "" in parts:
        raise not_found()
    plural, name, subresource = (*map(_segment, parts), "", "")[:3]
    return Target(unquote(group), unquote(version), plural, _segment(namespace), name, subresource, rest)


def verb(method: str, target: Target, watching: bool) -> str:
    """The Kubernetes verb ('' if the method has none here)."""
    if target.name:
        return {"GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete",
                "POST": "create" if target.subresource else ""}.get(method, "")
    if method in ("GET", "HEAD"):
        return "watch" if watching else "list"
    return {"POST": "create", "DELETE": "deletecollection"}.get(method, "")


def _inside_namespace(group: str, raw: list[str]) -> bool:
    if len(raw) < 3 or raw[0] != "namespaces" or raw[2] == "":
        return False
    return not (group == "" and len(raw) == 3 and raw[2] in NAMESPACE_PARTS)


def _segment(raw: str) -> str:
    """One decoded path segment. StatusError 400: it could never be a name (`..`, a slash, a percent sign)."""
    try:
        text = unquote(raw, errors="strict")
    except UnicodeDecodeError:
        text = "%"
    if text in (".", ".."):
        raise StatusError(400, "BadRequest", f'invalid resource name "{text}": [may not be \'{text}\']')
    for wrong in ("/", "%", "\0"):
        if wrong in text:
            shown = text.replace("\0", "\\0")
            message = f"invalid resource name \"{shown}\": [may not contain '{wrong}']"
            raise StatusError(400, "BadRequest", message.replace("\0", "\\0"))
    return text
