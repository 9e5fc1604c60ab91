"""What a container's command comes to, if all of it is a Python program: `Program`, or None for anything
else.

Read are `python [-uB] (-m NAME | -c TEXT | FILE) …` and shell scripts that only lay something out and then
start such a program: assignments, `mktemp -d`, `printf "%s" … > FILE`. A script is read as a shell would, or
not at all: whatever is not known here makes the container start cold. Pure. Caller: `launcher`.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache

import msgspec

SHELLS = frozenset(("sh", "bash", "/bin/sh", "/bin/bash", "/usr/bin/sh", "/usr/bin/bash"))
SHELL_OPTIONS = frozenset(("-c", "-ec", "-ce", "-euc", "-uec"))
PYTHON = re.compile(r"python(3(\.\d+)?)?")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
SPECIAL = frozenset("|&;<>()*?[]{}~#!`\\$\"'\n \t")
MODULE_NAME = re.compile(r"[A-Za-z_][\w.]*")


class Program(msgspec.Struct):
    """`kind`: module, file or command. `words`: its own command line, from `python` on."""

    kind: str
    python: str
    words: list[str]
    name: str = ""
    text: str = ""
    argv: list[str] = []
    folders: list[str] = []
    """Made first, for itself alone."""
    files: list[tuple[str, str]] = []
    said: dict[str, str] = {}
    """Variables that its command line sets."""
    shell_only: list[str] = []
    """Variables of the script, which the program does not see unless the container has them already."""
    unbuffered: bool = False
    no_bytecode: bool = False


class Part(msgspec.Struct, frozen=True):
    """Of a word: literal text, or a variable (`0`, `@` or a name)."""

    text: str
    variable: bool = False
    quoted: bool = False


Word = tuple[Part, ...]
NEW_FOLDER = Part("(mktemp -d)", True)
EVERYTHING = (Part("@", True, True),)


class Command(msgspec.Struct, frozen=True):
    words: tuple[Word, ...]
    output: Word | None = None


class Unread(Exception):
    """Not of the few forms that are known here."""


def read(argv: list[str]) -> Program | None:
    try:
        if len(argv) > 2 and argv[0] in SHELLS and argv[1] in SHELL_OPTIONS:
            return shell(commands(argv[2]), argv[3] if len(argv) > 3 else argv[0], argv[4:])
        return python(argv)
    except Unread:
        return None


def python(words: list[str]) -> Program:
    if not words or not PYTHON.fullmatch(words[0].rpartition("/")[2]):
        raise Unread
    made = Program("", words[0], words)
    for number, word in enumerate(words[1:], 1):
        rest = words[number + 1 :]
        if word in ("-u", "-B", "-uB", "-Bu"):
            made.unbuffered |= "u" in word
            made.no_bytecode |= "B" in word
        elif word == "-m" and rest and MODULE_NAME.fullmatch(rest[0]):
            made.kind, made.name, made.argv = "module", rest[0], ["-m", *rest[1:]]
            return made
        elif word == "-c" and rest:
            made.kind, made.text, made.argv = "command", rest[0], ["-c", *rest[1:]]
            return made
        elif word and not word.startswith("-"):
            made.kind, made.argv = "file", [word, *rest]
            return made
        else:
            break
    raise Unread


def shell(script: tuple[Command, ...], zero: str, given: list[str]) -> Program:
    """The script's last command is the program; those before lay out what it needs."""
    known = {"0": zero}
    folders: list[str] = []
    files: list[tuple[str, str]] = []
    for command in script[:-1]:
        if command.output is not None:
            files.append((one(command.output, known), printed(expanded(command.words, known, given))))
            continue
        name = assigned(command.words)
        if name is None:
            raise Unread
        if command.words[0][1:] == (NEW_FOLDER,):
            folders.append(f"/tmp/tmp.{os.urandom(5).hex()}")  # noqa: S108 - inside, as mktemp does
            known[name] = folders[-1]
        else:
            known[name] = one(command.words[0], known).partition("=")[2]
    if not script or script[-1].output is not None:
        raise Unread
    return last(script[-1], known, given, folders, files)


