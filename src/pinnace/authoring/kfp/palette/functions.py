"""Components written in Python, read off the source and never run. Pure. Caller: `reading`.

`@dsl.component` and `@dsl.container_component` become what the SDK's compiler makes of them, to the letter.
What only a run tells (a computed image, a decorator of the file's own) is refused by its line.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from pinnace.authoring.kfp.ir import Obj
from pinnace.authoring.kfp.palette import commands, containers, documentation, interface, signature
from pinnace.authoring.kfp.palette import piece as pieces
from pinnace.authoring.kfp.palette.decorators import Decoration, decorated
from pinnace.authoring.kfp.palette.interface import Port
from pinnace.authoring.kfp.palette.module import Module
from pinnace.authoring.kfp.palette.piece import Piece, Problem, Spec, Unreadable, refuse
from pinnace.authoring.kfp.palette.signature import INPUT, OUTPUT, Argument


def read(module: Module) -> tuple[list[Piece], list[str]]:
    """The components, and what is said of what is none. Raises Unreadable with every problem."""
    made: list[Piece] = []
    problems: list[Problem] = []
    notes: list[str] = []
    for decoration in decorated(module, problems):
        if decoration.kind == "pipeline":
            notes.append(_pipeline(decoration.function))
            continue
        try:
            made.append(piece(module, decoration, [one.name for one in made]))
        except Unreadable as problem:
            problems.extend(problem.problems)
    if problems:
        raise Unreadable(sorted(problems, key=lambda one: one.line))
    return made, notes


def _pipeline(function: ast.FunctionDef) -> str:
    name = function.name
    return (
        f"line {function.lineno}: {name} is a pipeline: what it does is known only when it runs. "
        f"`kfp dsl compile --py FILE --function {name} --output {name}.yaml` compiles it"
    )


def piece(module: Module, found: Decoration, taken: Collection[str] = ()) -> Piece:
    """The component of one function, under a name that is not taken. Raises Unreadable."""
    function = found.function
    base = pieces.key(function.name)
    name = next(one for one in itertools.chain([base], (f"{base}-{at}" for at in itertools.count(2)))
                if one not in taken)
    arguments = dict(_arguments(module, function))
    said = documentation.read(function)
    inputs = {key: _described(one.port, said.inputs.get(key))
              for key, one in arguments.items() if one.side == INPUT}
    outputs = {key: _described(one.port, said.outputs.get(key))
               for key, one in arguments.items() if one.side == OUTPUT}
    if found.kind == "container_component":
        _returns_container(module, function)
        container = containers.container(module, function, arguments)
        component, group = interface.component(name, inputs, outputs), pieces.CONTAINERS
    else:
        outputs |= {key: _described(one, said.outputs.get(key))
                    for key, one in signature.returned(module, function.returns).items()}
        container = _container(module, found)
        component = interface.component(name, inputs, outputs) | _passed_through(module, found)
        group = pieces.FUNCTIONS
    title = pieces.titled(function.name)
    return pieces.piece(name, title, said.description, group, Spec(component, {"container": container}))


def _described(port: Port, text: str | None) -> Port:
    return msgspec.structs.replace(port, description=text) if text else port


def _returns_container(module: Module, function: ast.FunctionDef) -> None:
    if function.returns is not None and module.path(function.returns) != "kfp.dsl.ContainerSpec":
        raise refuse("Return annotation should be either ContainerSpec or omitted for container components.",
                     function.lineno)


def _arguments(module: Module, function: ast.FunctionDef) -> Iterator[tuple[str, Argument]]:
    given = function.args
    if given.vararg is not None or given.kwarg is not None:
        raise refuse(f"{function.name}: a component's inputs are named one by one, without * and **",
                     function.lineno)
    plain = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(given.defaults))
    every = zip([*plain, *given.kwonlyargs], [*defaults, *given.defaults, *given.kw_defaults], strict=True)
    for one, default in every:
        yield one.arg, signature.argument(module, one, default)


# ---- functions ---------------------------------------------------------------------------------

READ_APART = ("additional_funcs", "task_config_passthroughs", "output_component_file")
ELSEWHERE = {"embedded_artifact_path": "a file", "notebook_path": "a notebook"}


def _container(module: Module, found: Decoration) -> Obj:
    for field, what in ELSEWHERE.items():
        if field in found.given:
            raise refuse(
                f"{found.function.name}: {what} goes into it ({field}), which this text does not hold: "
                "compile it (`kfp dsl compile`) and add what comes out", found.function.lineno,
            )
    values = {key: module.value(node) for key, node in found.given.items() if key not in READ_APART}
    try:
        settings = msgspec.convert(values, commands.Settings)
    except msgspec.ValidationError as problem:
        words = str(problem).replace("`", "")
        raise refuse(f"{found.function.name}: its decorator: {words}", found.function.lineno) from None
    more = [source(module, one) for one in _along(module, found)]
    return commands.container(found.function.name, source(module, found.function), more, settings)


def _along(module: Module, found: Decoration) -> Iterator[ast.FunctionDef]:
    node = found.given.get("additional_funcs")
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return
    if not isinstance(node, (ast.List, ast.Tuple)):
        raise module.unknown(node)
    for one in node.elts:
        function = module.functions.get(one.id) if isinstance(one, ast.Name) else None
        if function is None:
            raise refuse(f"additional_funcs: `{ast.unparse(one)}` is no function of this file", one.lineno)
        yield function


def source(module: Module, function: ast.FunctionDef) -> str:
    """The function as `inspect` finds it, without what decorates it and where it is indented."""
    first = min([function.lineno, *(one.lineno for one in function.decorator_list)])
    lines = inspect.getblock(module.lines[first - 1:])
    plain = textwrap.dedent("".join(lines)).split("\n")
    return "\n".join(itertools.dropwhile(lambda line: not line.startswith("def"), plain))


def _passed_through(module: Module, found: Decoration) -> Obj:
    node = found.given.get("task_config_passthroughs")
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return {}
    if not isinstance(node, (ast.List, ast.Tuple)):
        raise module.unknown(node)
    return {"taskConfigPassthroughs": [_passthrough(module, one) for one in node.elts]}


def _passthrough(module: Module, node: ast.expr) -> Obj:
    if isinstance(node, ast.Call) and module.path(node.func) == "kfp.dsl.TaskConfigPassthrough":
        given: dict[str, ast.expr] = dict(zip(("field", "apply_to_task"), node.args, strict=False))
        given |= {one.arg: one.value for one in node.keywords if one.arg}
        applied: Any = module.value(given["apply_to_task"]) if "apply_to_task" in given else False
        return _passthrough(module, given["field"]) | ({"applyToTask": True} if applied else {})
    path = module.path(node)
    if not path.startswith("kfp.dsl.TaskConfigField."):
        raise module.unknown(node)
    return {"field": path.rpartition(".")[2]}
