"""The structural schema of a kind: one tree that validates, prunes, defaults, merges and explains.

Built-in kinds load theirs from the compact data under `kinds/data/` (see `library.py` and
`scripts/compile_schemas.py`); a user's CustomResourceDefinition is read by `Node.from_openapi`. `objects/` is
the only caller that judges objects with it; `api/kube` turns it back to OpenAPI v3 for `kubectl explain`.
A Node is never changed after it was built: equal sub-trees are one object, and what is compiled from a Node
(see `tools`) is kept beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

LIMITS = (
    "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
    "minProperties", "maxProperties", "multipleOf",
)
FLAGS = ("exclusiveMinimum", "exclusiveMaximum", "uniqueItems")
COMBOS = ("allOf", "anyOf", "oneOf")


class Node(msgspec.Struct, kw_only=True, eq=False):
    """One place in a schema. Facts only: what may stand here and how two writers' versions merge."""

    type: str = ""
    """`object`, `array`, `string`, `integer`, `number`, `boolean`; empty: anything."""
    properties: dict[str, Node] | None = None
    items: Node | None = None
    additional: Node | None = None
    """Schema of the values of a map (`additionalProperties`)."""
    required: tuple[str, ...] = ()
    enum: tuple[Any, ...] = ()
    default: Any = msgspec.UNSET
    nullable: bool = False
    int_or_string: bool = False
    preserve_unknown: bool = False
    embedded: bool = False
    """`x-kubernetes-embedded-resource`: apiVersion, kind and metadata are kept and checked."""
    list_type: str = ""
    """`atomic` (default for custom resources), `set`, `map`."""
    map_keys: tuple[str, ...] = ()
    map_type: str = ""
    """`granular` (default) or `atomic`."""
    patch_strategy: str = ""
    """Strategic merge: `merge`, `replace`, `retainKeys`, or several joined by a comma."""
    patch_key: str = ""
    format: str = ""
    pattern: str = ""
    limits: dict[str, Any] | None = None
    """minimum, maximum, exclusiveMinimum, minLength, maxItems, … by their OpenAPI names."""
    combos: dict[str, Any] | None = None
    """allOf, anyOf, oneOf: lists of value validations (Nodes); not: one."""
    rules: tuple[dict[str, Any], ...] = ()
    """`x-kubernetes-validations` (CEL)."""
    description: str = ""
    go: str = ""
    """Upstream's Go type (`v1.PodSpec`) where the API server decodes into one: built-in kinds and metadata.
    Such places answer a wrong JSON type with a decoding error and take null for absent."""
    checks: tuple[Callable[[Any, Any], list[Any]], ...] = ()
    """Rules of upstream's kinds written by us: (object, old object or None) to Causes; on roots only."""
    tools: dict[str, Any] = msgspec.field(default_factory=dict)
    """Functions compiled from this node on first use, by the name of their module."""

    @classmethod
    def from_openapi(cls, schema: dict[str, Any]) -> Node:
        """Read an OpenAPI v3 structural schema, as a CustomResourceDefinition carries it."""
        return cls(
            type=schema.get("type", ""),
            properties=_each(schema.get("properties")),
            items=cls.from_openapi(schema["items"]) if isinstance(schema.get("items"), dict) else None,
            additional=_additional(schema.get("additionalProperties")),
            required=tuple(schema.get("required") or ()),
            enum=tuple(schema.get("enum") or ()),
            default=schema["default"] if schema.get("default") is not None else msgspec.UNSET,
            nullable=bool(schema.get("nullable")),
            int_or_string=bool(schema.get("x-kubernetes-int-or-string")),
            preserve_unknown=bool(schema.get("x-kubernetes-preserve-unknown-fields"))
            or schema.get("additionalProperties") is True,
            embedded=bool(schema.get("x-kubernetes-embedded-resource")),
            list_type=schema.get("x-kubernetes-list-type", ""),
            map_keys=tuple(schema.get("x-kubernetes-list-map-keys") or ()),
            map_type=schema.get("x-kubernetes-map-type", ""),
            patch_strategy=schema.get("x-kubernetes-patch-strategy", ""),
            patch_key=schema.get("x-kubernetes-patch-merge-key", ""),
            format=schema.get("format", ""),
            pattern=schema.get("pattern", ""),
            limits={key: schema[key] for key in (*LIMITS, *FLAGS) if schema.get(key) is not None} or None,
            combos=_combos(schema),
            rules=tuple(schema.get("x-kubernetes-validations") or ()),
            description=schema.get("description", ""),
        )

    def to_openapi(self) -> dict[str, Any]:
        """OpenAPI v3, every reference written out; a recursive place ends as a plain object."""
        return _openapi(self, frozenset())

    def at(self, key: str) -> Node | None:
        """The schema of one field of this object or map; None where nothing is known of it."""
        found = self.properties.get(key) if self.properties else None
        return found if found is not None else self.additional

    def wanted(self) -> tuple[str, ...]:
        """The fields that must be here: those listed, and an embedded resource's own type."""
        return (*self.required, "apiVersion", "kind") if self.embedded else self.required

    def tool(self, name: str, build: Callable[[Node], Any]) -> Any:
        """What `build` made of this node the first time it was asked for.

        While it is being made (a recursive schema asks for itself), a stand-in that looks it up when called.
        """
        if name not in self.tools:
            self.tools[name] = lambda *args: self.tools[name](*args)
            self.tools[name] = build(self)
        return self.tools[name]


