"""Compile upstream's schemas beside the checkout (`../shared`) into the compact data of `kinds/data/`.

    python -m scripts.compile_schemas [SHARED [TARGET]]

Facts only: names, types, list kinds, keys, enums, required, defaults, formats, patterns, limits. No prose
and no CEL rules are taken. Equal sub-trees become one line; the output depends on nothing but the input.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scripts.upstream_defaults import DEFAULTS

ROOT = Path(__file__).resolve().parent.parent
ZERO: tuple[Any, ...] = ("", 0, False, {}, [])
LIMITS = (
    "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties",
    "maxProperties", "multipleOf", "exclusiveMinimum", "exclusiveMaximum", "uniqueItems",
)
PLAIN = {
    "type": "type", "required": "required", "enum": "enum", "format": "format", "pattern": "pattern",
    "nullable": "nullable", "x-kubernetes-int-or-string": "int_or_string",
    "x-kubernetes-preserve-unknown-fields": "preserve_unknown",
    "x-kubernetes-embedded-resource": "embedded", "x-kubernetes-list-type": "list_type",
    "x-kubernetes-list-map-keys": "map_keys", "x-kubernetes-map-type": "map_type",
    "x-kubernetes-patch-strategy": "patch_strategy", "x-kubernetes-patch-merge-key": "patch_key",
}
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
PREFIX = "#/components/schemas/"
Facts = dict[str, Any]


class Table:
    """Every distinct node once, and the API groups that lead to it."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.nodes: list[Facts] = []
        self.users: list[set[str]] = []
        self.recursive: dict[str, int] = {}

    def add(self, facts: Facts, group: str) -> int:
        text = json.dumps(facts, sort_keys=True)
        if text not in self.numbers:
            self.numbers[text] = len(self.nodes)
            self.nodes.append(facts)
            self.users.append(set())
        number = self.numbers[text]
        self.users[number].add(group)
        return number


class Reader:
    """Reads one document's schemas into the table."""

    def __init__(self, table: Table, group: str, components: Facts | None = None) -> None:
        self.table = table
        self.group = group
        self.components = components or {}
        self.known: dict[str, Facts] = {}
        self.open: set[str] = set()

    def add(self, schema: Facts) -> int | str:
        name = self._reference(schema)
        if name in self.open:
            return f"@{name}"  # a schema inside itself; `Table.recursive` knows its number in the end
        facts = self.facts(schema)
        number = self.table.add(facts, self.group)
        if name:
            self.table.recursive[name] = number
        return number

    def facts(self, schema: Facts) -> Facts:
        name = self._reference(schema)
        base = self._component(name) if name else {}
        own = {ours: schema[theirs] for theirs, ours in PLAIN.items() if schema.get(theirs)}
        out = {**base, **own, **self._values(schema), **self._children(schema)}
        if out.get("int_or_string"):
            out.pop("type", None)
            out.pop("combos", None)
        if self.components and out.get("type") == "object" and not out.keys() & {"properties", "additional"}:
            out["preserve_unknown"] = True
        return out

    def _reference(self, schema: Facts) -> str:
        if "$ref" in schema:
            return str(schema["$ref"]).removeprefix(PREFIX)
        parts = schema.get("allOf")
        if self.components and parts and len(parts) == 1 and "$ref" in parts[0]:
            return str(parts[0]["$ref"]).removeprefix(PREFIX)
        return ""

    def _component(self, name: str) -> Facts:
        if name == QUANTITY:
            return {"type": "string", "format": "quantity"}
        if name == INT_OR_STRING:
            return {"int_or_string": True}
        if name not in self.known:
            self.open.add(name)
            facts = self.facts(self.components[name])
            self._overlay(name, facts)
            self.open.discard(name)
            if "properties" in facts:
                facts["go"] = ".".join(name.split(".")[-2:])
            self.known[name] = facts
        return self.known[name]

    def _overlay(self, name: str, facts: Facts) -> None:
        """The defaults that upstream applies in code, where its OpenAPI only knows Go's zero values."""
        short = ".".join(name.split(".")[-3:])
        for field, value in DEFAULTS.get(short, {}).items():
            child = dict(self.table.nodes[facts["properties"][field]])
            child["default"] = value
            facts["properties"][field] = self.table.add(child, self.group)

    def _values(self, schema: Facts) -> Facts:
        out: Facts = {}
        default = schema.get("default")
        if default is not None and not (self.components and default in ZERO):
            out["default"] = default
        if limits := {key: schema[key] for key in LIMITS if schema.get(key) is not None}:
            out["limits"] = limits
        return out

    def _children(self, schema: Facts) -> Facts:
        out: Facts = {}
        if "properties" in schema:
            out["properties"] = {key: self.add(one) for key, one in schema["properties"].items()}
        if isinstance(schema.get("items"), dict):
            out["items"] = self.add(schema["items"])
        if isinstance(schema.get("additionalProperties"), dict):
            out["additional"] = self.add(schema["additionalProperties"])
        if combos := self._combos(schema):
            out["combos"] = combos
        return out

    def _combos(self, schema: Facts) -> Facts:
        if self.components:
            return {}
        combos: Facts = {
            key: [self.add(one) for one in schema[key]]
            for key in ("allOf", "anyOf", "oneOf")
            if schema.get(key)
        }
        if isinstance(schema.get("not"), dict):
            combos["not"] = self.add(schema["not"])
        return combos


