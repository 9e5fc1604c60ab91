"""The structural schema of a kind: one tree that validates, prunes, defaults, merges and explains.

Built-in kinds load theirs from the compact data under `kinds/data/` (see `scripts/compile_schemas.py`);
a user's CustomResourceDefinition is compiled by `Node.from_openapi`. `objects/` is the only caller that
judges objects with it; `api/kube` turns it back to OpenAPI v3 for `kubectl explain` and validation.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Node(msgspec.Struct, kw_only=True):
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
    """allOf, anyOf, oneOf, not: lists of value validations (Nodes)."""
    rules: tuple[dict[str, Any], ...] = ()
    """`x-kubernetes-validations` (CEL)."""
    description: str = ""
