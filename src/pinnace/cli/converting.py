"""`pinnace convert FILE --to …`: a document as another one. The translations are pure; this reads and prints.

Compositions of Acumos, workflows and pipelines; what is said to people beside the document goes to standard
error. Caller: `cli/commands/documents`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pinnace.api.authoring.asked import Asked, Unparsed
from pinnace.api.authoring.compositions import acumos, to_acumos
from pinnace.api.authoring.programs import python
from pinnace.cli.platform import Failure
from pinnace.kinds.resource import Obj
from pinnace.objects.errors import StatusError

TARGETS = ("python", "components", "argo", "graph", "orchestrator", "blueprint", "cdump", "dockerinfo")


class Composition(NamedTuple):
    """What is told beside a document of Acumos."""

    protos: Sequence[Path] = ()
    addresses: Sequence[str] = ()
    images: Sequence[str] = ()
    dockerinfo: Path | None = None


def convert(
    files: Sequence[Path], target: str, output: str, about: Composition, namespace: str
) -> int:
    """Raises Failure."""
    known = _dockerinfo(about.dockerinfo) if about.dockerinfo else {}
    given = dict(_pair("--address", one, "HOST:PORT") for one in about.addresses)
    images = dict(_pair("--image", one, "IMAGE") for one in about.images)
    texts = {file.name: _read(file) for file in about.protos}
    for file in files:
        asked = Asked(
            text=_read(file), protos=texts, addresses=given, images=images, dockerinfo=known,
            namespace=namespace,
        )
        try:
            WAYS[target](asked, output)
        except StatusError as problem:
            raise Failure(f"{file}: {problem.message}") from None
        except Unparsed as problem:
            raise Failure(f"{file}: line {problem.finding.line}: {problem.finding.message}") from None
    return 0


def _pair(option: str, text: str, wanted: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Failure(f"{option} {text}: expected CONTAINER={wanted}")
    return name, value


def _dockerinfo(file: Path) -> Obj:
    try:
        found = json.loads(_read(file))
    except ValueError as problem:
        raise Failure(f"{file} is no JSON: {problem}") from None
    if not isinstance(found, dict):
        raise Failure(f"{file}: expected an object with docker_info_list")
    return found


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise Failure(f"{file} cannot be read: {problem}") from None


def _say(notes: Sequence[str]) -> None:
    for note in notes:
        print(note, file=sys.stderr)


def _print(documents: Sequence[Any], output: str) -> None:
    if output == "json":
        for one in documents:
            print(json.dumps(one, indent=2, ensure_ascii=False))
    else:
        yaml.safe_dump_all(documents, sys.stdout, sort_keys=False, allow_unicode=True, width=4096)


def _python(asked: Asked, output: str) -> None:
    made = python(asked)
    _say(made["notes"])
    print(made["text"], end="")


def _components(asked: Asked, output: str) -> None:
    """Each a document of its own, as the SDK compiles and loads it."""
    from pinnace.api.authoring.components import components
    from pinnace.authoring.kfp.palette.wrapping import documents

    made = components(asked)
    _say(made.notes)
    _print([one for piece in made.components for one in documents(piece)], output)


def _composition(field: str) -> Callable[[Asked, str], None]:
    def write(asked: Asked, output: str) -> None:
        made = acumos(asked)
        _say([one["message"] for one in made["findings"]])
        for part in ("services", "graph") if field == "graph" else (field,):
            if made[part] is None:
                raise Failure(made["refused"][part])
        found = made[field]
        documents: list[Obj] = found if isinstance(found, list) else [found]
        _print([*made["services"], *documents] if field == "graph" else documents, output)

    return write


def _of_acumos(field: str) -> Callable[[Asked, str], None]:
    """Acumos' documents are JSON, whatever they come from."""

    def write(asked: Asked, output: str) -> None:
        from pinnace.api.authoring.asked import one

        ours = str(one(asked).get("apiVersion") or "")
        made = to_acumos(asked) if ours else acumos(asked)
        _say(made.get("notes", [one["message"] for one in made.get("findings", [])]))
        if made.get(field) is None:
            raise Failure(f"{field} is written of a blueprint or a CDUMP")
        _print([made[field]], "json")

    return write


WAYS: dict[str, Callable[[Asked, str], None]] = {
    "python": _python, "components": _components, "argo": _composition("workflow"),
    "graph": _composition("graph"), "orchestrator": _composition("orchestrator"),
    "blueprint": _of_acumos("blueprint"), "cdump": _of_acumos("cdump"),
    "dockerinfo": _of_acumos("dockerinfo"),
}
