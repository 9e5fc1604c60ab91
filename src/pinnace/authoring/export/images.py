"""Where documents name images, and how another name is put in their place.

Used by `bundle`. Kustomize's `images:` reaches every container of a manifest; images inside texts (the
manifest of a `resource` step, a patch of a Pod's spec) it cannot see, so these are replaced here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pinnace.kinds.resource import Obj

IN_TEXT = re.compile(r"""((?:"image"|\bimage)\s*:\s*["']?)([A-Za-z0-9][A-Za-z0-9._:/@-]*)""")
TEXTS = ("manifest", "podSpecPatch")
Command = tuple[str, list[str]]


def images(value: Any) -> Iterator[str]:
    """Every image that the document names, in its order; one that is still to be rendered is none."""
    for holder in _holders(value):
        if "{{" not in holder["image"]:
            yield holder["image"]
    for _, text in _texts(value):
        yield from (found[1] for found in IN_TEXT.findall(text))


def unnamed(value: Any) -> list[str]:
    """Images that are only known when the document runs."""
    return list(dict.fromkeys(h["image"] for h in _holders(value) if "{{" in h["image"]))


def commands(value: Any) -> Iterator[Command]:
    """(image, command) of every container that names one."""
    for holder in _holders(value):
        command = holder.get("command")
        if isinstance(command, list):
            yield holder["image"], [str(word) for word in command]


def containers(value: Any) -> list[Obj]:
    """Every map with an image, to be edited in place."""
    return list(_holders(value))


def replaced(value: Any, name: Callable[[str], str], address: Callable[[str], str]) -> Any:
    """A new document. `name` gives what an image is called where kustomize sees it, `address` its whole
    address for texts."""
    if isinstance(value, list):
        return [replaced(one, name, address) for one in value]
    if not isinstance(value, dict):
        return value
    made = {key: replaced(one, name, address) for key, one in value.items()}
    if isinstance(made.get("image"), str) and "{{" not in made["image"]:
        made["image"] = name(made["image"])
    for key in TEXTS:
        if isinstance(made.get(key), str):
            made[key] = IN_TEXT.sub(lambda found: found[1] + address(found[2]), made[key])
    return made


def _holders(value: Any) -> Iterator[Obj]:
    if isinstance(value, list):
        for one in value:
            yield from _holders(one)
    elif isinstance(value, dict):
        if isinstance(value.get("image"), str) and value["image"]:
            yield value
        for one in value.values():
            yield from _holders(one)


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key in TEXTS and isinstance(one, str):
                yield key, one
            else:
                yield from _texts(one)


def bare(image: str) -> str:
    """The name without tag and digest: what kustomize's `images:` compares."""
    name = image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}"


def slug(image: str) -> str:
    """One component of a repository's name: `kserve/sklearnserver:v0.15.2` → `kserve-sklearnserver`."""
    return re.sub(r"[^a-z0-9]+", "-", bare(image).lower()).strip("-") or "image"
