"""Which form of an answer a client accepts: the object itself, its metadata, or a Table; JSON or YAML.

Source: kubernetes/apiserver pkg/endpoints/handlers/negotiation. Protobuf and CBOR are not spoken; clients
that prefer them list JSON after them.
"""

from __future__ import annotations

import msgspec

from pinnace.objects.errors import StatusError

PLAIN, TABLE, PARTIAL, PARTIAL_LIST = "", "Table", "PartialObjectMetadata", "PartialObjectMetadataList"
META_VERSIONS = ("v1", "v1beta1")


class Form(msgspec.Struct, frozen=True):
    """`kind` is PLAIN or what the object is to be turned into; `version` that of meta.k8s.io."""

    kind: str = PLAIN
    version: str = "v1"
    yaml: bool = False


class Clause(msgspec.Struct, frozen=True):
    media: str
    params: dict[str, str]
    weight: float


def clauses(accept: str) -> list[Clause]:
    """The parts of an Accept header, the most wanted first."""
    found = []
    for part in accept.split(","):
        media, *pairs = part.split(";")
        params = dict(_pair(text) for text in pairs)
        if media.strip():
            found.append(Clause(media.strip().lower(), params, _weight(params.pop("q", "1"))))
    return sorted(found, key=lambda clause: -clause.weight)


def form(accept: str, *, tables: bool = True) -> Form:
    """StatusError 406: nothing that we speak is accepted."""
    if not accept.strip():
        return Form()
    for clause in clauses(accept):
        yaml = clause.media in ("application/yaml", "application/x-yaml", "text/yaml")
        if not yaml and clause.media not in ("application/json", "application/*", "*/*", "text/html"):
            continue
        wanted, version = clause.params.get("as", ""), clause.params.get("v", "v1")
        if not wanted:
            return Form(yaml=yaml)
        known = wanted in (TABLE, PARTIAL, PARTIAL_LIST) and version in META_VERSIONS
        if tables and known and clause.params.get("g", "meta.k8s.io") == "meta.k8s.io":
            return Form(wanted, version, yaml)
    raise StatusError(
        406, "NotAcceptable",
        "only the following media types are accepted: application/json, application/yaml",
    )


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip().strip('"')


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
