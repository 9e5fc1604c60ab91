"""Query parameters and delete bodies as the Client's options. Every wrong value is a 4xx that names it."""

from __future__ import annotations

from typing import Any

from pinnace.api.http import Request
from pinnace.kinds import cause
from pinnace.objects.client import DeleteOptions, Options, Selection
from pinnace.objects.errors import Cause, StatusError

VALIDATIONS = ("Ignore", "Strict", "Warn")
PROPAGATIONS = ("Background", "Foreground", "Orphan")
MANAGER_LENGTH = 128
TRUE = frozenset({"1", "t", "true", ""})
FALSE = frozenset({"0", "f", "false"})


def flag(query: dict[str, str], name: str) -> bool:
    """A boolean; present without a value means yes, as upstream reads it."""
    if name not in query:
        return False
    text = query[name].lower()
    if text in TRUE or text in FALSE:
        return text in TRUE
    raise bad(f'strconv.ParseBool: parsing "{query[name]}": invalid syntax')


def integer(query: dict[str, str], name: str) -> int | None:
    """None when absent or empty."""
    text = query.get(name, "")
    if text == "":
        return None
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 18:
        raise bad(f'{name}: strconv.ParseInt: parsing "{text[:40]}": invalid syntax')
    return int(text)


def number(query: dict[str, str], name: str) -> int | None:
    """A non-negative integer, None when absent or empty."""
    found = integer(query, name)
    if found is not None and found < 0:
        raise bad(f"{name}: must be greater than or equal to 0")
    return found


def selection(request: Request, name: str = "") -> Selection:
    """`name`: only the object of this name (a watch of one)."""
    query = request.query
    _check_listing(query)
    fields = query.get("fieldSelector", "")
    if name:
        fields = ",".join(filter(None, (f"metadata.name={name}", fields)))
    return Selection(
        labels=query.get("labelSelector", ""),
        fields=fields,
        limit=number(query, "limit") or 0,
        continue_=query.get("continue", ""),
        resource_version=query.get("resourceVersion", ""),
    )


def _check_listing(query: dict[str, str]) -> None:
    """How `resourceVersionMatch` and `sendInitialEvents` go together (apimachinery's ValidateListOptions)."""
    match, revision = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    watching, initial = flag(query, "watch"), "sendInitialEvents" in query
    where, found = "resourceVersionMatch", []
    if watching and initial and match != "NotOlderThan":
        found.append(cause.forbidden(where, f"sendInitialEvents requires setting {where} to NotOlderThan"))
    if match and watching and not initial:
        words = f"{where} is forbidden for watch unless sendInitialEvents is provided"
        found.append(cause.forbidden(where, words))
    if match and not watching and not revision:
        found.append(cause.forbidden(where, f"{where} is forbidden unless resourceVersion is provided"))
    if match and query.get("continue"):
        found.append(cause.forbidden(where, f"{where} is forbidden when continue is provided"))
    known = ("NotOlderThan",) if watching else ("Exact", "NotOlderThan", "")
    if match and match not in known:
        found.append(cause.unsupported(where, match, known))
    if match == "Exact" and revision == "0" and not watching:
        words = f'{where} "exact" is forbidden for resourceVersion "0"'
        found.append(cause.forbidden(where, words))
    if initial and not watching:
        found.append(cause.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if found:
        raise refused("ListOptions.meta.k8s.io", "", found)


def options(request: Request, subresource: str = "") -> Options:
    query = request.query
    manager = query.get("fieldManager", "")
    if len(manager) > MANAGER_LENGTH or not manager.isprintable():
        words = f"Invalid value: must be printable and at most {MANAGER_LENGTH} characters"
        raise invalid("fieldManager", words)
    validation = query.get("fieldValidation") or "Warn"
    if validation not in VALIDATIONS:
        raise invalid("fieldValidation", _unsupported(validation, VALIDATIONS))
    return Options(
        dry_run=dry_run([query["dryRun"]] if query.get("dryRun") else []),
        field_manager=manager or default_manager(request),
        field_validation=validation,
        force=flag(query, "force"),
        subresource=subresource,
    )


def default_manager(request: Request) -> str:
    """Upstream takes the program's name from the User-Agent."""
    agent = request.header(b"user-agent").partition("/")[0][:MANAGER_LENGTH]
    return agent if agent and agent.isprintable() else "unknown"


def dry_run(values: Any) -> bool:
    if values not in ([], None, ["All"]):
        shown = str(values[0]) if isinstance(values, list) else str(values)
        raise invalid("dryRun", _unsupported(shown, ("All",)))
    return bool(values)


def delete_options(request: Request, body: Any) -> DeleteOptions:
    """From the body (a DeleteOptions or nothing), and where it is silent from the query."""
    if body is None:
        body = {}
    if not isinstance(body, dict) or body.get("kind", "DeleteOptions") != "DeleteOptions":
        raise bad("the body of a delete must be a DeleteOptions object or empty")
    query = request.query
    conditions = body.get("preconditions") or {}
    if not isinstance(conditions, dict):
        raise bad("preconditions: must be an object")
    grace = body.get("gracePeriodSeconds")
    if grace is None:
        grace = number(query, "gracePeriodSeconds")
    if grace is not None and (not isinstance(grace, int) or isinstance(grace, bool) or grace < 0):
        raise invalid("gracePeriodSeconds", "Invalid value: must be greater than or equal to 0")
    chosen = body.get("dryRun")
    return DeleteOptions(
        propagation=_propagation(query, body),
        grace_seconds=grace,
        uid=_text(conditions, "uid"),
        resource_version=_text(conditions, "resourceVersion"),
        dry_run=dry_run(chosen if chosen is not None else [query["dryRun"]] if query.get("dryRun") else []),
    )


def _propagation(query: dict[str, str], body: dict[str, Any]) -> str:
    orphan = body.get("orphanDependents")
    chosen = body.get("propagationPolicy") or query.get("propagationPolicy") or ""
    if not chosen and isinstance(orphan, bool):
        return "Orphan" if orphan else "Background"
    if chosen and chosen not in PROPAGATIONS:
        raise invalid("propagationPolicy", _unsupported(str(chosen), PROPAGATIONS))
    return str(chosen)


def _text(conditions: dict[str, Any], name: str) -> str:
    value = conditions.get(name)
    if value is not None and not isinstance(value, str):
        raise bad(f"preconditions.{name}: must be a string")
    return value or ""


def bad(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def refused(kind: str, name: str, causes: list[Cause]) -> StatusError:
    """Options that contradict each other or themselves, as upstream refuses them."""
    message = f'{kind} "{name}" is invalid: {cause.sentence(causes)}'
    return StatusError(422, "Invalid", message, causes=tuple(causes))


def invalid(field: str, message: str) -> StatusError:
    return StatusError(422, "Invalid", f"{field}: {message}", causes=(Cause(field, message),))


def _unsupported(value: str, known: tuple[str, ...]) -> str:
    names = ", ".join(f'"{name}"' for name in known)
    return f'Unsupported value: "{value[:80]}": supported values: {names}'
