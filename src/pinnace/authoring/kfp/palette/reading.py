"""What a text is, and the components that it holds. Pure. Caller: `api/authoring`."""

from __future__ import annotations

import json
import re

import msgspec

from pinnace.authoring.kfp import ir
from pinnace.authoring.kfp.ir import Obj
from pinnace.authoring.kfp.palette import classic, packages
from pinnace.authoring.kfp.palette.piece import Palette, Piece, refuse

_LOOKS = re.compile(r"^(from \w[\w.]* import |import \w|@|def \w+\()", re.MULTILINE)


def of_documents(documents: list[Obj]) -> Palette:
    """Of YAML or JSON: components of v1, and at most one pipeline with its platform. Raises Unreadable."""
    made: list[Piece] = [classic.read(one) for one in documents if classic.is_one(one)]
    rest = [one for one in documents if not classic.is_one(one)]
    if rest:
        made.extend(packages.offered(_package(rest)))
    if not made:
        raise refuse("the text holds no component: expected component YAML, a compiled pipeline or Python")
    return Palette(tuple(made))


def _package(documents: list[Obj]) -> ir.Package:
    platforms = [one for one in documents if "platforms" in one]
    specs = [one for one in documents if "platforms" not in one]
    if len(specs) != 1 or len(platforms) > 1:
        found = len(documents)
        raise refuse(f"expected one PipelineSpec and at most one PlatformSpec, found {found} documents")
    try:
        made = ir.package(json.loads(msgspec.json.encode(specs[0])))
    except ir.IrError as problem:
        raise refuse(str(problem)) from None
    if made.argo:
        raise refuse("apiVersion: compiled by kfp 1.8, it is a Workflow: its templates are its parts")
    return ir.Package(made.spec, platforms[0] if platforms else made.platform, made.pipeline)


def of_python(text: str) -> Palette:
    """Raises Unreadable."""
    from pinnace.authoring.kfp.palette import functions
    from pinnace.authoring.kfp.palette.module import Module

    made, notes = functions.read(Module(text))
    if not made and not notes:
        raise refuse("no component is in this file: expected a function with `@dsl.component` or "
                     "`@dsl.container_component` above it")
    return Palette(tuple(made), tuple(notes))


def is_python(text: str) -> bool:
    """Python names what it imports, and YAML does not: of `import kfp` a YAML parser makes a mere text."""
    import ast

    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return bool(_LOOKS.search(text))
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    return any(isinstance(one, kinds) for one in tree.body)
