"""proto3 files: the messages and services that a model's `.proto` declares. A parser of the language's subset
that describes interfaces: options, extensions and comments are passed over.

Source: protobuf.dev/reference/protobuf/proto3-spec. Invariant: time is bounded by the text's length,
`DEEPEST` and `MOST`. Callers: `with_protos`, which gives a solution's ports their fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from pinnace.authoring.blueprint.solution import Field, Message, Node, Operation, Solution

SCALARS = frozenset({
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
    "sfixed32", "sfixed64", "bool", "string", "bytes",
})
DEEPEST = 24
LONGEST = 1 << 20
MOST = 5000
"""Fields that one message may have, with those of the messages in it: each nesting may double them."""
_TOKEN = re.compile(
    r"(?:\s+|//[^\n]*|/\*.*?\*/)|(?P<word>\.?[A-Za-z_][\w.]*|\d[\w.+-]*|-|\+)"
    r"|(?P<text>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')"
    r"|(?P<mark>[{}()\[\]<>=;,:])",
    re.DOTALL,
)


class ProtoError(ValueError):
    """The text is no proto3; the message has the line."""


class Declared(msgspec.Struct):
    """A field as it stands: its type may be another message's name."""

    name: str
    tag: int
    type: str
    repeated: bool = False


class Call(msgspec.Struct, frozen=True):
    name: str
    input: str
    output: str
    input_stream: bool = False
    output_stream: bool = False
    service: str = ""


class Proto(msgspec.Struct):
    package: str = ""
    messages: dict[str, list[Declared]] = {}
    """By the full name within the package: `Outer.Inner`."""
    enums: set[str] = set()
    calls: list[Call] = []
    imports: list[str] = []

    def message(self, name: str, scope: str = "") -> Message:
        """With its fields, nested ones resolved; only its name where the file does not declare it."""
        found = self._found(name, scope)
        if found is None:
            return Message(name.rpartition(".")[2])
        return Message(found.rpartition(".")[2], self._fields(found, "", (found,), [0]))

    def _fields(self, name: str, prefix: str, inside: tuple[str, ...], count: list[int]) -> tuple[Field, ...]:
        """`inside`: the messages around it, outermost first. One that contains itself is told by how far up
        it stands, which two messages of other names have in common."""
        made = []
        for one in self.messages[name]:
            count[0] += 1
            if count[0] > MOST or len(inside) > DEEPEST:
                raise ProtoError(f"{inside[0]} has more than {MOST} fields or {DEEPEST} levels of messages")
            tag = f"{prefix}{one.tag}"
            inner = None if one.type in SCALARS else self._found(one.type, name)
            kind = "enum" if inner in self.enums else one.type.rpartition(".")[2]
            nested = None
            if inner in inside:
                kind = "^" * (len(inside) - inside.index(inner))
            elif inner in self.messages:
                nested = self._fields(inner, f"{tag}.", (*inside, inner), count)
            made.append(Field(one.name, tag, kind, "repeated" if one.repeated else "", nested))
        return tuple(made)

    def _found(self, name: str, scope: str) -> str | None:
        """As protobuf looks a name up: from the innermost scope outwards."""
        bare = name.removeprefix(".").removeprefix(f"{self.package}." if self.package else "")
        places = scope.split(".") if scope else []
        for end in range(len(places), -1, -1):
            candidate = ".".join([*places[:end], bare])
            if candidate in self.messages or candidate in self.enums:
                return candidate
        return None

    def operations(self) -> tuple[Operation, ...]:
        return tuple(
            Operation(one.name, (self.message(one.input),), (self.message(one.output),), one.input_stream,
                      one.output_stream)
            for one in self.calls
        )


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        if self.at >= len(self.tokens):
            raise ProtoError(f"the file ends where {wanted or 'more'} is expected")
        word, line = self.tokens[self.at]
        if wanted and word != wanted:
            raise ProtoError(f"line {line}: {word!r} stands where {wanted!r} is expected")
        self.at += 1
        return word

    def line(self) -> int:
        return self.tokens[min(self.at, len(self.tokens) - 1)][1] if self.tokens else 1

    def skip(self) -> None:
        """To behind the next `;` or the block that comes first."""
        depth = 0
        while self.at < len(self.tokens):
            word = self.take()
            depth += (word in "{[(") - (word in "}])") if len(word) == 1 else 0
            if depth <= 0 and word in (";", "}"):
                return


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ProtoError(f"line {line}: {text[at]!r} is not of the language")
        if found.lastgroup:
            yield found.group(), line
        line += found.group().count("\n")
        at = found.end()


def parse(text: str) -> Proto:
    """Raises ProtoError with the line."""
    if len(text) > LONGEST:
        raise ProtoError(f"the file is longer than {LONGEST} characters")
    reader, made = _Reader(text), Proto(messages={}, enums=set(), calls=[], imports=[])
    while reader.peek():
        match reader.peek():
            case "package":
                reader.take()
                made.package = reader.take()
                reader.take(";")
            case "message":
                _message(reader, made, "", 0)
            case "enum":
                _enum(reader, made, "")
            case "service":
                _service(reader, made)
            case "syntax" | "edition":
                _syntax(reader)
            case "import":
                reader.take()
                word = reader.take()
                made.imports.append((reader.take() if word in ("public", "weak") else word).strip("\"'"))
                reader.take(";")
            case "option" | "extend":
                reader.skip()
            case ";":
                reader.take()
            case other:
                raise ProtoError(f"line {reader.line()}: {other!r} stands where a message may begin")
    return made