def builtins(table: Table, shared: Path) -> tuple[dict[str, dict[str, int]], Facts]:
    """The kinds of Kubernetes itself, by group; and core's components, for everyone's metadata."""
    kinds: dict[str, dict[str, int]] = {}
    for path in sorted((shared / "specs" / "kubernetes").glob("*_v[0-9].json")):
        components = json.loads(path.read_text())["components"]["schemas"]
        group = "core" if path.name == "api_v1.json" else path.name.split("_")[0]
        reader = Reader(table, group, components)
        for name in sorted(components):
            for known in components[name].get("x-kubernetes-group-version-kind") or []:
                if (known["group"] or "core") == group and _is_object(known["kind"]):
                    number = int(reader.add({"$ref": PREFIX + name}))
                    kinds.setdefault(group, {})[f"{known['version']}/{known['kind']}"] = number
    core = shared / "specs" / "kubernetes" / "api_v1.json"
    return kinds, json.loads(core.read_text())["components"]["schemas"]


def _is_object(kind: str) -> bool:
    """A kind of which there are objects, not one that only travels."""
    return not kind.endswith(("List", "Options", "WatchEvent"))


def definitions(shared: Path) -> Iterator[Facts]:
    for path in sorted((shared / "crds").rglob("*.yaml")):
        for document in yaml.load_all(path.read_text(), yaml.CSafeLoader):
            if document and document.get("kind") == "CustomResourceDefinition":
                yield document


def customs(table: Table, shared: Path, core: Facts) -> tuple[dict[str, dict[str, int]], Facts]:
    """The kinds of everybody's CustomResourceDefinitions, by group, and their printer columns."""
    kinds: dict[str, dict[str, int]] = {}
    columns: Facts = {}
    for document in definitions(shared):
        spec = document["spec"]
        group = spec["group"]
        reader = Reader(table, group)
        meta = Reader(table, group, core)
        for version in spec["versions"]:
            if not version["served"]:
                continue
            schema = (version.get("schema") or {}).get("openAPIV3Schema") or {"type": "object"}
            facts = reader.facts(schema)
            text = table.add({"type": "string"}, group)
            metadata = meta.add({"$ref": PREFIX + OBJECT_META})
            facts["properties"] = {
                "apiVersion": text, "kind": text, "metadata": metadata,
                **{key: n for key, n in facts.get("properties", {}).items()
                   if key not in ("apiVersion", "kind", "metadata")},
            }
            kind = f"{version['name']}/{spec['names']['kind']}"
            kinds.setdefault(group, {})[kind] = table.add(facts, group)
            columns[f"{group}/{version['name']}/{spec['names']['plural']}"] = [
                {
                    "name": c["name"], "type": c["type"], "path": c["jsonPath"],
                    **({"format": c["format"]} if c.get("format") else {}),
                    **({"priority": c["priority"]} if c.get("priority") else {}),
                }
                for c in version.get("additionalPrinterColumns", [])
            ]
    return kinds, columns


