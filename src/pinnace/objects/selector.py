"""Label and field selectors: parsed once, matched on documents, or handed to the store as Requirements.

Called by `reading`, `watching` and deletecollection. The grammar is kubernetes/apimachinery
pkg/labels/selector.go and pkg/fields/selector.go; whatever does not follow it is a 400.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from pinnace.kinds import cause, events, names
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals
from pinnace.objects.document import at
from pinnace.objects.errors import StatusError
from pinnace.store.interface import Requirement

_TOKEN = re.compile(r"\s*(?:(==|!=|=|!|<|>|,|\(|\))|([^\s=!<>,()]+))")
_OPERATORS = {"=": "=", "==": "=", "!=": "!=", "in": "in", "notin": "notin", "<": "lt", ">": "gt"}
_EXPECTED = "!, identifier, or 'end of string'"
_BINARY = "in, notin, =, ==, !=, gt, lt"

_COMMON = frozenset({"metadata.name", "metadata.namespace"})
_FIELDS: dict[str, frozenset[str]] = {
    "pods": frozenset(
        {
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        }
    ),
    "events": frozenset(
        {
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        }
    ),
    "secrets": frozenset({"type"}),
    "namespaces": frozenset({"status.phase"}),
    "nodes": frozenset({"spec.unschedulable"}),
    "jobs.batch": frozenset({"status.successful"}),
    "services": frozenset({"spec.clusterIP", "spec.type"}),
}
_SHORTLY = frozenset({"replicationcontrollers"})
_ELSEWHERE = {"source": "source.component", "status.successful": "status.succeeded"}
_EVENTS = (("regarding.", "involvedObject."), ("reportingController", "reportingComponent"))
"""What the later group of events calls the same fields."""


class FieldTerm(msgspec.Struct, frozen=True):
    path: str
    value: str
    equal: bool = True


class Selector(msgspec.Struct, frozen=True):
    """Both selectors of one request. `changing` tells that a field term can change during a life."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[FieldTerm, ...] = ()

    @property
    def changing(self) -> bool:
        return any(term.path not in _COMMON for term in self.fields)

    def name(self) -> str:
        """The single name that the field terms allow, or ''."""
        return next((t.value for t in self.fields if t.path == "metadata.name" and t.equal), "")

    def fits_fields(self, obj: Obj) -> bool:
        return all((_text(at(obj, t.path)) == t.value) == t.equal for t in self.fields)

    def fits(self, obj: Obj) -> bool:
        labels = (obj.get("metadata") or {}).get("labels") or {}
        return matches(self.labels, labels) and self.fits_fields(obj)


def parse(resource: Resource, labels: str, fields: str) -> Selector:
    """StatusError 400 for what is not a selector or names an unsupported field."""
    if not labels and not fields:
        return EVERYTHING
    return Selector(parse_labels(labels), parse_fields(resource, fields))


def matches(requirements: Sequence[Requirement], labels: dict[str, str]) -> bool:
    return all(_holds(requirement, labels) for requirement in requirements)


def _holds(term: Requirement, labels: dict[str, str]) -> bool:
    value = labels.get(term.key)
    match term.op:
        case "=" | "in":
            return value is not None and value in term.values
        case "!=" | "notin":
            return value is None or value not in term.values
        case "exists":
            return value is not None
        case "!":
            return value is None
    try:
        number, bound = int(value or ""), int(term.values[0])
    except ValueError:
        return False
    return number > bound if term.op == "gt" else number < bound


def parse_labels(text: str) -> tuple[Requirement, ...]:
    tokens = _tokens(text)
    found: list[Requirement] = []
    position = 0
    while tokens[position]:
        if _is_symbol(tokens[position]) and tokens[position] != "!":
            raise _unexpected(tokens[position], _EXPECTED, inside=False)
        requirement, position = _requirement(tokens, position)
        found.append(requirement)
        if tokens[position] == "":
            break
        if tokens[position] != ",":
            raise _unexpected(tokens[position], "',' or 'end of string'", inside=False)
        position += 1
        if tokens[position] == "" or (_is_symbol(tokens[position]) and tokens[position] != "!"):
            raise _unexpected(tokens[position], "identifier after ','", inside=False)
    return tuple(found)


