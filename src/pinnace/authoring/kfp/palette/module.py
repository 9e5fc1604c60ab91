"""A Python module as it stands: what its names mean, as far as that is known without a run. Pure.

Constants are names that are bound once, at the top, to what is written out. Callers: the readers of
functions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from pinnace.authoring.kfp.palette.piece import Unreadable, refuse

DEEPEST = 60
PLACEHOLDERS = {
    f"kfp.dsl.{name}": text for name, text in {
        "PIPELINE_JOB_NAME_PLACEHOLDER": "{{$.pipeline_job_name}}",
        "PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER": "{{$.pipeline_job_resource_name}}",
        "PIPELINE_JOB_ID_PLACEHOLDER": "{{$.pipeline_job_uuid}}",
        "PIPELINE_TASK_NAME_PLACEHOLDER": "{{$.pipeline_task_name}}",
        "PIPELINE_TASK_ID_PLACEHOLDER": "{{$.pipeline_task_uuid}}",
        "PIPELINE_TASK_EXECUTOR_OUTPUT_PATH_PLACEHOLDER": "{{$.outputs.output_file}}",
        "PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER": "{{$}}",
        "PIPELINE_ROOT_PLACEHOLDER": "{{$.pipeline_root}}",
        "PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER": "{{$.pipeline_job_create_time_utc}}",
        "PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER": "{{$.pipeline_job_schedule_time_utc}}",
        "WORKSPACE_PATH_PLACEHOLDER": "{{$.workspace_path}}",
    }.items()
}
NEXT = "write it out as a constant, or compile the file (`kfp dsl compile`) and add what comes out"


class Module:
    def __init__(self, text: str) -> None:
        """Raises Unreadable: it is no Python."""
        self.text = text.replace("\r\n", "\n").replace("\r", "\n")
        try:
            self.tree = ast.parse(self.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise refuse(f"no Python: {error}", getattr(error, "lineno", None) or 0) from None
        self.lines = [f"{line}\n" for line in self.text.split("\n")]
        self.imports: dict[str, str] = {}
        self.stars: list[str] = []
        self.constants: dict[str, ast.expr | None] = {}
        """None: bound more than once, or to what only a run tells."""
        self.functions: dict[str, ast.FunctionDef] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        for statement in self.tree.body:
            self._learn(statement, certain=True)

    def _learn(self, statement: ast.stmt, *, certain: bool) -> None:
        match statement:
            case ast.Import(names=names):
                for one in names:
                    top = one.name.partition(".")[0]
                    self.imports[one.asname or top] = one.name if one.asname else top
            case ast.ImportFrom(module=module, names=names, level=0):
                for one in names:
                    if one.name == "*":
                        self.stars.append(_plain(module or ""))
                    else:
                        self.imports[one.asname or one.name] = f"{module}.{one.name}"
            case ast.FunctionDef(name=name):
                self.functions[name] = statement
            case ast.ClassDef(name=name):
                self.classes[name] = statement
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._bind(name, value if certain else None)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._bind(name, value if certain else None)
            case _:
                self._learn_inside(statement)

    def _learn_inside(self, statement: ast.stmt) -> None:
        for name in _bound(statement):
            self._bind(name, None)
        if not is_main(statement):
            for inner in _blocks(statement):
                self._learn(inner, certain=False)

    def _bind(self, name: str, value: ast.expr | None) -> None:
        self.constants[name] = value if name not in self.constants else None

    # ---- names ---------------------------------------------------------------------------------

    def path(self, node: ast.expr) -> str:
        """What a name is, dotted from where it is defined: `dsl.Input` → `kfp.dsl.Input`; '' if not known."""
        match node:
            case ast.Name(id=name):
                return _plain(self.imports.get(name) or self._starred(name))
            case ast.Attribute(value=value, attr=name):
                holder = self.path(value)
                return _plain(f"{holder}.{name}") if holder else ""
        return ""

    def _starred(self, name: str) -> str:
        if name in self.constants or name in self.functions or name in self.classes:
            return ""
        if "kfp.dsl" in self.stars and name in STARRED:
            return f"kfp.dsl.{name}"
        if "typing" in self.stars and name in TYPING:
            return f"typing.{name}"
        return f"builtins.{name}" if name in BUILTINS else ""

    # ---- values --------------------------------------------------------------------------------

    def value(self, node: ast.expr, local: Mapping[str, Any] | None = None, depth: int = 0) -> Any:
        """Raises Unreadable with the line: it is known only when the file runs."""
        if depth > DEEPEST:
            raise refuse("nested too deeply to be read", node.lineno)
        return _Reader(self, local or {}, depth + 1).read(node)

    def unknown(self, node: ast.expr) -> Unreadable:
        return refuse(f"`{shown(node)}` is known only when the file runs: {NEXT}", node.lineno)


class _Reader:
    """Literals, constants, and what puts these together."""

    def __init__(self, module: Module, local: Mapping[str, Any], depth: int) -> None:
        self.module = module
        self.local = local
        self.depth = depth

    def read(self, node: ast.expr) -> Any:
        made = self._read(node)
        if made is NotImplemented:
            raise self.module.unknown(node)
        return made

    def _inner(self, node: ast.expr) -> Any:
        return self.module.value(node, self.local, self.depth)

    def _read(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value) if value is not ... and not isinstance(value, (bytes, complex)):
                return value
            case ast.Name() | ast.Attribute():
                return self._named(node)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return self._list(elements)
            case ast.Dict(keys=keys, values=values) if None not in keys:
                return {self._inner(key): self._inner(one)
                        for key, one in zip(keys, values, strict=True) if key is not None}
            case ast.JoinedStr(values=values):
                return "".join(self._part(one) for one in values)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._sum(self._inner(left), self._inner(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                found = self._inner(operand)
                return -found if isinstance(found, (int, float)) else NotImplemented
            case ast.Subscript(value=value, slice=at):
                return self._item(self._inner(value), self._inner(at))
            case ast.Call(func=ast.Name(id="str"), args=[one], keywords=[]):
                return str(self._inner(one))
        return NotImplemented

    def _named(self, node: ast.Name | ast.Attribute) -> Any:
        if isinstance(node, ast.Name) and node.id in self.local:
            return self.local[node.id]
        holder = node.value if isinstance(node, ast.Attribute) else None
        if isinstance(node, ast.Attribute) and isinstance(holder, ast.Name) and holder.id in self.local:
            return _attribute(self.local[holder.id], node.attr)
        path = self.module.path(node)
        if path in PLACEHOLDERS:
            return PLACEHOLDERS[path]
        bound = self.module.constants.get(node.id) if isinstance(node, ast.Name) else None
        return NotImplemented if bound is None else self.module.value(bound, None, self.depth)

    def _list(self, elements: list[ast.expr]) -> list[Any]:
        made: list[Any] = []
        for one in elements:
            if isinstance(one, ast.Starred):
                made.extend(self._inner(one.value))
            else:
                made.append(self._inner(one))
        return made

    def _part(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                return str(self._inner(value))
        raise self.module.unknown(node)

    def _sum(self, left: Any, right: Any) -> Any:
        alike = type(left) is type(right) and isinstance(left, (str, list))
        numbers = all(isinstance(one, (int, float)) for one in (left, right))
        return left + right if alike or numbers else NotImplemented

    def _item(self, holder: Any, at: Any) -> Any:
        if hasattr(holder, "item"):
            return holder.item(at)
        try:
            return holder[at] if isinstance(holder, (dict, list)) else NotImplemented
        except (LookupError, TypeError):
            return NotImplemented


def _attribute(holder: Any, name: str) -> Any:
    return holder.attribute(name) if hasattr(holder, "attribute") else NotImplemented


def shown(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) < 60 else f"{text[:57]}…"


def is_main(statement: ast.stmt) -> bool:
    """`if __name__ == "__main__":`"""
    match statement:
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
    return False


def _plain(path: str) -> str:
    """Where older versions had it: as today's has it."""
    for older in OLDER:
        if path == older or path.startswith(f"{older}."):
            return f"kfp.dsl{path.removeprefix(older)}"
    return path


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement binds where they are not constants."""
    match statement:
        case ast.Assign(targets=targets):
            nodes: list[ast.expr] = targets
        case ast.AugAssign(target=target) | ast.For(target=target):
            nodes = [target]
        case _:
            return
    for node in nodes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name):
                yield inner.id


def _blocks(statement: ast.stmt) -> Iterator[ast.stmt]:
    for field in ("body", "orelse", "finalbody"):
        yield from getattr(statement, field, ())
    for handler in getattr(statement, "handlers", ()):
        yield from handler.body


OLDER = (
    "kfp.v2.dsl", "kfp.dsl.types.artifact_types", "kfp.dsl.types.type_annotations", "kfp.dsl.placeholders",
    "kfp.dsl.structures", "kfp.dsl.component_decorator", "kfp.dsl.container_component_decorator",
    "kfp.dsl.component_task_config", "kfp.dsl.task_config", "kfp.dsl.task_final_status",
)
"""Modules whose names are those of `kfp.dsl`."""
BUILTINS = frozenset({"str", "int", "float", "bool", "list", "dict"})
TYPING = frozenset({"List", "Dict", "Optional", "Union", "NamedTuple"})
STARRED = frozenset({
    "Input", "Output", "InputPath", "OutputPath", "PipelineTaskFinalStatus", "TaskConfig", "Artifact",
    "ClassificationMetrics", "Dataset", "HTML", "Markdown", "Metrics", "Model", "SlicedClassificationMetrics",
    "EmbeddedInput", "TaskConfigField", "TaskConfigPassthrough", "component", "container_component",
    "notebook_component", "pipeline", "ContainerSpec", "ConcatPlaceholder", "IfPresentPlaceholder",
    *(path.removeprefix("kfp.dsl.") for path in PLACEHOLDERS),
})
"""What `from kfp.dsl import *` gives, of what stands in decorators, signatures and command lines."""
