"""The command line that a `@dsl.container_component` returns, read off its source. Pure. Caller: `functions`.

Its body may name constants and put texts and placeholders together, as the SDK lets it; what branches or
calls is known only by running it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from pinnace.authoring.kfp.ir import Obj
from pinnace.authoring.kfp.palette.module import NEXT, Module, shown
from pinnace.authoring.kfp.palette.piece import refuse
from pinnace.authoring.kfp.palette.signature import INPUT, Argument

FIELDS = ("image", "command", "args")


class _Artifact:
    """What stands for an artifact in a command line: its uri, path or metadata."""

    def __init__(self, place: str) -> None:
        self.place = place

    def attribute(self, name: str) -> Any:
        if name in ("uri", "path"):
            return f"{{{{$.{self.place}.{name}}}}}"
        return _Metadata(self.place) if name == "metadata" else NotImplemented


class _Metadata(str):
    place: str

    def __new__(cls, place: str) -> _Metadata:
        made = super().__new__(cls, f"{{{{$.{place}.metadata}}}}")
        made.place = place
        return made

    def item(self, key: Any) -> str:
        return f"{{{{$.{self.place}.metadata['{key}']}}}}"


def container(module: Module, function: ast.FunctionDef, arguments: Mapping[str, Argument]) -> Obj:
    """`{image, command, args}`. Raises Unreadable."""
    known: dict[str, Any] = {name: _placeholder(name, one) for name, one in arguments.items()}
    inputs = [name for name, one in arguments.items() if one.side == INPUT]
    for statement in function.body:
        match statement:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                known[name] = _value(module, value, known, inputs)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                known[name] = _value(module, value, known, inputs)
            case ast.Return(value=ast.Call() as value):
                return _spec(module, value, known, inputs)
            case _:
                raise refuse(f"{function.name}: its command line is known only when it runs: return a "
                             "ContainerSpec that is written out, or compile it (`kfp dsl compile`)",
                             statement.lineno)
    raise refuse(f"{function.name}: expected `return dsl.ContainerSpec(…)`", function.lineno)


def _placeholder(name: str, one: Argument) -> Any:
    side = "inputs" if one.side == INPUT else "outputs"
    if one.port.parameter:
        ending = "" if one.side == INPUT else ".output_file"
        return f"{{{{$.{side}.parameters['{name}']{ending}}}}}"
    place = f"{side}.artifacts['{name}']"
    return f"{{{{$.{place}}}}}" if one.port.several else _Artifact(place)


def _spec(module: Module, call: ast.Call, known: Mapping[str, Any], inputs: list[str]) -> Obj:
    if module.path(call.func) != "kfp.dsl.ContainerSpec":
        raise refuse(f"`{shown(call)}`: expected `dsl.ContainerSpec(…)`; {NEXT}", call.lineno)
    given = dict(zip(FIELDS, call.args, strict=False))
    given |= {one.arg: one.value for one in call.keywords if one.arg in FIELDS}
    if "image" not in given:
        raise refuse("ContainerSpec: image is missing", call.lineno)
    made: Obj = {}
    for field, node in given.items():
        value = _value(module, node, known, inputs)
        if field == "image":
            made[field] = _word(value, node)
        elif value:
            made[field] = [_word(one, node) for one in value]
    return made


def _word(value: Any, node: ast.expr) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, _Artifact):
        raise refuse("Cannot access artifact by itself in the container definition. "
                     "Please use .uri or .path instead to access the artifact.", node.lineno)
    if not isinstance(value, str):
        raise refuse(f"a word of a command line is a text, not {value!r}", node.lineno)
    return str(value)


def _value(module: Module, node: ast.expr, known: Mapping[str, Any], inputs: list[str]) -> Any:
    """As any value, and placeholders that have a structure, in lists too."""
    match node:
        case ast.List(elts=elements) if not any(isinstance(one, ast.Starred) for one in elements):
            return [_value(module, one, known, inputs) for one in elements]
        case ast.BinOp(left=left, op=ast.Add(), right=right) if isinstance(left, ast.List):
            return [*_value(module, left, known, inputs), *_value(module, right, known, inputs)]
        case ast.Call(func=function):
            path = module.path(function)
            if path == "kfp.dsl.ConcatPlaceholder":
                return _concatenation(module, node, known, inputs)
            if path == "kfp.dsl.IfPresentPlaceholder":
                return _choice(module, node, known, inputs)
    return module.value(node, known)


def _arguments(call: ast.Call, names: tuple[str, ...]) -> dict[str, ast.expr]:
    named = {one.arg: one.value for one in call.keywords if one.arg}
    return dict(zip(names, call.args, strict=False)) | named


def _concatenation(module: Module, call: ast.Call, known: Mapping[str, Any], inputs: list[str]) -> Obj:
    given = _arguments(call, ("items",))
    if "items" not in given:
        raise module.unknown(call)
    return {"Concat": _value(module, given["items"], known, inputs)}


def _choice(module: Module, call: ast.Call, known: Mapping[str, Any], inputs: list[str]) -> Obj:
    given = _arguments(call, ("input_name", "then", "else_"))
    if not {"input_name", "then"} <= given.keys():
        raise module.unknown(call)
    name = module.value(given["input_name"])
    if name not in inputs:
        raise refuse(f'Argument "IfPresentPlaceholder" references nonexistant input: "{name}".', call.lineno)
    made: Obj = {"InputName": name, "Then": _value(module, given["then"], known, inputs)}
    otherwise = _value(module, given["else_"], known, inputs) if "else_" in given else None
    return {"IfPresent": made | ({"Else": otherwise} if otherwise else {})}
