"""The refusals of the API server, spelled once: who raises one names the resource and the object, never a
text.

Called by every module of `objects/`. Source of the wordings: kubernetes/apimachinery
pkg/api/errors/errors.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pinnace.kinds.cause import Cause, sentence
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.errors import StatusError

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
SERVER_REJECTED = "the server rejected our request due to an error in our request"


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def not_found(resource: Resource, name: str) -> StatusError:
    return StatusError(404, "NotFound", f'{resource.key} "{name}" not found', details=_plural(resource, name))


def already_exists(resource: Resource, name: str) -> StatusError:
    return StatusError(
        409, "AlreadyExists", f'{resource.key} "{name}" already exists', details=_plural(resource, name)
    )


def conflict(resource: Resource, name: str, why: str = MODIFIED, subject: str = "") -> StatusError:
    message = f'Operation cannot be fulfilled on {subject or resource.key} "{name}": {why}'
    return StatusError(409, "Conflict", message, details=_plural(resource, name))


def precondition(resource: Resource, current: Obj, label: str, wanted: str, found: str) -> StatusError:
    """Another object (or picture of it) is meant than the one that stands there: the words of the storage."""
    meta = current["metadata"]
    group = f"{resource.group}/{resource.plural}" if resource.custom else resource.plural
    place = "/".join(filter(None, ("/registry", group, meta.get("namespace", ""), meta["name"])))
    why = (
        f"StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: {label} in precondition: {wanted}, {label} in object meta: {found}"
    )
    return conflict(resource, meta["name"], why)


def forbidden(resource: Resource, name: str, why: str, causes: tuple[Cause, ...] = ()) -> StatusError:
    subject = f'{resource.key} "{name}"' if name else resource.key
    return StatusError(
        403, "Forbidden", f"{subject} is forbidden: {why}", causes=causes, details=_plural(resource, name)
    )


def invalid(resource: Resource, name: str, causes: Sequence[Cause]) -> StatusError:
    """422 with all causes: one stands alone, several stand in brackets."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    details = {"name": name, "group": resource.group, "kind": resource.kind}
    return StatusError(
        422,
        "Invalid",
        f'{kind} "{name}" is invalid: {sentence(causes)}',
        causes=tuple(causes),
        details={key: value for key, value in details.items() if value},
    )


def method_not_allowed(resource: Resource, verb: str) -> StatusError:
    message = f'{verb} is not supported on resources of kind "{resource.key}"'
    return StatusError(405, "MethodNotAllowed", message, details=_plural(resource, ""))


def unsupported_media(message: str) -> StatusError:
    return StatusError(415, "UnsupportedMediaType", message)


def expired(message: str) -> StatusError:
    return StatusError(410, "Expired", message)


def too_old(revision: int, current: int) -> StatusError:
    """The log no longer reaches back: list again and watch from there."""
    return expired(f"too old resource version: {revision} ({current})")


def strict_patch(patch: str, complaint: str) -> StatusError:
    """A patch after which a strict decoder finds fields that it does not know."""
    causes = (Cause("patch", f"Invalid value: {patch}: {complaint}", "FieldValueInvalid"),)
    return StatusError(422, "Invalid", f' "" is invalid: {sentence(causes)}', causes=causes)


def no_such_place() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource", details={})


def rejected_patch() -> StatusError:
    """What a JSON patch that does not apply is answered with; the text is the whole message."""
    return StatusError(422, "Invalid", SERVER_REJECTED, details={})


def disk_full() -> StatusError:
    return StatusError(
        507,
        "InsufficientStorage",
        "the disk that holds the platform's home is full: nothing was written, reads still work; "
        "free some space (`pinnace du`, `pinnace gc`) and try again",
    )


def _plural(resource: Resource, name: str) -> dict[str, Any]:
    details = {"name": name, "group": resource.group, "kind": resource.plural}
    return {key: value for key, value in details.items() if value}
