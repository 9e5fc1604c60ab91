"""What annotations of a component's function say: its inputs and outputs. Pure. Caller: `functions`."""

from __future__ import annotations

import ast
from typing import Any

import msgspec
from msgspec import UNSET

from pinnace.authoring.kfp.palette import interface
from pinnace.authoring.kfp.palette.interface import Port
from pinnace.authoring.kfp.palette.module import DEEPEST, Module, shown
from pinnace.authoring.kfp.palette.piece import Unreadable, refuse

INPUT, OUTPUT, INNER = "input", "output", "inner"
"""The last is what the SDK fills in itself and nobody connects (`EmbeddedInput`)."""
ONE = "Output"
"""What a single returned value is called."""
LISTS, DICTS = ("typing.List", "builtins.list"), ("typing.Dict", "builtins.dict")


class Argument(msgspec.Struct, frozen=True):
    side: str
    port: Port


def argument(module: Module, one: ast.arg, default: ast.expr | None) -> Argument:
    """Raises Unreadable."""
    if one.annotation is None:
        raise refuse(f"Missing type annotation for argument: {one.arg}", one.lineno)
    if one.arg == ONE:
        raise refuse(f'"{ONE}" is an invalid parameter name.', one.lineno)
    node, _ = _bare(module, one.annotation)
    side, port = _sided(module, node)
    if side != INPUT:
        return Argument(side, port)
    value: Any = UNSET if default is None else module.value(default)
    if value is not UNSET and value is not None and not port.parameter:
        raise refuse(f"Optional Input artifacts may only have default value None. Got: {value}.", one.lineno)
    special = port.parameter in interface.SPECIAL.values()
    optional = default is not None or special
    kept = UNSET if special or value is None else value
    return Argument(INPUT, msgspec.structs.replace(port, optional=optional, default=kept))


def returned(module: Module, node: ast.expr | None) -> dict[str, Port]:
    """Raises Unreadable."""
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return {}
    fields = _fields(module, node)
    if fields is None:
        return {ONE: kind(module, node)}
    return {name: kind(module, each) for name, each in fields}


