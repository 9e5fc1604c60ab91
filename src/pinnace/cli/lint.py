"""`pinnace lint FILE…`: what is wrong with Argo's documents, without running them and without a platform.

Each is judged by its schema first and, if that holds, by the language's own rules; templates that the files
define may be referred to from any of them. `pinnace convert FILE` writes documents of past versions anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import yaml

from pinnace.authoring.argo import validation
from pinnace.cli.platform import Failure
from pinnace.home import Home
from pinnace.kinds import argo_older
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj
from pinnace.kinds.review import review

TEMPLATES = ("WorkflowTemplate", "ClusterWorkflowTemplate")
SUFFIXES = (".yaml", ".yml", ".json")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Verdict(msgspec.Struct, omit_defaults=True):
    """One document."""

    file: str
    kind: str = ""
    name: str = ""
    problems: list[str] = []
    warnings: list[str] = []


def lint(home: Home, files: Sequence[Path], output: str, *, strict: bool, online: bool) -> int:
    """0: nothing is wrong; 1: something is."""
    found, documents = [], []
    for file in expanded(files):
        try:
            documents += [(str(file), one) for one in manifests(file)]
        except yaml.YAMLError as error:
            found.append(Verdict(str(file), problems=[_unreadable(error)]))
    lookup = templates([one for _, one in documents], platform(home) if online else None)
    catalogue = Catalogue.builtin()
    found += [judged(file, one, catalogue, lookup, strict=strict) for file, one in documents]
    print_all([one for one in found if one.kind or one.problems], output)
    return 1 if any(one.problems for one in found) else 0


def manifests(file: Path) -> list[Obj]:
    """Of a file, or of what a Python file says with Hera. Raises Failure, YAMLError."""
    if file.suffix != ".py":
        return parsed(read(file))
    from pinnace.cli import hera

    return hera.said(file)


def expanded(files: Sequence[Path]) -> Iterator[Path]:
    for file in files:
        if file.is_dir():
            yield from sorted(one for one in file.rglob("*") if one.suffix in SUFFIXES and one.is_file())
        elif file.exists():
            yield file
        else:
            raise Failure(f"{file} is not there")


def read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def parsed(text: str) -> list[Obj]:
    """Raises yaml.YAMLError. A List is what it holds."""
    found: list[Obj] = []
    for one in yaml.load_all(text, _Loader):
        if isinstance(one, dict) and one.get("kind") == "List":
            found += [item for item in one.get("items") or () if isinstance(item, dict)]
        elif isinstance(one, dict):
            found.append(one)
    return found


def _unreadable(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{place}this is no YAML: {getattr(error, 'problem', None) or error}"


def templates(documents: Sequence[Obj], beyond: validation.Lookup | None) -> validation.Lookup:
    """Of the files, wherever they are to live; then of the platform, if it is to be asked."""
    known = {
        (one["kind"], (one.get("metadata") or {}).get("name")): one
        for one in documents if one.get("kind") in TEMPLATES
    }

    def lookup(name: str, *, cluster: bool, namespace: str | None) -> Obj | None:
        found = known.get(("ClusterWorkflowTemplate" if cluster else "WorkflowTemplate", name))
        if found is None and beyond is not None:
            return beyond(name, cluster=cluster, namespace=namespace)
        return found

    return lookup


def platform(home: Home) -> validation.Lookup:
    from pinnace.cli.connection import Connection, Refused

    connection = Connection.to(home)

    def lookup(name: str, *, cluster: bool, namespace: str | None) -> Obj | None:
        where = "" if cluster else f"namespaces/{namespace or 'default'}/"
        place = f"{where}{'cluster' if cluster else ''}workflowtemplates"
        with suppress(Refused):
            found: Obj = connection.json(f"/apis/argoproj.io/v1alpha1/{place}/{name}")
            return found
        return None

    return lookup


def judged(
    file: str, document: Obj, catalogue: Catalogue, lookup: validation.Lookup, *, strict: bool
) -> Verdict:
    """Kinds of others are passed over: what is wrong with them says `pinnace check`."""
    kind = str(document.get("kind") or "")
    if kind not in argo_older.KINDS:
        return Verdict(file)
    meta = document.get("metadata") if isinstance(document.get("metadata"), dict) else None
    verdict = Verdict(file, kind, str((meta or {}).get("name") or (meta or {}).get("generateName") or ""))
    verdict.warnings += argo_older.modernise(document)
    verdict.problems += schema(document, catalogue, strict=strict)
    if not verdict.problems:
        verdict.problems += validation.document(document, lookup)
    return verdict


def schema(document: Obj, catalogue: Catalogue, *, strict: bool) -> list[str]:
    resource = catalogue.kind(str(document.get("apiVersion") or ""), str(document.get("kind")))
    if resource is None:
        words = f"{document.get('apiVersion')!r} has no {document['kind']}: write argoproj.io/v1alpha1"
        return [f"apiVersion: {words}"]
    found = review(catalogue.schema(resource), document)
    if found.misfit is not None:
        return [found.misfit]
    unknown = [f'unknown field "{path}"' for path in found.unknown] if strict else []
    return unknown + [f"{cause.field}: {cause.message}" for cause in found.causes]


# ---- telling -----------------------------------------------------------------------------------


def print_all(found: Sequence[Verdict], output: str) -> None:
    if output == "json":
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    wrong = sum(len(one.problems) for one in found)
    told: Callable[[Verdict], Iterator[str]] = _simple if output == "simple" else _pretty
    last = ""
    for one in found:
        if output != "simple" and one.file != last and (one.problems or one.warnings):
            print(f"{one.file}:")
            last = one.file
        for line in told(one):
            print(line)
    if output == "pretty":
        counted = f"{wrong} problem{'s' if wrong != 1 else ''}" if wrong else "nothing wrong"
        print(f"{'✖' if wrong else '✔'} {counted} in {len(found)} document{'s' if len(found) != 1 else ''}")


def _simple(one: Verdict) -> Iterator[str]:
    place = f"{one.file}: {one.kind} {one.name}".rstrip()
    yield from (f"{place}: {text}" for text in one.problems)
    yield from (f"{place}: warning: {text}" for text in one.warnings)


def _pretty(one: Verdict) -> Iterator[str]:
    place = f'in "{one.name}" ({one.kind}): ' if one.kind else ""
    yield from (f"   ✖ {place}{text}" for text in one.problems)
    yield from (f"   ! {place}{text}" for text in one.warnings)


# ---- converting --------------------------------------------------------------------------------


def convert(files: Sequence[Path], output: str) -> int:
    """Prints every document in today's form; what was changed goes to standard error."""
    documents: list[Any] = []
    for file in expanded(files):
        try:
            found = parsed(read(file))
        except yaml.YAMLError as error:
            raise Failure(f"{file}: {_unreadable(error)}") from None
        for one in found:
            if one.get("kind") in argo_older.KINDS:
                for text in argo_older.modernise(one):
                    print(f"{file}: {text}", file=sys.stderr)
        documents += found
    if output == "json":
        for one in documents:
            print(msgspec.json.format(msgspec.json.encode(one), indent=2).decode())
    else:
        yaml.safe_dump_all(documents, sys.stdout, sort_keys=False, allow_unicode=True, width=4096)
    return 0
