"""What a request of the composer carries: a document, parsed or as text, and a few words beside it.

A request that cannot be read is refused with the field that is wrong, as a Status with causes.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from pinnace.authoring.findings import Finding
from pinnace.kinds.cause import Cause
from pinnace.kinds.document import all_from_yaml
from pinnace.kinds.resource import Obj
from pinnace.objects.errors import StatusError

LIMIT = 2 * 1024 * 1024
"""Bytes of a request's body."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    document: Obj | None = None
    text: str | None = None
    documents: list[Obj] | None = None
    name: str = ""
    namespace: str = "default"
    protos: dict[str, str] = {}
    addresses: dict[str, str] = {}
    images: dict[str, str] = {}
    dockerinfo: Obj = {}
    """Acumos' own document of addresses; `addresses` says otherwise."""
    message: str = ""
    """JSON that comes to a graph."""


class Unparsed(Exception):
    """The text is no YAML; where, and why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def invalid(field: str, text: str) -> StatusError:
    """422, with the field that it is about."""
    return StatusError(422, "Invalid", f"{field}: {text}", causes=(Cause(field, text),))


def read(raw: bytes) -> Asked:
    try:
        return msgspec.json.decode(raw or b"{}", type=Asked)
    except msgspec.ValidationError as error:
        words, _, place = str(error).partition(" - at ")
        field = place.strip("`").removeprefix("$").lstrip(".") or "body"
        raise StatusError(400, "BadRequest", f"{field}: {words}", causes=(Cause(field, words),)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise StatusError(400, "BadRequest", f"the body is no JSON: {error}") from None


def one(asked: Asked) -> Obj:
    """The one document. StatusError 422: none or several; Unparsed."""
    return single(every(asked))


def single(found: list[Obj]) -> Obj:
    """StatusError 422: none or several."""
    if len(found) != 1:
        raise invalid("document", f"expected one document, found {len(found)}")
    return found[0]


def every(asked: Asked) -> list[Obj]:
    """All documents of a request. Unparsed, StatusError 422."""
    if sum(each is not None for each in (asked.document, asked.text, asked.documents)) != 1:
        raise invalid("document", "expected exactly one of document, text and documents")
    if asked.text is not None:
        return parsed(asked.text)
    return [asked.document] if asked.document is not None else list(asked.documents or ())


def parsed(text: str) -> list[Obj]:
    """Unparsed, StatusError 422: a document is no object."""
    import yaml

    try:
        values = all_from_yaml(uncommented(text))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unparsed(_where(error)) from None
    for value in values:
        if not isinstance(value, dict):
            raise Unparsed(Finding("", "a document is an object: `kind: …`", source="yaml", line=1))
    try:
        return [_plain(value) for value in values]
    except (TypeError, ValueError) as error:
        raise Unparsed(Finding("", f"the document holds what JSON has not: {error}", source="yaml")) from None


def _plain(value: Any) -> Obj:
    """As JSON has it: dates are text."""
    found: Obj = json.loads(json.dumps(value, default=str))
    return found


def _where(error: Exception) -> Finding:
    mark = getattr(error, "problem_mark", None)
    words = getattr(error, "problem", None) or str(error) or "nested too deeply"
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return Finding("", str(words), source="yaml", line=line, column=column)


def uncommented(text: str) -> str:
    """Without the licence that some JSON files begin with; its lines stay, so that places are right."""
    head, closed, rest = text.partition("*/")
    if not closed or not head.lstrip().startswith("/*"):
        return text
    return "\n" * head.count("\n") + rest
