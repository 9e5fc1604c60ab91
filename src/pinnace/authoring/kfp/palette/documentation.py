"""What a function's docstring says: of the component, and of each input and output. Pure.

The SDK parses docstrings of any style by the library that is used here. Callers: `functions`, `packages`.
"""

from __future__ import annotations

import ast
import inspect

import msgspec

RETURNS = ("Returns:\n", "Returns\n", "Return:\n", "Return\n")
"""Sections that describe outputs by name, as if these were arguments."""


class Said(msgspec.Struct, frozen=True):
    description: str = ""
    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}


def read(function: ast.FunctionDef) -> Said:
    text = ast.get_docstring(function, clean=False)
    return of_text(inspect.cleandoc(text)) if text else Said()


def of_text(text: str) -> Said:
    from docstring_parser import ParseError, parse

    try:
        found = parse(text)
        outputs = next((parse(text.replace(one.strip(), "Args:")) for one in RETURNS if one in text), None)
    except ParseError:
        return Said(text.partition("\n")[0])
    short, long = found.short_description or "", found.long_description or ""
    return Said(
        (f"{short}\n{long}" if short and long else short).strip(),
        {one.arg_name: one.description or "" for one in found.params},
        {one.arg_name: one.description or "" for one in outputs.params} if outputs else {},
    )


def of_source(source: str) -> str:
    """Of the first function in a text that has one; '' where the text is not read."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    found = (one for one in tree.body if isinstance(one, ast.FunctionDef) and ast.get_docstring(one))
    function = next(found, None)
    return read(function).description if function is not None else ""