def _syntax(reader: _Reader) -> None:
    reader.take()
    reader.take("=")
    line, said = reader.line(), reader.take().strip("\"'")
    if said == "proto2":
        raise ProtoError(f"line {line}: syntax proto2; proto3 is expected")
    reader.take(";")


def _message(reader: _Reader, made: Proto, outer: str, depth: int) -> None:
    if depth > DEEPEST:
        raise ProtoError(f"line {reader.line()}: messages are nested deeper than {DEEPEST}")
    reader.take("message")
    name = f"{outer}{reader.take()}"
    fields: list[Declared] = []
    made.messages[name] = fields
    reader.take("{")
    while (word := reader.peek()) != "}":
        if word == "message":
            _message(reader, made, f"{name}.", depth + 1)
        elif word == "enum":
            _enum(reader, made, f"{name}.")
        elif word == "oneof":
            reader.take()
            reader.take()
            reader.take("{")
            while reader.peek() != "}":
                _member(reader, fields)
            reader.take("}")
        elif word in ("option", "reserved", "extensions", "extend"):
            reader.skip()
        elif word == ";":
            reader.take()
        elif word == "map":
            _map(reader, made, name, fields)
        else:
            fields.append(_field(reader))
    reader.take("}")


def _member(reader: _Reader, fields: list[Declared]) -> None:
    if reader.peek() == "option":
        reader.skip()
    else:
        fields.append(_field(reader))


def _field(reader: _Reader) -> Declared:
    word = reader.take()
    repeated = word == "repeated"
    if word in ("repeated", "optional", "required") and reader.peek() != "=":
        word = reader.take()
    name = reader.take()
    return Declared(name, _tag(reader), word, repeated)


def _tag(reader: _Reader) -> int:
    reader.take("=")
    line, text = reader.line(), reader.take()
    try:
        tag = int(text, 0)
    except ValueError:
        raise ProtoError(f"line {line}: {text!r} is no tag, a number is expected") from None
    if reader.peek() == "[":
        reader.skip()
    else:
        reader.take(";")
    return tag


def _map(reader: _Reader, made: Proto, outer: str, fields: list[Declared]) -> None:
    """On the wire a repeated message of key and value, which is what it is compared as."""
    reader.take("map")
    reader.take("<")
    key = reader.take()
    reader.take(",")
    value = reader.take()
    reader.take(">")
    name = reader.take()
    entry = f"{outer}.{name.title().replace('_', '')}Entry"
    made.messages[entry] = [Declared("key", 1, key), Declared("value", 2, value)]
    fields.append(Declared(name, _tag(reader), entry, True))


def _enum(reader: _Reader, made: Proto, outer: str) -> None:
    reader.take("enum")
    made.enums.add(f"{outer}{reader.take()}")
    reader.take("{")
    while reader.peek() != "}":
        reader.skip()
    reader.take("}")


def _service(reader: _Reader, made: Proto) -> None:
    reader.take("service")
    service = reader.take()
    reader.take("{")
    while (word := reader.peek()) != "}":
        if word == "rpc":
            made.calls.append(_call(reader, service))
        elif word == ";":
            reader.take()
        else:
            reader.skip()
    reader.take("}")


def _call(reader: _Reader, service: str) -> Call:
    reader.take("rpc")
    name = reader.take()
    input_stream, given = _type(reader)
    reader.take("returns")
    output_stream, made = _type(reader)
    reader.skip()
    return Call(name, given, made, input_stream, output_stream, service)


def _type(reader: _Reader) -> tuple[bool, str]:
    reader.take("(")
    word = reader.take()
    stream = word == "stream" and reader.peek() != ")"
    name = reader.take() if stream else word
    reader.take(")")
    return stream, name


# ---- what a file says of a node ----------------------------------------------------------------


def with_protos(solution: Solution, protos: Mapping[str, str]) -> Solution:
    """Ports with their fields, where the node's file (by its `proto_uri`, or by the node's name) is there.
    ProtoError names the file."""
    place = ""
    known = {}
    try:
        for place, text in protos.items():
            known[place] = parse(text)
            known[place].operations()
        nodes = tuple(_filled(node, known) for node in solution.nodes)
    except ProtoError as error:
        raise ProtoError(f"protos.{place}: {error}") from None
    return msgspec.structs.replace(solution, nodes=nodes)


def _filled(node: Node, known: Mapping[str, Proto]) -> Node:
    file = node.proto_uri.rpartition("/")[2]
    keys = (node.proto_uri, file, node.id, node.name, f"{node.id}.proto", f"{node.name}.proto")
    proto = next((known[key] for key in keys if key in known), None)
    if proto is None:
        return node
    declared = {one.name: one for one in proto.operations()}
    own = [_merged(one, declared.get(one.name), proto) for one in node.operations]
    return msgspec.structs.replace(node, operations=tuple(own or declared.values()))


def _merged(one: Operation, declared: Operation | None, proto: Proto) -> Operation:
    if declared is not None:
        return declared
    given, made = (
        tuple(message if message.fields is not None else proto.message(message.name) for message in side)
        for side in (one.inputs, one.outputs)
    )
    return msgspec.structs.replace(one, inputs=given, outputs=made)
