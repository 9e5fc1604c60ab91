"""`POST /pinnace/v1/authoring/{what}`: each a pure translation, made beside the loop. It only translates.

Caller: `cli/composing`, which gives the schemas and the templates that a caller may see. What each answers is
in docs/composer.md.
"""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Callable
from typing import Any

from pinnace.api.authoring import asked as asking
from pinnace.api.authoring.asked import Asked, Unparsed, invalid
from pinnace.api.http import Request, method_not_allowed
from pinnace.authoring import findings, ports
from pinnace.authoring.argo import validation
from pinnace.authoring.argo.validation import beside
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Identity
from pinnace.objects.errors import StatusError

SECONDS = 10.0
Lookups = Callable[[Identity], validation.Lookup]
Answer = Callable[[Asked], Any]


class Face:
    def __init__(self, find: findings.Find, lookups: Lookups) -> None:
        self.find = find
        self.lookups = lookups

    async def __call__(self, request: Request) -> None:
        request.resource = "authoring"
        what = request.segments()[-1]
        if what == "ports":
            if request.method == "POST":
                raise method_not_allowed()
            await request.json(200, ports.rule())
            return
        if request.method != "POST":
            raise method_not_allowed()
        if what not in WAYS and what != "validate":
            known = ", ".join(("validate", *WAYS))
            raise StatusError(404, "NotFound", f"there is no translation {what!r}: there is {known}")
        asked = asking.read(await request.body(asking.LIMIT))
        try:
            async with asyncio.timeout(SECONDS):
                made = await self._made(what, asked, request)
        except TimeoutError:
            raise StatusError(504, "Timeout", f"{what} took longer than {SECONDS:.0f} s") from None
        except Unparsed as problem:
            where = problem.finding
            place = f"line {where.line}, column {where.column}: " if where.line else ""
            raise invalid("text", f"{place}{where.message}") from None
        if isinstance(made, bytes):
            await request.reply(200, made, "application/zip")
        else:
            await request.json(200, made)

    async def _made(self, what: str, asked: Asked, request: Request) -> Any:
        if what == "validate":
            return await self._validate(asked, request.identity)
        return await asyncio.to_thread(WAYS[what], asked)

    async def _validate(self, asked: Asked, who: Identity) -> Any:
        try:
            documents = await asyncio.to_thread(asking.every, asked)
        except Unparsed as problem:
            return {"findings": [problem.finding]}
        if any("pipelineInfo" in one or "pipeline_spec" in one for one in documents):
            return {"findings": await asyncio.to_thread(_pipeline_findings, documents)}
        document = asking.single(documents)
        meta = document.get("metadata")
        if isinstance(meta, dict) and not meta.get("namespace"):
            document = {**document, "metadata": {**meta, "namespace": asked.namespace}}
        lookup = known(document, self.lookups(who), asked.namespace)
        found = await asyncio.to_thread(findings.judge, document, self.find, lookup)
        return {"findings": found}


def _pipeline_findings(documents: list[Obj]) -> list[findings.Finding]:
    from pinnace.authoring.kfp import checking

    return checking.judge(documents)


def known(document: Obj, lookup: validation.Lookup, namespace: str) -> validation.Lookup:
    """Answers from what was asked for now, on the loop: the store is read here alone."""
    spec = document.get("spec")
    if not isinstance(spec, dict):
        return lambda name, *, cluster, namespace: None
    try:
        found = beside.known(spec, lookup, namespace)
        reference = spec.get("workflowTemplateRef") or {}
        name, cluster = str(reference.get("name") or ""), bool(reference.get("clusterScope"))
        whole = lookup(name, cluster=cluster, namespace=namespace) if name else None
    except (AttributeError, TypeError):  # the schema tells what is wrong with it
        return lambda name, *, cluster, namespace: None
    others = beside.known((whole or {}).get("spec") or {}, lookup, namespace)

    def answer(name: str, *, cluster: bool, namespace: str | None) -> Obj | None:
        mine = found(name, cluster=cluster, namespace=namespace)
        if mine is None and whole is not None and whole["metadata"]["name"] == name:
            return whole
        return mine or others(name, cluster=cluster, namespace=namespace)

    return answer


def bundle(asked: Asked) -> bytes:
    """A kustomize bundle as a zip, of the documents as they are."""
    from pinnace.authoring.export.bundle import BASE, CLUSTER, Bundle, label
    from pinnace.authoring.export.cleaning import cleaned
    from pinnace.authoring.export.readme import readme

    found = asking.every(asked)
    if not found:
        raise invalid("documents", "a bundle needs at least one")
    made = Bundle(label(asked.name or "composition"), f"{len(found)} documents of the composer")
    for at, document in enumerate(found):
        where, meta = f"documents[{at}]", document.get("metadata")
        if not document.get("kind") or not document.get("apiVersion") or not isinstance(meta, dict):
            raise invalid(where, "expected apiVersion, kind and metadata")
        kept = cleaned({**document, "metadata": {**meta, "name": _name(meta, where)}})
        made.add(CLUSTER if str(document["kind"]).startswith("Cluster") else BASE, kept)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in sorted((made.files() | {"README.md": readme(made)}).items()):
            archive.writestr(zipfile.ZipInfo(f"{made.name}/{path}"), text)
    return packed.getvalue()


def _name(meta: Obj, where: str) -> str:
    name = str(meta.get("name") or str(meta.get("generateName") or "").rstrip("-"))
    if not name:
        raise invalid(f"{where}.metadata.name", "a document of a bundle needs a name")
    return name


def acumos(asked: Asked) -> Any:
    from pinnace.api.authoring.compositions import acumos as translated

    return translated(asked)


def to_acumos(asked: Asked) -> Any:
    from pinnace.api.authoring.compositions import to_acumos as translated

    return translated(asked)


def python(asked: Asked) -> Any:
    from pinnace.api.authoring.programs import python as translated

    return translated(asked)


def pipeline(asked: Asked) -> Any:
    from pinnace.api.authoring.programs import pipeline as translated

    return translated(asked)


def components(asked: Asked) -> Any:
    from pinnace.api.authoring.components import components as translated

    return translated(asked)


def ways(asked: Asked) -> Any:
    from pinnace.api.authoring.ways import ways as judged

    return judged(asked)


WAYS: dict[str, Answer] = {
    "python": python, "pipeline": pipeline, "components": components, "bundle": bundle, "acumos": acumos,
    "to-acumos": to_acumos, "ways": ways,
}
