"""nginx's configuration language: text → a tree of directives, its own complaints about what cannot be read.

Used by `nginx_site.py`. What a directive means is not known here, only how it is written: words with quotes,
escapes and comments, blocks, and `include` with patterns (relative to the first file's folder).
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TOKEN = re.compile(
    r"""\s+ | \#[^\n]* | (?P<mark>[{};]) | "(?P<double>(?:\\.|[^"\\])*)" | '(?P<single>(?:\\.|[^'\\])*)'
    | (?P<word>(?:\$\{\w+\}|\\.|[^\s{};"'\\])(?:\$\{\w+\}|\\.|[^\s{};\\])*)""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {'\\"': '"', "\\'": "'", "\\\\": "\\", "\\t": "\t", "\\r": "\r", "\\n": "\n"}
DEEPEST = 12


class Wrong(Exception):
    """The configuration cannot be used; the text is what nginx itself would say."""


class Directive(NamedTuple):
    name: str
    words: tuple[str, ...]
    block: tuple[Directive, ...] | None
    where: str
    """`file:line`, as the complaints have it."""

    def all(self, name: str) -> list[Directive]:
        return [one for one in self.block or () if one.name == name]


class Token(NamedTuple):
    text: str
    mark: bool
    line: int


def read(path: Path) -> tuple[Directive, ...]:
    """The tree of a file and of what it includes."""
    return parse(content(path), str(path), path.parent)


def content(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise Wrong(f'open() "{path}" failed ({error.errno}: {error.strerror})') from None


def parse(text: str, file: str, folder: Path, depth: int = 0) -> tuple[Directive, ...]:
    if depth > DEEPEST:
        raise Wrong(f"{file} includes itself")
    tokens = list(tokenize(text, file))
    found, at = block(tokens, 0, file, folder, depth)
    if at < len(tokens):
        raise Wrong(f'unexpected "}}" in {file}:{tokens[at].line}')
    return found


def tokenize(text: str, file: str) -> Iterator[Token]:
    at, line = 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise Wrong(f"unexpected {text[at]!r} in {file}:{line}")
        kind, here = match.lastgroup, line
        line += match.group().count("\n")
        at = match.end()
        if kind is not None:
            value = match.group(kind)
            yield Token(value if kind in ("mark", "word") else unescaped(value), kind == "mark", here)


def unescaped(text: str) -> str:
    return re.sub(r"\\.", lambda found: ESCAPES.get(found.group(), found.group()), text)


def block(
    tokens: list[Token], at: int, file: str, folder: Path, depth: int
) -> tuple[tuple[Directive, ...], int]:
    """Directives up to the end or to a `}` that was not opened here, and where that is."""
    found: list[Directive] = []
    words: list[Token] = []
    while at < len(tokens):
        token = tokens[at]
        if not token.mark:
            words.append(token)
            at += 1
            continue
        if token.text == "}" and not words:
            break
        if not words or token.text == "}":
            raise Wrong(f'unexpected "{token.text}" in {file}:{token.line}')
        where = f"{file}:{words[0].line}"
        name, *rest = (word.text for word in words)
        words = []
        if token.text == ";":
            at += 1
            found += included(rest, where, folder, depth) if name == "include" else [
                Directive(name, tuple(rest), None, where)
            ]
            continue
        inner, at = block(tokens, at + 1, file, folder, depth)
        if at >= len(tokens):
            raise Wrong(f'unexpected end of file, expecting "}}" in {file}:{tokens[-1].line}')
        at += 1
        found.append(Directive(name, tuple(rest), inner, where))
    if words:
        raise Wrong(f'unexpected end of file, expecting ";" or "}}" in {file}:{words[-1].line}')
    return tuple(found), at


def included(words: list[str], where: str, folder: Path, depth: int) -> list[Directive]:
    if len(words) != 1:
        raise Wrong(f'invalid number of arguments in "include" directive in {where}')
    pattern = os.path.join(folder, words[0])
    paths = sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]
    return [
        one for path in paths for one in parse(content(Path(path)), path, folder, depth + 1)
    ]
