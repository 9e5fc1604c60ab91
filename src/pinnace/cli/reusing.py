"""A workflow made so that it does again only what changed, and which local files it depends on.

Caller: `watching`. Memoization by content keys a step by its resolved template, its inputs and their
artifacts. What it cannot see is added here: the content of local files that a template names becomes an
annotation of the template. Steps that keep their results where nobody can tell (a claim, a daemon) are
always run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

MEMOIZE = "pinnace.dev/memoize"
FILES = "pinnace.dev/files"
CLAIMS = ("persistentVolumeClaim", "ephemeral")
MOST = 2000
"""Files of one folder that are looked at."""
BIG = 64 * 1024 * 1024
"""Bytes from which on a file's time stands for what is in it."""
_LONGEST = 4096


def prepared(documents: list[dict[str, Any]], beside: Path) -> list[dict[str, Any]]:
    """`beside`: the folder of the file; relative paths are looked for there and in the current folder."""
    return [_prepared(document, beside) for document in documents]


def _prepared(document: dict[str, Any], beside: Path) -> dict[str, Any]:
    spec = document.get("spec") or {}
    meta = dict(document.get("metadata") or {})
    if document.get("kind") == "Workflow":
        annotations = {MEMOIZE: "content", **(meta.get("annotations") or {})}
        meta["annotations"] = annotations
        if name := meta.pop("name", ""):
            meta["generateName"] = f"{name}-"
    arguments = (spec.get("arguments") or {}).get("parameters") or []
    general = [*named([each.get("value") for each in arguments], beside)]
    volumes = {each.get("name"): each for each in spec.get("volumes") or []}
    claims = {(each.get("metadata") or {}).get("name") for each in spec.get("volumeClaimTemplates") or []}
    templates = [_template(each, volumes, claims, general, beside) for each in spec.get("templates") or []]
    return {**document, "metadata": meta, "spec": {**spec, "templates": templates} if templates else spec}


def _template(
    template: dict[str, Any], volumes: dict[Any, Any], claims: set[Any], general: list[Path], beside: Path
) -> dict[str, Any]:
    meta = dict(template.get("metadata") or {})
    annotations = dict(meta.get("annotations") or {})
    mounted = {each.get("name") for each in _mounts(template)}
    used = [volume for name, volume in volumes.items() if name in mounted] + (template.get("volumes") or [])
    if template.get("daemon") or mounted & claims or any(kind in each for each in used for kind in CLAIMS):
        annotations.setdefault(MEMOIZE, "never")
    own = {*_named_by(template, beside), *_mounted_by(used, beside)}
    found = sorted({*own, *(general if "{{" in repr(template) else ())})
    if found:
        annotations[FILES] = digest(found)
    if not annotations:
        return template
    return {**template, "metadata": {**meta, "annotations": annotations}}


def _containers(template: dict[str, Any]) -> list[dict[str, Any]]:
    whole = [template.get("container"), template.get("script"), *(template.get("initContainers") or [])]
    whole += template.get("sidecars") or []
    whole += (template.get("containerSet") or {}).get("containers") or []
    return [each for each in whole if each]


def _mounts(template: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for container in _containers(template):
        yield from container.get("volumeMounts") or []


def _named_by(template: dict[str, Any], beside: Path) -> Iterator[Path]:
    """In its commands and variables, save what it says that it writes."""
    outputs = (template.get("outputs") or {}).get("artifacts") or []
    written = {Path(str(each.get("path"))) for each in outputs}
    for container in _containers(template):
        words = [*(container.get("command") or []), *(container.get("args") or [])]
        words += [each.get("value") for each in container.get("env") or []]
        words += [word.split("=", 1)[1] for word in words if isinstance(word, str) and "=" in word]
        yield from (file for file in named(words, beside) if file not in written)


def _mounted_by(volumes: Iterable[dict[str, Any]], beside: Path) -> Iterator[Path]:
    """What lies in hostPath volumes."""
    for volume in volumes:
        path = Path(str((volume.get("hostPath") or {}).get("path") or "/"))
        if path != Path("/") and _is(path):
            yield from _inside(path) if path.is_dir() else [path]


def files(documents: list[dict[str, Any]], beside: Path) -> list[Path]:
    """Files of the project that documents name: in arguments, commands and variables."""
    found: set[Path] = set()
    for document in documents:
        spec = document.get("spec") or {}
        arguments = (spec.get("arguments") or {}).get("parameters") or []
        found.update(named([each.get("value") for each in arguments], beside))
        for template in spec.get("templates") or []:
            found.update(_named_by(template, beside))
    return sorted(found)


def mounted(documents: list[dict[str, Any]], beside: Path) -> list[Path]:
    """Files in hostPath volumes: steps may write them too."""
    found: set[Path] = set()
    for document in documents:
        spec = document.get("spec") or {}
        own = [each for template in spec.get("templates") or [] for each in template.get("volumes") or []]
        found.update(_mounted_by([*(spec.get("volumes") or []), *own], beside))
    return sorted(found)


def named(words: Iterable[Any], beside: Path) -> Iterator[Path]:
    """Those words that are files beside the document or below the current folder."""
    places = [beside.resolve(), Path.cwd()]
    for word in words:
        if not isinstance(word, str) or not 1 < len(word) < _LONGEST or "\n" in word or "{{" in word:
            continue
        for place in places:
            file = place / word
            if place != Path("/") and _is(file) and file.is_file() and file.resolve().is_relative_to(place):
                yield file
                break


def _is(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long, a folder that is not ours
        return False


def _inside(folder: Path) -> list[Path]:
    found: list[Path] = []
    for each in folder.rglob("*"):
        if len(found) >= MOST:
            break
        parts = each.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if not hidden and each.is_file():
            found.append(each)
    return sorted(found)


def digest(found: Iterable[Path]) -> str:
    whole = hashlib.blake2b(digest_size=16)
    for file in found:
        whole.update(f"{file}\0".encode())
        try:
            info = file.stat()
            if info.st_size > BIG:
                whole.update(f"{info.st_mtime_ns} {info.st_size}".encode())
                continue
            with file.open("rb") as content:
                whole.update(hashlib.file_digest(content, "sha256").digest())
        except OSError:
            whole.update(b"unreadable")
    return whole.hexdigest()
