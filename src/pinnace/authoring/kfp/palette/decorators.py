"""Which functions of a module are components or pipelines, and what their decorators say. Pure.

A decorator may be bound to a name before (`functools.partial(dsl.component, base_image=…)`), and called on a
function instead of written above it. Caller: `functions`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import msgspec

from pinnace.authoring.kfp.palette.module import NEXT, Module, is_main, shown
from pinnace.authoring.kfp.palette.piece import Problem, Unreadable, refuse

KINDS = {
    "kfp.dsl.component": "component", "kfp.dsl.container_component": "container_component",
    "kfp.dsl.notebook_component": "component", "kfp.dsl.pipeline": "pipeline",
    "kfp.components.create_component_from_func": "component",
}
PARTIAL = "functools.partial"


class Decoration(msgspec.Struct, frozen=True):
    kind: str
    """`component`, `container_component` or `pipeline`."""
    given: dict[str, ast.expr]
    function: ast.FunctionDef


class _Way(msgspec.Struct, frozen=True):
    kind: str
    given: dict[str, ast.expr]


def decorated(module: Module, problems: list[Problem]) -> Iterator[Decoration]:
    """In the order of the text."""
    called = dict(_called(module))
    for node in _statements(module.tree):
        if isinstance(node, ast.FunctionDef):
            try:
                found = _of_function(module, node)
            except Unreadable as problem:
                problems.extend(problem.problems)
                continue
            way = found or called.get(node.name)
            if way is not None:
                yield Decoration(way.kind, way.given, node)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    for statement in tree.body:
        if not is_main(statement):
            inner = ast.walk(statement)
            yield from sorted(inner, key=lambda one: getattr(one, "lineno", 0))


def _of_function(module: Module, function: ast.FunctionDef) -> _Way | None:
    ways = [(one, _way(module, one)) for one in function.decorator_list]
    known = [way for _, way in ways if way is not None]
    other = [one for one, way in ways if way is None]
    if known and other:
        text = f"{function.name}: `@{shown(other[0])}` changes it before the SDK sees it: {NEXT}"
        raise refuse(text, other[0].lineno)
    for one in other:
        if _computed(module, one):
            raise refuse(
                f"{function.name}: what `@{shown(one)}` does is known only when the file runs: write "
                "`@dsl.component(…)` with its arguments, or add what `kfp dsl compile` makes of it",
                one.lineno,
            )
    return known[0] if known else None


def _way(module: Module, node: ast.expr, depth: int = 0) -> _Way | None:
    """What a decorator is, with everything that it was given."""
    kind = KINDS.get(module.path(node))
    if kind is not None:
        notebook = module.path(node).endswith("notebook_component")
        return _Way(kind, {"notebook_path": node} if notebook else {})
    if isinstance(node, ast.Name) and depth < 20:
        bound = module.constants.get(node.id)
        followed = isinstance(bound, (ast.Call, ast.Name, ast.Attribute))
        return _way(module, bound, depth + 1) if bound is not None and followed else None
    if not isinstance(node, ast.Call) or depth >= 20:
        return None
    partial = module.path(node.func) == PARTIAL
    positional = node.args[1:] if partial else node.args
    inner = _way(module, node.args[0] if partial and node.args else node.func, depth + 1)
    if inner is None or positional:
        return None
    return _Way(inner.kind, inner.given | _keywords(module, node))


def _keywords(module: Module, call: ast.Call) -> dict[str, ast.expr]:
    made: dict[str, ast.expr] = {}
    for one in call.keywords:
        if one.arg is not None:
            made[one.arg] = one.value
            continue
        held = module.constants.get(one.value.id) if isinstance(one.value, ast.Name) else one.value
        if not isinstance(held, ast.Dict) or None in held.keys:
            raise module.unknown(one.value)
        for key, value in zip(held.keys, held.values, strict=True):
            if key is not None:
                made[str(module.value(key))] = value
    return made


def _called(module: Module) -> Iterator[tuple[str, _Way]]:
    """`train = dsl.component(train_function, base_image=…)`: the function's name, and how."""
    for value in module.constants.values():
        match value:
            case ast.Call(func=function, args=[ast.Name(id=name)]) if name in module.functions:
                way = _way(module, function)
                if way is not None:
                    yield name, _Way(way.kind, way.given | _keywords(module, value))


def _computed(module: Module, node: ast.expr) -> bool:
    """Whether a decorator is made by the file itself, and with the SDK's."""
    root = node
    while isinstance(root, (ast.Call, ast.Attribute)):
        root = root.func if isinstance(root, ast.Call) else root.value
    if not isinstance(root, ast.Name):
        return False
    made = module.functions.get(root.id) or module.constants.get(root.id)
    return made is not None and any(
        module.path(one) in KINDS for one in ast.walk(made) if isinstance(one, (ast.Name, ast.Attribute))
    )
