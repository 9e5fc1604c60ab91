"""CustomResourceDefinitions: what one must be, what it says, and the resources that it makes.

`objects/` refuses what `definition_causes` names; whoever installs writes what `accept` answers into the
status; `Catalogue.install` serves `custom_resources`. Source of the rules: kubernetes/apiextensions-apiserver
pkg/apis/apiextensions/validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from . import cause, defaulting, formats, library, names
from .cause import Cause
from .pruning import unknown_below
from .resource import Column, Obj, Resource
from .schema import COMBOS, Node, root
from .validation import value_causes

VERSION = re.compile(r"v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?\Z")
MATURITY = {"alpha": 0, "beta": 1, "": 2}
TYPES = ("array", "boolean", "integer", "number", "object", "string")
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
AGE = Column("Age", "date", ".metadata.creationTimestamp")
SCOPES = ("Cluster", "Namespaced")
SCHEMA = "schema.openAPIV3Schema"
STRUCTURAL_ONLY = ("type", "default", "nullable", "additionalProperties", "title", "description")


def version_rank(version: str) -> tuple[int, int, int, int]:
    """Greater is preferred: stable, then beta, then alpha, higher numbers first; other names last."""
    found = VERSION.match(version)
    if found is None:
        return (0, 0, 0, 0)
    return (1, MATURITY[found[2] or ""], int(found[1]), int(found[3] or 0))


def custom_resources(definition: Obj) -> list[tuple[Resource, Node]]:
    """The served versions with their schemas, the preferred one first."""
    spec = definition["spec"]
    served = [one for one in spec["versions"] if one.get("served")]
    served.sort(key=lambda one: one["name"])
    served.sort(key=lambda one: version_rank(one["name"]), reverse=True)
    return [(_resource(spec, one), _schema(spec, one)) for one in served]


def _resource(spec: Obj, version: Obj) -> Resource:
    called = accepted_names(spec)
    return Resource(
        group=spec["group"], version=version["name"], kind=called["kind"], plural=called["plural"],
        singular=called["singular"], namespaced=spec["scope"] == "Namespaced", custom=True,
        short_names=tuple(called.get("shortNames", ())), categories=tuple(called.get("categories", ())),
        subresources=frozenset(version.get("subresources") or ()),
        columns=_columns(version) or (AGE,),
    )


def _columns(version: Obj) -> tuple[Column, ...]:
    return tuple(
        Column(one["name"], one["type"], one["jsonPath"], one.get("format", ""), one.get("priority", 0))
        for one in version.get("additionalPrinterColumns") or ()
    )


def _schema(spec: Obj, version: Obj) -> Node:
    schema = dict((version.get("schema") or {}).get("openAPIV3Schema") or {"type": "object"})
    if spec.get("preserveUnknownFields"):
        schema["x-kubernetes-preserve-unknown-fields"] = True
    return root(Node.from_openapi(schema), library.object_meta())


def accepted_names(spec: Obj) -> Obj:
    called = dict(spec["names"])
    called.setdefault("singular", called["kind"].lower())
    called.setdefault("listKind", called["kind"] + "List")
    return called


def accept(
    definition: Obj, now: str = "", others: Iterable[Resource] = ()
) -> tuple[list[Obj], Obj, list[str]]:
    """Conditions, accepted names and stored versions for the status of a definition, beside the resources
    that are served already (kubernetes/apiextensions-apiserver pkg/controller/status)."""
    spec, status = definition["spec"], definition.get("status") or {}
    names, refused = _accepted(definition, others)
    reason, message = refused or ("NoConflicts", "no conflicts found")
    conditions = [_condition("NamesAccepted", not refused, reason, message, now)]
    if not refused or established(definition):
        text = "the initial names have been accepted"
        conditions.append(_condition("Established", True, "InitialNamesAccepted", text, now))
    else:
        conditions.append(_condition("Established", False, "NotAccepted", "not all names are accepted", now))
    earlier = status.get("storedVersions") or []
    storage = [one["name"] for one in spec["versions"] if one.get("storage")]
    return conditions, names, [*earlier, *(one for one in storage if one not in earlier)]


def established(definition: Obj) -> bool:
    """Once its names were all accepted it stays served, whatever it asks for later."""
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Established" and one.get("status") == "True" for one in conditions)


def _accepted(definition: Obj, others: Iterable[Resource]) -> tuple[Obj, tuple[str, str] | None]:
    """The names that no other definition of the group has, and why (the last of) the rest are refused."""
    spec = definition["spec"]
    wanted = accepted_names(spec)
    before = (definition.get("status") or {}).get("acceptedNames") or {}
    group = [one for one in others if one.group == spec["group"] and one.plural != wanted["plural"]]
    resources = {name for one in group for name in (one.plural, one.singular, *one.short_names)}
    kinds = {name for one in group for name in (one.kind, one.list_kind)}
    refused: tuple[str, str] | None = None
    for field, taken in (("plural", resources), ("singular", resources), ("shortNames", resources),
                         ("kind", kinds), ("listKind", kinds)):
        asked = wanted.get(field) or ()
        used = [name for name in ((asked,) if isinstance(asked, str) else asked) if name in taken]
        if used and asked != before.get(field):
            refused = f"{field[0].upper()}{field[1:]}Conflict", f'"{used[0]}" is already in use'
            wanted.pop(field)
            if before.get(field):
                wanted[field] = before[field]
    return wanted, refused


def _condition(type_: str, good: bool, reason: str, message: str, now: str) -> Obj:
    found = {"type": type_, "status": "True" if good else "False", "reason": reason, "message": message}
    return {"lastTransitionTime": now, **found} if now else found


def definition_causes(definition: Obj, old: Obj | None = None) -> list[Cause]:
    """What is wrong with a definition whose own schema is already satisfied."""
    spec = definition.get("spec") or {}
    called = spec.get("names") or {}
    wanted = f"{called.get('plural')}.{spec.get('group')}"
    found: list[Cause] = []
    name = (definition.get("metadata") or {}).get("name")
    if name != wanted:
        found.append(cause.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    found += _group_causes(spec.get("group") or "") + _name_causes(called)
    if spec.get("scope") not in SCOPES:
        found.append(cause.unsupported("spec.scope", spec.get("scope") or "", SCOPES))
    found += _version_causes(spec.get("versions") or [])
    if old is not None:
        found += _change_causes(spec, old.get("spec") or {})
    return found


def _group_causes(group: str) -> list[Cause]:
    if not group:
        return [cause.required("spec.group")]
    found = [cause.invalid("spec.group", group, words) for words in names.subdomain(group)]
    if "." not in group:
        found.append(cause.invalid("spec.group", group, "should be a domain with at least one dot"))
    return found


def _name_causes(called: Obj) -> list[Cause]:
    found: list[Cause] = []
    for field in ("plural", "singular"):
        value = called.get(field) or ""
        if value or field == "plural":
            found += [cause.invalid(f"spec.names.{field}", value, words) for words in names.label_1035(value)]
    for field in ("kind", "listKind"):
        value = called.get(field) or ""
        if value or field == "kind":
            words = names.label_1035(value.lower())
            detail = "may have mixed case, but should otherwise match: "
            found += [cause.invalid(f"spec.names.{field}", value, detail + one) for one in words]
    for field in ("shortNames", "categories"):
        for index, value in enumerate(called.get(field) or ()):
            words = names.label_1035(value)
            found += [cause.invalid(f"spec.names.{field}[{index}]", value, one) for one in words]
    return found


def _version_causes(versions: list[Obj]) -> list[Cause]:
    stored = sum(bool(one.get("storage")) for one in versions)
    found: list[Cause] = []
    if stored != 1:
        detail = "must have exactly one version marked as storage version"
        found.append(cause.invalid("spec.versions", versions, detail))
    seen: set[str] = set()
    for index, one in enumerate(versions):
        path = f"spec.versions[{index}]"
        name = one.get("name") or ""
        found += [cause.invalid(f"{path}.name", name, words) for words in names.label_1035(name)]
        if name in seen:
            found.append(cause.invalid("spec.versions", versions, "must contain unique version names"))
        seen.add(name)
        schema = (one.get("schema") or {}).get("openAPIV3Schema")
        if schema is None:
            detail = "schemas are required"
            found.append(cause.required(f"{path}.{SCHEMA}", detail))
        else:
            found += schema_causes(schema, f"{path}.{SCHEMA}")
        found += _column_causes(one.get("additionalPrinterColumns") or (), path)
    return found


def _column_causes(columns: Any, path: str) -> list[Cause]:
    found: list[Cause] = []
    for index, one in enumerate(columns):
        if one.get("type") not in COLUMN_TYPES:
            place = f"{path}.additionalPrinterColumns[{index}].type"
            found.append(cause.invalid(place, one.get("type"), f"must be one of {','.join(COLUMN_TYPES)}"))
    return found


def _change_causes(spec: Obj, old: Obj) -> list[Cause]:
    return [
        cause.invalid(f"spec.{path}", _dig(spec, path), "field is immutable")
        for path in ("scope", "names.kind", "group", "names.plural")
        if _dig(spec, path) != _dig(old, path)
    ]


def _dig(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def schema_causes(schema: Obj, path: str) -> list[Cause]:
    """The rules of structural schemas: a type everywhere, no structure hidden in allOf and its kin."""
    found: list[Cause] = []
    if schema.get("type") != "object":
        words = "must be object at the root"
        found.append(cause.required(f"{path}.type", words) if not schema.get("type")
                     else cause.invalid(f"{path}.type", schema["type"], words))
    return found + _structural(schema, path)


def _structural(schema: Obj, path: str) -> list[Cause]:
    found = _type_causes(schema, path) + _pattern_causes(schema, path) + _list_causes(schema, path)
    for name, child in (schema.get("properties") or {}).items():
        found += _structural(child, f"{path}.properties[{name}]")
    if isinstance(schema.get("items"), dict):
        found += _structural(schema["items"], f"{path}.items")
    if isinstance(schema.get("additionalProperties"), dict):
        found += _structural(schema["additionalProperties"], f"{path}.additionalProperties")
        if schema.get("properties"):
            detail = "additionalProperties and properties are mutually exclusive"
            found.append(cause.forbidden(f"{path}.additionalProperties", detail))
    for combo in COMBOS:
        for index, one in enumerate(schema.get(combo) or ()):
            found += _value_causes(one, f"{path}.{combo}[{index}]", schema)
    if isinstance(schema.get("not"), dict):
        found += _value_causes(schema["not"], f"{path}.not", schema)
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        found += _rule_causes(rule, f"{path}.x-kubernetes-validations[{index}]")
    if not found and schema.get("default") is not None:
        found += _default_causes(schema, f"{path}.default")
    return found


def _default_causes(schema: Obj, path: str) -> list[Cause]:
    """A default must be what its own schema allows: it is filled in after nobody looks any more."""
    node, preset = Node.from_openapi(schema), schema["default"]
    if unknown := unknown_below(node, preset):
        text = f"holds fields that the schema does not know: {', '.join(unknown)}"
        return [cause.invalid(path, preset, text)]
    return value_causes(node, defaulting.filled(node, preset), path)


def _rule_causes(rule: Obj, path: str) -> list[Cause]:
    if not rule.get("rule"):
        return [cause.required(f"{path}.rule", "rule is not specified")]
    from . import rules  # CEL costs its import only where there are rules

    problem = rules.rule_problem(rule)
    return [cause.invalid(f"{path}.rule", rule, problem)] if problem else []


def _type_causes(schema: Obj, path: str) -> list[Cause]:
    type_ = schema.get("type") or ""
    free = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-int-or-string")
    found: list[Cause] = []
    if not type_ and not free:
        found.append(cause.required(f"{path}.type", "must not be empty for specified object fields"))
    elif type_ and type_ not in TYPES:
        found.append(cause.unsupported(f"{path}.type", type_, TYPES))
    if type_ == "array" and not isinstance(schema.get("items"), dict):
        found.append(cause.required(f"{path}.items", "must be specified"))
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        detail = "must be true or undefined"
        found.append(cause.invalid(f"{path}.x-kubernetes-preserve-unknown-fields", False, detail))
    return found


def _pattern_causes(schema: Obj, path: str) -> list[Cause]:
    text = schema.get("pattern")
    if not text:
        return []
    try:
        formats.pattern(text)
    except ValueError as problem:
        detail = f"must be a valid regular expression, but isn't: {problem}"
        return [cause.invalid(f"{path}.pattern", text, detail)]
    return []


def _list_causes(schema: Obj, path: str) -> list[Cause]:
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys")
    found: list[Cause] = []
    if kind and kind not in ("atomic", "set", "map"):
        found.append(cause.unsupported(f"{path}.x-kubernetes-list-type", kind, ("atomic", "set", "map")))
    if kind and schema.get("type") != "array":
        detail = "must be array if x-kubernetes-list-type is specified"
        found.append(cause.invalid(f"{path}.type", schema.get("type") or "", detail))
    if kind == "map" and not keys:
        detail = "must not be empty if x-kubernetes-list-type is map"
        found.append(cause.required(f"{path}.x-kubernetes-list-map-keys", detail))
    if keys and kind != "map":
        detail = "must be map if x-kubernetes-list-map-keys is non-empty"
        found.append(cause.invalid(f"{path}.x-kubernetes-list-type", kind or "", detail))
    return found


def _value_causes(schema: Obj, path: str, base: Obj) -> list[Cause]:
    """Inside allOf and its kin only values are judged; structure must stand outside."""
    found: list[Cause] = []
    for field in STRUCTURAL_ONLY:
        if field in schema and not (field == "type" and base.get("x-kubernetes-int-or-string")):
            found.append(cause.forbidden(f"{path}.{field}", "must be empty to be structural"))
    for name, child in (schema.get("properties") or {}).items():
        outside = (base.get("properties") or {}).get(name)
        if outside is None and not isinstance(base.get("additionalProperties"), dict):
            place = f"{path.rpartition('.')[0]}.properties[{name}]"
            found.append(cause.required(place, f"because it is defined in {path}.properties[{name}]"))
        else:
            found += _value_causes(child, f"{path}.properties[{name}]", outside or {})
    if isinstance(schema.get("items"), dict):
        items = base.get("items")
        found += _value_causes(schema["items"], f"{path}.items", items if isinstance(items, dict) else {})
    return found
