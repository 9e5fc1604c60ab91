"""A server's own OpenAPI v3 as our schemas, so that its fields can be compared with a document's. Pure."""

from __future__ import annotations

from typing import Any

from pinnace.kinds.resource import Obj
from pinnace.kinds.schema import Node

GVK = "x-kubernetes-group-version-kind"
PREFIX = "#/components/schemas/"
OPEN: Obj = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def schemas(document: Obj) -> dict[tuple[str, str], Node]:
    """(apiVersion, kind) → its schema, of a group version's document."""
    known = (document.get("components") or {}).get("schemas") or {}
    made: dict[tuple[str, str], Node] = {}
    for schema in known.values():
        for one in schema.get(GVK) or ():
            api = f"{one['group']}/{one['version']}" if one.get("group") else one["version"]
            if "metadata" in (schema.get("properties") or {}) and len(schema[GVK]) == 1:
                made[api, one["kind"]] = Node.from_openapi(written_out(schema, known, ()))
    return made


def written_out(schema: Any, known: Obj, above: tuple[str, ...]) -> Any:
    """Every reference in its place; one inside itself takes anything."""
    if isinstance(schema, list):
        return [written_out(one, known, above) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if reference := schema.get("$ref"):
        name = str(reference).removeprefix(PREFIX)
        return OPEN if name in above else written_out(known.get(name) or OPEN, known, (*above, name))
    several = schema.get("allOf")
    if isinstance(several, list) and len(several) == 1 and "$ref" in several[0]:
        return written_out(several[0], known, above)
    return {key: written_out(one, known, above) for key, one in schema.items() if key != "default"}