def _fields(module: Module, node: ast.expr) -> list[tuple[str, ast.expr]] | None:
    """Of a named tuple, written in place or as a class or name of the module."""
    if isinstance(node, ast.Name):
        made = module.classes.get(node.id)
        if made is not None and any(module.path(base) == "typing.NamedTuple" for base in made.bases):
            return [(one.target.id, one.annotation) for one in made.body
                    if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
        bound = module.constants.get(node.id)
        return _fields(module, bound) if isinstance(bound, ast.Call) else None
    if not isinstance(node, ast.Call) or module.path(node.func) != "typing.NamedTuple":
        return None
    if node.keywords:
        return [(one.arg, one.value) for one in node.keywords if one.arg]
    match node.args:
        case [_, ast.List(elts=pairs) | ast.Tuple(elts=pairs)]:
            return [_pair(module, one) for one in pairs]
    raise module.unknown(node)


def _pair(module: Module, node: ast.expr) -> tuple[str, ast.expr]:
    match node:
        case ast.Tuple(elts=[ast.Constant(value=str(name)), kind_]):
            return name, kind_
    raise module.unknown(node)


def _bare(module: Module, node: ast.expr) -> tuple[ast.expr, bool]:
    """Without `Optional[…]`, and whether it was there."""
    match node:
        case ast.Subscript(value=holder, slice=inner) if module.path(holder) == "typing.Optional":
            return inner, True
        case ast.Subscript(value=holder, slice=ast.Tuple(elts=[inner, ast.Constant(value=None)])) if (
            module.path(holder) == "typing.Union"
        ):
            return inner, True
        case ast.BinOp(left=inner, op=ast.BitOr(), right=ast.Constant(value=None)):
            return inner, True
    return node, False


def _sided(module: Module, node: ast.expr) -> tuple[str, Port]:
    match node:
        case ast.Subscript(value=holder, slice=inner):
            marker = module.path(holder)
            if marker in ("kfp.dsl.Input", "kfp.dsl.Output"):
                return marker.removeprefix("kfp.dsl.").lower(), _artifact(module, inner)
            if marker == "kfp.dsl.EmbeddedInput":
                return INNER, Port()
        case ast.Call(func=function, args=args, keywords=keywords):
            marker = module.path(function)
            if marker in ("kfp.dsl.InputPath", "kfp.dsl.OutputPath"):
                given = args[0] if args else next((one.value for one in keywords), None)
                side = INPUT if marker.endswith("InputPath") else OUTPUT
                return side, _at_path(module, given)
    return INPUT, kind(module, node)


def _artifact(module: Module, node: ast.expr) -> Port:
    found = kind(module, node)
    if found.parameter:
        raise refuse(f"`{shown(node)}` is a parameter: Input[…] and Output[…] are of artifacts", node.lineno)
    return found


def _at_path(module: Module, node: ast.expr | None) -> Port:
    """What `InputPath('Dataset')` means: a text that names no type is an artifact of any."""
    if node is None:
        return Port(artifact="system.Artifact")
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        known = _of_text(node.value)
        if known is None:
            title = interface.ARTIFACTS.get(node.value.lower(), "system.Artifact")
            return Port(artifact=title)
        return known
    return kind(module, node)


def kind(module: Module, node: ast.expr, depth: int = 0) -> Port:
    """A type of parameter or artifact. Raises Unreadable."""
    found = _kind(module, node)
    if found is not None:
        return found
    if isinstance(node, ast.Name) and depth < DEEPEST:
        bound = module.constants.get(node.id)
        if bound is not None:
            return kind(module, bound, depth + 1)
        own = module.classes.get(node.id)
        if own is not None and (declared := _schema(own)) is not None:
            return declared
    raise _no_type(module, node)


def _kind(module: Module, node: ast.expr) -> Port | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _of_text(node.value)
    if isinstance(node, ast.Subscript):
        outer = module.path(node.value)
        if outer in LISTS:
            inner = _kind(module, node.slice)
            if inner is not None and inner.artifact and not inner.several:
                return msgspec.structs.replace(inner, several=True)
            return Port(parameter="LIST")
        return Port(parameter="STRUCT") if outer in DICTS else None
    path = module.path(node)
    name = path.rpartition(".")[2]
    if path.startswith("builtins.") or path in (*LISTS, *DICTS):
        return Port(parameter=interface.PARAMETERS[name.lower()])
    if not path.startswith("kfp.dsl."):
        return None
    if name in interface.SPECIAL:
        return Port(parameter=interface.SPECIAL[name])
    title = interface.ARTIFACTS.get(name.lower())
    return Port(artifact=title) if title == f"system.{name}" else None


def _of_text(text: str) -> Port | None:
    short = text.removeprefix("typing.").partition("[")[0]
    if short in interface.SPECIAL:
        return Port(parameter=interface.SPECIAL[short])
    found = interface.PARAMETERS.get(short.lower())
    return Port(parameter=found) if found else None


def _schema(made: ast.ClassDef) -> Port | None:
    """A class of artifacts of the file's own."""
    said = {
        one.targets[0].id: one.value.value for one in made.body
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
        and isinstance(one.value, ast.Constant)
    }
    title, version = said.get("schema_title"), said.get("schema_version", interface.VERSION)
    return Port(artifact=title, version=str(version)) if isinstance(title, str) else None


def _no_type(module: Module, node: ast.expr) -> Unreadable:
    path = module.path(node)
    if path and not path.startswith(("kfp.", "builtins.", "typing.")):
        words = f"`{shown(node)}` is defined in another package ({path}), which is not read here"
    else:
        words = f"`{shown(node)}` is no type of an input or output"
    return refuse(
        f"{words}: use str, int, float, bool, list, dict or an artifact class of kfp.dsl, or compile the "
        "component (`kfp dsl compile`) and add what comes out", node.lineno,
    )
