"""What a name means at one place of a run: globals, inputs, siblings, the loop's item, the attempt's number.

Callers: `expression.tags` asks for values, frames make scopes. The rules are those of upstream's
docs/variables.md: an unknown name stays as it was written, a sibling's absent output is an error of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pinnace.kinds.argo import text


class Absent(Exception):
    """An optional output that will never exist: its producer was skipped or omitted and declares no
    default."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"unable to substitute {{{{{name}}}}}: output is an absent optional "
            "(skipped/omitted node with no default)"
        )
        self.name = name


class Unresolved(Exception):
    """A reference to a sibling that does not exist, or to an output that it does not have."""

    def __init__(self, name: str, hint: str = "") -> None:
        super().__init__(f"failed to resolve {{{{{name}}}}}{hint}")
        self.name = name


class Sibling(Protocol):
    """A finished step or task as those after it see it."""

    def value(self, rest: str, name: str) -> str:
        """`rest` as in `outputs.parameters.x`. Raises Absent, Unresolved."""

    def artifact(self, artifact: str, name: str) -> dict[str, Any] | None: ...

    def tree(self) -> Mapping[str, Any]:
        """The same as nested data, for expressions; absent values are nil."""


class Globals:
    """`workflow.*`: changed rarely (global outputs, status), read for every node."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values
        self.artifacts: dict[str, dict[str, Any]] = {}
        self._tree: dict[str, Any] | None = None

    def set(self, name: str, value: str) -> None:
        self.values[name] = value
        self._tree = None

    def tree(self) -> dict[str, Any]:
        if self._tree is None:
            self._tree = nested(self.values).get("workflow", {})
        return self._tree


class Scope:
    """`siblings` is keyed by step or task name and read under `prefix` (`steps` or `tasks`)."""

    __slots__ = ("artifacts", "extra", "globals", "inputs", "item", "prefix", "siblings")

    def __init__(
        self,
        globals_: Globals,
        inputs: dict[str, str],
        artifacts: dict[str, dict[str, Any]],
        prefix: str = "",
        siblings: Mapping[str, Sibling] | None = None,
        item: Any = None,
        extra: dict[str, str] | None = None,
    ) -> None:
        self.globals = globals_
        self.inputs = inputs
        self.artifacts = artifacts
        self.prefix = prefix
        self.siblings = siblings if siblings is not None else {}
        self.item = item
        self.extra = extra

    def with_item(self, item: Any) -> Scope:
        return Scope(
            self.globals, self.inputs, self.artifacts, self.prefix, self.siblings, Item(item), self.extra
        )

    def value(self, name: str) -> str | None:
        """None: unknown here, the tag stays as it is written. Raises Absent, Unresolved."""
        extra = self.extra
        if extra is not None and name in extra:
            return extra[name]
        if name.startswith("inputs.parameters."):
            return self.inputs.get(name[18:])
        if name.startswith("item"):
            return self.item.value(name) if self.item is not None else None
        if name.startswith("workflow."):
            return self.globals.values.get(name)
        if name.startswith("inputs."):
            return self._inputs(name)
        if self.prefix and name.startswith(self.prefix + "."):
            return self._sibling(name)
        return None

    def _inputs(self, name: str) -> str | None:
        if name == "inputs.parameters":
            return text([{"name": key, "value": value} for key, value in self.inputs.items()])
        parts = name.split(".")
        if len(parts) == 4 and parts[1] == "artifacts" and parts[3] == "path":
            found = self.artifacts.get(parts[2])
            return str(found.get("path", "")) if found else None
        return None

    def _sibling(self, name: str) -> str | None:
        sibling, _, rest = name[len(self.prefix) + 1 :].partition(".")
        if sibling == "name" and not rest:
            return None
        found = self.siblings.get(sibling)
        if found is None:
            raise Unresolved(name, f": no finished {self.prefix[:-1]} {sibling!r} before this one")
        return found.value(rest, name)

    def environment(self, roots: frozenset[str]) -> dict[str, Any]:
        """The names an expression may read; only those roots that it mentions are built."""
        env: dict[str, Any] = {}
        if "workflow" in roots:
            env["workflow"] = self.globals.tree()
        if "inputs" in roots:
            env["inputs"] = {"parameters": self.inputs, "artifacts": self.artifacts}
        if self.prefix in roots:
            env[self.prefix] = Siblings(self.siblings, self.extra or {})
        if "item" in roots and self.item is not None:
            env["item"] = self.item.tree()
        if "sprig" in roots:
            from pinnace.authoring.argo.expression.sprig import SPRIG

            env["sprig"] = SPRIG
        for root, value in nested(self.extra or {}).items():
            if root in roots and root != self.prefix:
                env[root] = value
        return env


class Item:
    """`{{item}}` and `{{item.key}}` of one turn of a loop."""

    __slots__ = ("item",)

    def __init__(self, item: Any) -> None:
        self.item = item

    def value(self, name: str) -> str | None:
        if name == "item":
            return self.item if isinstance(self.item, str) else text(self.item)
        if not name.startswith("item.") or not isinstance(self.item, dict):
            return None
        found = self.item.get(name[5:])
        return None if found is None and name[5:] not in self.item else text(found)

    def tree(self) -> Any:
        if isinstance(self.item, dict):
            return {key: text(value) for key, value in self.item.items()}
        return text(self.item)


class Siblings(Mapping[str, Any]):
    """Finished siblings as a map that builds only what is asked for."""

    def __init__(self, siblings: Mapping[str, Sibling], extra: Mapping[str, str]) -> None:
        self._siblings = siblings
        self._extra = extra

    def __getitem__(self, name: str) -> Any:
        if name in self._siblings:
            return self._siblings[name].tree()
        return self._extra[f"steps.{name}" if f"steps.{name}" in self._extra else f"tasks.{name}"]

    def __iter__(self) -> Any:
        return iter(self._siblings)

    def __len__(self) -> int:
        return len(self._siblings)


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names expanded at their dots; a name that is also a prefix of another is dropped, as upstream does."""
    tree: dict[str, Any] = {}
    for name in sorted(values, key=len):
        at = tree
        *path, leaf = name.split(".")
        for part in path:
            inner = at.get(part)
            if not isinstance(inner, dict):
                inner = at[part] = {}
            at = inner
        at[leaf] = values[name]
    return tree