def _each(properties: dict[str, Any] | None) -> dict[str, Node] | None:
    if properties is None:
        return None
    return {name: Node.from_openapi(schema) for name, schema in properties.items()}


def _additional(schema: Any) -> Node | None:
    return Node.from_openapi(schema) if isinstance(schema, dict) else None


def _combos(schema: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] = {
        key: [Node.from_openapi(one) for one in schema[key]] for key in COMBOS if schema.get(key)
    }
    if isinstance(schema.get("not"), dict):
        found["not"] = Node.from_openapi(schema["not"])
    return found or None


SPELLINGS = (
    ("type", "type"), ("enum", "enum"), ("required", "required"), ("nullable", "nullable"),
    ("format", "format"), ("pattern", "pattern"), ("description", "description"),
    ("int_or_string", "x-kubernetes-int-or-string"),
    ("preserve_unknown", "x-kubernetes-preserve-unknown-fields"),
    ("embedded", "x-kubernetes-embedded-resource"),
    ("list_type", "x-kubernetes-list-type"), ("map_keys", "x-kubernetes-list-map-keys"),
    ("map_type", "x-kubernetes-map-type"), ("patch_strategy", "x-kubernetes-patch-strategy"),
    ("patch_key", "x-kubernetes-patch-merge-key"), ("rules", "x-kubernetes-validations"),
)


def _openapi(node: Node, above: frozenset[int]) -> dict[str, Any]:
    if id(node) in above:
        return {"type": "object"}
    inside = above | {id(node)}
    return _written(node, lambda child: _openapi(child, inside))


def openapi_text(node: Node, known: dict[int, msgspec.Raw]) -> msgspec.Raw:
    """`to_openapi` as JSON text. A sub-tree that stands in many places is written once: `known` has those
    of one reader, who may ask for many schemas."""
    found = known.get(id(node))
    if found is None:
        known[id(node)] = msgspec.Raw(b'{"type":"object"}')  # what a schema inside itself ends as
        made = _written(node, lambda child: openapi_text(child, known))
        found = known[id(node)] = msgspec.Raw(msgspec.json.encode(made))
    return found


def _written(node: Node, below: Callable[[Node], Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for field, spelling in SPELLINGS:
        if value := getattr(node, field):
            out[spelling] = list(value) if isinstance(value, tuple) else value
    if node.default is not msgspec.UNSET:
        out["default"] = node.default
    out.update(node.limits or {})
    if node.properties is not None:
        out["properties"] = {name: below(child) for name, child in node.properties.items()}
    if node.items is not None:
        out["items"] = below(node.items)
    if node.additional is not None:
        out["additionalProperties"] = below(node.additional)
    for key, value in (node.combos or {}).items():
        out[key] = [below(one) for one in value] if isinstance(value, list) else below(value)
    return out


def ruled(node: Node) -> bool:
    """Are there CEL rules here or anywhere below?"""
    found = node.tools.get("ruled")
    if found is None:
        node.tools["ruled"] = False  # a schema inside itself adds nothing
        below = [*(node.properties or {}).values(), node.items, node.additional]
        found = bool(node.rules) or any(one is not None and ruled(one) for one in below)
        node.tools["ruled"] = found
    return bool(found)


def root(schema: Node, metadata: Node) -> Node:
    """A custom resource's schema as objects are judged by it: `metadata` is upstream's ObjectMeta, to which a
    definition may only add conditions on names."""
    own = schema.at("metadata")
    if own is not None and own.properties:
        metadata = msgspec.structs.replace(metadata, combos={"allOf": [own]}, tools={})
    names = Node(type="string")
    properties = {**(schema.properties or {}), "apiVersion": names, "kind": names, "metadata": metadata}
    return msgspec.structs.replace(schema, properties=properties, tools={})
