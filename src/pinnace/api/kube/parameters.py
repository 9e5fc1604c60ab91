"""Query parameters and delete bodies as the Client's options. Every wrong value is a 4xx that names it."""

from __future__ import annotations

from typing import Any

from pinnace.api.http import Request
from pinnace.kinds import cause
from pinnace.objects.client import DeleteOptions, Options, Selection
from pinnace.objects.errors import Cause, StatusError

VALIDATIONS = ("Ignore", "Warn", "Strict")
PROPAGATIONS = ("Foreground", "Background", "Orphan")
APPLY_PATCH = "application/apply-patch+yaml"
OPTIONS = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"}
META = "meta.k8s.io"
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
        raise bad(f'strconv.ParseInt: parsing "{text[:40]}": invalid syntax')
    return int(text)


def number(query: dict[str, str], name: str) -> int | None:
    """A non-negative integer, None when absent or empty."""
    found = integer(query, name)
    if found is not None and found < 0:
        raise bad(f"{name}: must be greater than or equal to 0")
    return found


def selection(request: Request, name: str = "") -> Selection:
    """`name`: only the object of this name (a watch of one). `nodes=false` and `nodes=unfinished` are ours, a
    cluster passes over them: the console's lists of runs show no nodes, or only those at work."""
    query = request.query
    _check_listing(query)
    integer(query, "timeoutSeconds")
    fields = query.get("fieldSelector", "")
    if name:
        fields = ",".join(filter(None, (f"metadata.name={name}", fields)))
    return Selection(
        labels=query.get("labelSelector", ""),
        fields=fields,
        limit=number(query, "limit") or 0,
        continue_=query.get("continue", ""),
        resource_version=query.get("resourceVersion", ""),
        projected=query.get("nodes") != "false",
        unfinished=query.get("nodes") == "unfinished",
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
        raise refused("ListOptions", found)


def options(request: Request, subresource: str = "") -> Options:
    query = request.query
    manager = query.get("fieldManager", "")
    found: list[Cause] = []
    if len(manager.encode()) > MANAGER_LENGTH:
        found.append(cause.too_long("fieldManager", MANAGER_LENGTH))
    if not manager.isprintable():
        found.append(cause.invalid("fieldManager", manager, "should only contain printable characters"))
    if request.method == "PATCH":
        found += _applying(request, manager)
    dry = [query["dryRun"]] if query.get("dryRun") else []
    found += _dry_causes(dry)
    validation = query.get("fieldValidation") or "Warn"
    if validation not in VALIDATIONS:
        found.append(cause.unsupported("fieldValidation", validation, VALIDATIONS))
    if found:
        raise refused(OPTIONS.get(request.method, "CreateOptions"), found)
    return Options(
        dry_run=bool(dry),
        field_manager=manager or default_manager(request),
        field_validation=validation,
        force=flag(query, "force"),
        subresource=subresource,
        passing=True,
    )


def _applying(request: Request, manager: str) -> list[Cause]:
    """An apply says who applies; no other patch is forced."""
    if request.header(b"content-type").partition(";")[0].strip().lower() == APPLY_PATCH:
        return [] if manager else [cause.required("fieldManager", "is required for apply patch")]
    if "force" not in request.query:
        return []
    return [cause.forbidden("force", "may not be specified for non-apply patch")]


def default_manager(request: Request) -> str:
    """Upstream takes the program's name from the User-Agent."""
    agent = request.header(b"user-agent").partition("/")[0][:MANAGER_LENGTH]
    return agent if agent and agent.isprintable() else "unknown"


def _dry_causes(values: Any) -> list[Cause]:
    return [] if values in ([], None, ["All"]) else [cause.unsupported("dryRun", values, ("All",))]


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
    dry = body.get("dryRun")
    if dry is None and query.get("dryRun"):
        dry = [query["dryRun"]]
    chosen, orphan = _propagation(query, body)
    found = [] if not (chosen and orphan) else [cause.invalid(
        "propagationPolicy", chosen, "orphanDependents and deletionPropagation cannot be both set"
    )]
    if chosen and chosen not in PROPAGATIONS:
        found.append(cause.unsupported("propagationPolicy", chosen, (*PROPAGATIONS, "nil")))
    found += _dry_causes(dry)
    if found:
        raise refused("DeleteOptions", found)
    return DeleteOptions(
        propagation=chosen or orphan,
        grace_seconds=_grace(query, body),
        uid=_text(conditions, "uid"),
        resource_version=_text(conditions, "resourceVersion"),
        dry_run=bool(dry),
    )


def _grace(query: dict[str, str], body: dict[str, Any]) -> int | None:
    """A negative grace is one second, as upstream takes it."""
    grace = body.get("gracePeriodSeconds")
    if grace is None:
        grace = integer(query, "gracePeriodSeconds")
    if grace is not None and (not isinstance(grace, int) or isinstance(grace, bool)):
        raise bad("gracePeriodSeconds: must be an integer")
    return 1 if grace is not None and grace < 0 else grace


def _propagation(query: dict[str, str], body: dict[str, Any]) -> tuple[str, str]:
    """The policy that is named, and the one that the old `orphanDependents` stands for."""
    orphan = body.get("orphanDependents")
    if orphan is None and "orphanDependents" in query:
        orphan = flag(query, "orphanDependents")
    old = ("Orphan" if orphan else "Background") if isinstance(orphan, bool) else ""
    return str(body.get("propagationPolicy") or query.get("propagationPolicy") or ""), old


def _text(conditions: dict[str, Any], name: str) -> str:
    value = conditions.get(name)
    if value is not None and not isinstance(value, str):
        raise bad(f"preconditions.{name}: must be a string")
    return value or ""


def bad(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def refused(kind: str, causes: list[Cause], name: str = "", group: str = META) -> StatusError:
    """Options that contradict each other or themselves, as upstream refuses them."""
    message = f'{".".join(filter(None, (kind, group)))} "{name}" is invalid: {cause.sentence(causes)}'
    details = {key: text for key, text in (("name", name), ("group", group), ("kind", kind)) if text}
    return StatusError(422, "Invalid", message, causes=tuple(causes), details=details)


def invalid(field: str, message: str) -> StatusError:
    return StatusError(422, "Invalid", f"{field}: {message}", causes=(Cause(field, message),))
