"""`{{…}}` in manifests: compiled once, rendered per node, on the object tree and never on JSON text.

A compiled document shares every part without a tag with all its renderings, so a node costs only its dynamic
leaves. Callers: `template`, `pods`, `graph`. Source of the rules: argoproj/argo-workflows util/template.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pinnace.authoring.argo.expression import parser
from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.evaluate import evaluate, references
from pinnace.authoring.argo.expression.values import to_json
from pinnace.controllers.workflow.scope import Scope

LATER = ("item", "retries", "lastRetry", "workflow.status", "workflow.failures")
"""Names that may get a value later: an expression that is nil for want of them stays as it is written."""

Render = Callable[[Scope], Any]


class Tag:
    """`{{name}}`; `name` may itself contain tags, which are resolved first."""

    __slots__ = ("inner", "name", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.inner = Text.of(source) if "{{" in source else None
        self.name = source.strip()

    def render(self, scope: Scope) -> str:
        if self.inner is not None:
            return self._nested(scope, self.inner)
        value = scope.value(self.name)
        return value if value is not None else f"{{{{{self.source}}}}}"

    def _nested(self, scope: Scope, inner: Text) -> str:
        name = inner.render(scope).strip()
        value = scope.value(name)
        return value if value is not None else f"{{{{{name}}}}}"


class Formula:
    """`{{=expression}}`: the result is JSON, a string without its quotes."""

    __slots__ = ("inner", "roots", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.inner = Text.of(source) if "{{" in source else None
        self.roots = references(source)

    def render(self, scope: Scope) -> str:
        source, roots = self.source, self.roots
        if self.inner is not None:
            source = self.inner.render(scope)
            roots = references(source)
        value = evaluate(source, scope.environment(roots))
        if value is None:
            if any(name in source for name in LATER):
                return f"{{{{={self.source}}}}}"
            raise ExpressionError(f"failed to evaluate expression {source.strip()!r}: the result is nil")
        return value if isinstance(value, str) else to_json(value)


Part = str | Tag | Formula


class Text:
    """A string with at least one tag."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts

    @classmethod
    def of(cls, source: str) -> Text:
        return cls(list(_parts(source)))

    def render(self, scope: Scope) -> str:
        parts = self.parts
        return "".join([part if isinstance(part, str) else part.render(scope) for part in parts])

    def compiled(self) -> Callable[[Scope], str]:
        """`render`; of a text that is one tag, the tag's own."""
        only = self.parts[0]
        return self.render if len(self.parts) > 1 or isinstance(only, str) else only.render

    @property
    def pure(self) -> str:
        """The name, if the whole text is one simple tag."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only.name if isinstance(only, Tag) and only.inner is None else ""

    def names(self) -> Iterator[str]:
        """The simple names that occur."""
        for part in self.parts:
            if isinstance(part, Tag):
                yield part.name

    def formulas(self) -> Iterator[str]:
        for part in self.parts:
            if isinstance(part, Formula):
                yield part.source


def _parts(source: str) -> Iterator[Part]:
    at = 0
    while True:
        start = source.find("{{", at)
        stop = _close(source, start) if start >= 0 else -1
        if stop < 0:
            break
        if start > at:
            yield source[at:start]
        inside = source[start + 2 : stop]
        yield Formula(inside.lstrip()[1:]) if inside.lstrip().startswith("=") else Tag(inside)
        at = stop + 2
    if at < len(source) or not source:
        yield source[at:]


def _close(source: str, start: int) -> int:
    """Where the tag that opens at `start` ends, or -1."""
    if source[start + 2 :].lstrip().startswith("="):
        return _close_formula(source, start)
    depth, at = 0, start
    while at < len(source):
        pair = source[at : at + 2]
        if pair == "{{":
            depth += 1
            at += 2
        elif pair == "}}":
            depth -= 1
            if depth == 0:
                return at
            at += 2
        else:
            at += 1
    return -1


def _close_formula(source: str, start: int) -> int:
    """A map literal may end in `}}`: the shortest text that parses is meant, else the shortest text."""
    first = stop = source.find("}}", start)
    while stop >= 0:
        try:
            parser.parse(source[start + 2 : stop].lstrip()[1:])
            return stop
        except ExpressionError:
            stop = source.find("}}", stop + 1)
    return first


def compile_tree(document: Any) -> Render | None:
    """A function that makes the document for a scope; None if nothing in it depends on one."""
    if isinstance(document, str):
        return Text.of(document).compiled() if "{{" in document else None
    if isinstance(document, dict):
        return _compile_map(document)
    if isinstance(document, list):
        return _compile_list(document)
    return None


def _compile_map(document: dict[str, Any]) -> Render | None:
    dynamic = [(key, part) for key, value in document.items() if (part := compile_tree(value)) is not None]
    keys = [(key, Text.of(key)) for key in document if "{{" in key]
    if not dynamic and not keys:
        return None
    if keys:
        return _keyed(document, dict(dynamic), dict(keys))

    def render(scope: Scope) -> Any:
        made = document.copy()
        for key, inner in dynamic:
            made[key] = inner(scope)
        return made

    return render


def _keyed(document: dict[str, Any], dynamic: dict[str, Render], keys: dict[str, Text]) -> Render:
    def render(scope: Scope) -> Any:
        return {
            (keys[key].render(scope) if key in keys else key): (
                dynamic[key](scope) if key in dynamic else value
            )
            for key, value in document.items()
        }

    return render


def _compile_list(document: list[Any]) -> Render | None:
    dynamic = [(at, part) for at, value in enumerate(document) if (part := compile_tree(value)) is not None]
    if not dynamic:
        return None

    def render(scope: Scope) -> Any:
        made = document.copy()
        for at, inner in dynamic:
            made[at] = inner(scope)
        return made

    return render


def texts(document: Any) -> Iterator[str]:
    """Every string with a tag in a document."""
    if isinstance(document, str):
        if "{{" in document:
            yield document
    elif isinstance(document, dict):
        for key, value in document.items():
            yield from texts(key)
            yield from texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from texts(value)
