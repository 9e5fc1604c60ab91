"""What a word means: an endpoint, a model or one of its versions, a run, a digest, a pod. Pure look-ups.

`endpoint/digits`, `model/digits`, `workflow/digits` say it; `digits` alone means the first of these that
exists, and the others are named beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from pinnace.objects.lineage import execution, keeping
from pinnace.objects.lineage.book import Book
from pinnace.objects.lineage.walking import Tree, Walk
from pinnace.objects.registry import versions
from pinnace.objects.registry.records import MODEL, RUN, Absent, Registry

DIGEST = re.compile(r"[0-9a-f]{8,64}")
ENDPOINT = ("endpoint", "inferenceservice", "isvc")
Meaning = tuple[str, Tree]


class Unknown(LookupError):
    """Nothing has this name; the text says what is near."""


def found(walk: Walk, word: str, namespace: str) -> tuple[Tree, list[str]]:
    """The tree, and what else the word could mean. Raises Unknown."""
    kind, _, name = word.rpartition("/") if not word.startswith("models:/") else ("model", "", word[8:])
    meanings = _meanings(walk, kind.lower(), name, namespace)
    first = next(meanings, None)
    if first is None:
        raise Unknown(_unknown(walk, word, name))
    return first[1], [label for label, _ in meanings]


def _meanings(walk: Walk, kind: str, name: str, namespace: str) -> Iterator[Meaning]:
    book, registry = walk.book, walk.registry
    if kind in ("", *ENDPOINT):
        for run in (one for one in book.named(name, namespace) if one.obj.get("kind") == "InferenceService"):
            yield f"endpoint/{name}", walk.run(run)
    if kind in ("", "model", *(() if kind in ENDPOINT else (kind,))):
        yield from _models(walk, registry, f"{kind}/{name}" if kind not in ("", "model") else name)
    if kind not in ("model", "digest", "pod", *ENDPOINT):
        wanted = "" if kind in ("", "run") else kind
        known: set[str] = set()
        for run in book.named(name, namespace, wanted):
            kind_of = str(run.obj.get("kind", "")).lower()
            if kind_of != "inferenceservice":  # an earlier one of the same name is told by its uid
                yield f"{kind_of}/{run.uid if kind_of in known else name}", walk.run(run)
                known.add(kind_of)
        if (tracked := registry.said(RUN, name)) is not None:
            yield f"run/{name}", walk.tracked(tracked)
    if kind in ("", "digest") and DIGEST.fullmatch(name):
        for digest in _digests(book, name):
            yield f"digest/{digest}", walk.content(digest, "artifact")
    if kind in ("", "pod") and (done := book.execution(name)) is not None:
        yield f"pod/{name}", walk.execution(done)


def _models(walk: Walk, registry: Registry, text: str) -> Iterator[Meaning]:
    """`digits`, `digits:3`, `digits/3`."""
    for name, version in ((text, ""), *(part for sign in ":/" if (part := _cut(text, sign)))):
        model = registry.said(MODEL, name)
        if model is None:
            continue
        if not version:
            yield f"model/{name}", walk.model(model)
            continue
        try:
            yield f"model/{text}", walk.version(versions.numbered(registry, model, version))
        except Absent:
            continue


def _cut(text: str, sign: str) -> tuple[str, str] | None:
    name, found, version = text.rpartition(sign)
    return (name, version) if found else None


def _digests(book: Book, start: str) -> list[str]:
    if len(start) == 64:
        return [start]
    rows = book.store.rows(execution.USES)
    return sorted({owner for owner, _, _, _ in rows if owner.startswith(start)})


def _unknown(walk: Walk, word: str, name: str) -> str:
    models = [one["name"] for one in walk.registry.table(MODEL).values()]
    endpoints = [one.obj["metadata"]["name"] for one in walk.book.endpoints()]
    gone = sorted({owner for owner, _, _, _ in walk.book.store.rows(keeping.NAME)})
    runs = [obj["metadata"]["name"] for obj in walk.book.store.list("workflows.argoproj.io").items]
    near = get_close_matches(name, [*models, *endpoints, *runs, *gone], 1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"no model, endpoint, run, pod or digest is called {word!r}{hint}"
