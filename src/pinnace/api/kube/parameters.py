"""Query parameters and delete bodies as the Client's options. Every wrong value is a 4xx that names it."""

from __future__ import annotations

from typing import Any

from pinnace.api.http import Request
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


def number(query: dict[str, str], name: str) -> int | None:
    """A non-negative integer, None when absent or empty."""
    text = query.get(name, "")
    if text == "":
        return None
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 18:
        raise bad(f'{name}: strconv.ParseInt: parsing "{text[:40]}": invalid syntax')
    if int(text) < 0:
        raise bad(f"{name}: must be greater than or equal to 0")
    return int(text)


def selection(request: Request, name: str = "") -> Selection:
    """`name`: only the object of this name (a watch of one)."""
    query = request.query
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


def invalid(field: str, message: str) -> StatusError:
    return StatusError(422, "Invalid", f"{field}: {message}", causes=(Cause(field, message),))


def _unsupported(value: str, known: tuple[str, ...]) -> str:
    names = ", ".join(f'"{name}"' for name in known)
    return f'Unsupported value: "{value[:80]}": supported values: {names}'