def from_object(selector: Obj | None) -> tuple[Requirement, ...]:
    """A `LabelSelector` object (matchLabels, matchExpressions), as Jobs and Services carry it."""
    selector = selector or {}
    terms = [Requirement(key, "=", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    names = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
    for term in selector.get("matchExpressions") or []:
        terms.append(Requirement(term["key"], names[term["operator"]], tuple(term.get("values") or ())))
    return tuple(terms)


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unexpected(text[position:], "identifier")
        found.append(match.group(1) or match.group(2))
        position = match.end()
    found.append("")
    return found


def _requirement(tokens: list[str], at_: int) -> tuple[Requirement, int]:
    if absent := tokens[at_] == "!":
        at_ += 1
    key = _key(tokens[at_])
    following = tokens[at_ + 1]
    if following in ("", ","):
        return Requirement(key, "!" if absent else "exists"), at_ + 1
    if absent:
        return Requirement(key, "!"), at_ + 1
    op = _OPERATORS.get(following)
    if op is None:
        raise _unexpected(following, _BINARY)
    if op in ("in", "notin"):
        values, position = _values(key, tokens, at_ + 2)
        return Requirement(key, op, values), position
    value = tokens[at_ + 2]
    if value in ("", ","):
        return _checked(key, op, ""), at_ + 2
    if _is_symbol(value):
        raise _unexpected(value, "identifier")
    return _checked(key, op, value), at_ + 3


def _values(key: str, tokens: list[str], at_: int) -> tuple[tuple[str, ...], int]:
    if tokens[at_] != "(":
        raise _bad(f"found '{tokens[at_]}' expected: '('")
    first = tokens[at_ + 1]
    if first != ")" and (first == "" or (_is_symbol(first) and first != ",")):
        raise _unexpected(first, "',', ')' or identifier")
    values: list[str] = []
    pending = ""
    for position in range(at_ + 1, len(tokens)):
        token = tokens[position]
        if token in (",", ")"):
            values.append(_value(key, pending))
            pending = ""
            if token == ")":  # noqa: S105 - a bracket
                return tuple(values), position + 1
        elif pending:
            raise _unexpected(token, "',' or ')'")
        elif token == "" or _is_symbol(token):
            break
        else:
            pending = token
    raise _unexpected(token, "',', or identifier")


def _checked(key: str, op: str, value: str) -> Requirement:
    if op in ("gt", "lt"):
        if not re.fullmatch(r"[+-]?\d{1,18}", value):
            detail = "for 'Gt', 'Lt' operators, the value must be an integer"
            raise _bad(f'values[0][{key}]: Invalid value: "{value}": {detail}')
        return Requirement(key, op, (value,))
    return Requirement(key, op, (_value(key, value),))


def _key(text: str) -> str:
    if not text or _is_symbol(text):
        raise _unexpected(text, "identifier")
    if wrong := names.qualified(text):
        raise _bad(f"<nil>: Invalid value: {cause.quoted(text)}: {'; '.join(wrong)}")
    return text


def _value(key: str, text: str) -> str:
    if wrong := names.label_value(text):
        where = f"values[0][{key}]"
        raise _bad(f"{where}: Invalid value: {cause.quoted(text)}: {'; '.join(wrong)}")
    return text


def _is_symbol(token: str) -> bool:
    return token in {"==", "!=", "=", "!", "<", ">", ",", "(", ")"}


def _bad(message: str) -> StatusError:
    return refusals.bad_request(f"unable to parse requirement: {message}")


def _unexpected(token: str, expected: str, *, inside: bool = True) -> StatusError:
    """`inside` a requirement, or where one begins or ends."""
    message = f"found '{token}', expected: {expected}"
    return _bad(message) if inside else refusals.bad_request(message)


def parse_fields(resource: Resource, text: str) -> tuple[FieldTerm, ...]:
    terms: list[FieldTerm] = []
    for part in re.split(r"(?<!\\),", text):
        if not part.strip():
            continue
        match = re.fullmatch(r"\s*([^=!\s]+)\s*(==|!=|=)(.*)", part, re.DOTALL)
        if match is None:
            raise refusals.bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        value = re.sub(r"\\([\\,=])", r"\1", match.group(3).strip())
        terms.append(FieldTerm(_field(resource, match.group(1)), value, match.group(2) != "!="))
    return tuple(terms)


def _field(resource: Resource, path: str) -> str:
    key = resource.key
    if resource.group == events.GROUP:
        path = next((core + path[len(later):] for later, core in _EVENTS if path.startswith(later)), path)
    if path not in _COMMON and path not in _FIELDS.get(key, frozenset()):
        raise refusals.bad_request(_unsupported(resource, path))
    return _ELSEWHERE.get(path, path)


def _unsupported(resource: Resource, path: str) -> str:
    """Kinds that have fields of their own, and users' kinds, say it shortly; Jobs in their own way."""
    if resource.key == "jobs.batch":
        return f'field label "{path}" not supported for batchv1.Job'
    if resource.custom or resource.key in _FIELDS or resource.key in _SHORTLY:
        return f"field label not supported: {path}"
    return f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


EVERYTHING = Selector()