def last(
    command: Command,
    known: dict[str, str],
    given: list[str],
    folders: list[str],
    files: list[tuple[str, str]],
) -> Program:
    left = list(command.words)
    said: dict[str, str] = {}
    while left and (name := assigned((left[0],))) is not None:
        said[name] = one(left.pop(0), known).partition("=")[2]
    if left and left[0] == (Part("exec"),):
        left.pop(0)
    made = python(expanded(tuple(left), known, given))
    made.folders, made.files, made.said = folders, files, said
    made.shell_only = [name for name in known if name != "0"]
    return made


def assigned(words: tuple[Word, ...]) -> str | None:
    """The variable, if this is one assignment and nothing else."""
    if len(words) != 1 or not words[0] or words[0][0].variable or words[0][0].quoted:
        return None
    found = ASSIGNMENT.match(words[0][0].text)
    return found.group(1) if found else None


def printed(words: list[str]) -> str:
    if len(words) != 3 or words[:2] != ["printf", "%s"]:
        raise Unread
    return words[2]


def expanded(words: tuple[Word, ...], known: dict[str, str], given: list[str]) -> list[str]:
    made: list[str] = []
    for word in words:
        if word == EVERYTHING:
            made += given
        else:
            made.append(one(word, known))
    return made


def one(word: Word, known: dict[str, str]) -> str:
    try:
        return "".join([known[part.text] if part.variable else part.text for part in word])
    except KeyError:
        raise Unread from None


@lru_cache(256)
def commands(script: str) -> tuple[Command, ...]:
    """The script's commands, none of which is a condition for another one but by its success."""
    return Reader(script).commands()


class Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def commands(self) -> tuple[Command, ...]:
        made: list[Command] = []
        words: list[Word] = []
        output: Word | None = None
        while True:
            self.skip()
            if not self.left or self.separator():
                if words or output is not None:
                    made.append(Command(tuple(words), output))
                    words, output = [], None
                if not self.left:
                    return tuple(made)
            elif self.take(">"):
                self.skip()
                if output is not None:
                    raise Unread
                output = self.word()
            else:
                words.append(self.word())

    @property
    def left(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, text: str) -> bool:
        found = self.text.startswith(text, self.at)
        self.at += len(text) if found else 0
        return found

    def skip(self) -> None:
        while (self.left and self.left in " \t") or self.text.startswith("\\\n", self.at):
            self.at += 1 if self.left != "\\" else 2

    def separator(self) -> bool:
        return self.take("\n") or self.take("&&")

    def word(self) -> Word:
        parts: list[Part] = []
        begun = self.at
        while self.left and self.left not in " \t\n>&":
            if self.take("'"):
                parts.append(Part(self.until("'"), quoted=True))
            elif self.take('"'):
                parts += self.quoted()
            elif self.take("$(mktemp -d)"):
                parts.append(NEW_FOLDER)
            elif self.left in SPECIAL:
                raise Unread
            else:
                parts.append(Part(self.left))
                self.at += 1
        if self.at == begun:
            raise Unread
        return merged(parts)

    def until(self, mark: str) -> str:
        end = self.text.find(mark, self.at)
        if end < 0:
            raise Unread
        found, self.at = self.text[self.at : end], end + 1
        return found

    def quoted(self) -> list[Part]:
        parts: list[Part] = []
        while not self.take('"'):
            if not self.left or self.left in "`\\":
                raise Unread
            if self.take("$"):
                parts.append(self.variable())
            else:
                parts.append(Part(self.left, quoted=True))
                self.at += 1
        return parts or [Part("", quoted=True)]

    def variable(self) -> Part:
        for mark in ("0", "@"):
            if self.take(mark):
                return Part(mark, True, True)
        braced = self.take("{")
        found = NAME.match(self.text, self.at)
        if found is None:
            raise Unread
        self.at = found.end()
        if braced and not self.take("}"):
            raise Unread
        return Part(found.group(), True, True)


def merged(parts: list[Part]) -> Word:
    made: list[Part] = []
    for part in parts:
        if made and not part.variable and not made[-1].variable and part.quoted == made[-1].quoted:
            made[-1] = Part(made[-1].text + part.text, quoted=part.quoted)
        else:
            made.append(part)
    return tuple(made)