def discovery(shared: Path, columns: Facts, kinds: dict[str, dict[str, int]]) -> list[Facts]:
    """Groups, versions and resources in the order of upstream's aggregated discovery."""
    groups: list[Facts] = []
    for name in ("discovery_api_aggregated.json", "discovery_apis_aggregated.json"):
        for item in json.loads((shared / "specs" / "kubernetes" / name).read_text())["items"]:
            group = item["metadata"].get("name", "")
            versions = [
                {"version": v["version"], "resources": [
                    _resource(r, columns.get(f"{group}/{v['version']}/{r['resource']}"))
                    for r in v["resources"]
                    if f"{v['version']}/{r['responseKind']['kind']}" in kinds.get(group or "core", {})
                ]}
                for v in item["versions"]
            ]
            versions = [v for v in versions if v["resources"]]
            if versions:
                groups.append({"group": group, "versions": versions})
    return groups


def _resource(found: Facts, columns: list[Facts] | None) -> Facts:
    out: Facts = {
        "plural": found["resource"], "kind": found["responseKind"]["kind"],
        "singular": found["singularResource"], "namespaced": found["scope"] == "Namespaced",
        "verbs": found["verbs"],
    }
    for ours, theirs in (("short_names", "shortNames"), ("categories", "categories")):
        if found.get(theirs):
            out[ours] = found[theirs]
    if found.get("subresources"):
        out["subresources"] = sorted(one["subresource"] for one in found["subresources"])
    if columns is not None:
        out["custom"] = True
        out["columns"] = columns
    return out


def write(table: Table, kinds: dict[str, dict[str, int]], target: Path) -> None:
    """Number the common nodes first, then each group's own, and write one file each."""
    common = [n for n, users in enumerate(table.users) if len(users) > 1]
    shelves = {"common": common}
    for group in sorted(kinds):
        shelves[group] = [n for n, users in enumerate(table.users) if users == {group}]
    for group, members in shelves.items():
        start = 0 if group == "common" else len(common)
        places = {n: place for place, n in enumerate(common)}
        places.update({n: start + place for place, n in enumerate(members)})
        lines = [_text({kind: places[n] for kind, n in sorted(kinds.get(group, {}).items())})]
        lines += [_text(_renumbered(table.nodes[n], places, table.recursive)) for n in members]
        (target / f"{group}.jsonl").write_text("\n".join(lines) + "\n")


def _renumbered(facts: Facts, places: dict[int, int], recursive: dict[str, int]) -> Facts:
    def place(child: int | str) -> int:
        return places[recursive[child[1:]] if isinstance(child, str) else child]

    out = dict(facts)
    if "properties" in out:
        out["properties"] = {key: place(child) for key, child in out["properties"].items()}
    for field in ("items", "additional"):
        if field in out:
            out[field] = place(out[field])
    if "combos" in out:
        out["combos"] = {
            key: [place(one) for one in child] if isinstance(child, list) else place(child)
            for key, child in out["combos"].items()
        }
    return out


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def compile_all(shared: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    table = Table()
    kinds, core = builtins(table, shared)
    own, columns = customs(table, shared, core)
    kinds.update(own)
    write(table, kinds, target)
    groups = discovery(shared, columns, kinds)
    (target / "catalogue.json").write_text(json.dumps(groups, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    arguments = [Path(one) for one in sys.argv[1:]]
    here = arguments[0] if arguments else ROOT.parent / "shared"
    compile_all(here, arguments[1] if len(arguments) > 1 else ROOT / "src" / "pinnace" / "kinds" / "data")
