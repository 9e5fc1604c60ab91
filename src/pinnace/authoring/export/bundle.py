"""A bundle: the documents that are exported, where each goes, and the files that this comes to. Pure.

`cli/export` fills one and writes `files()`. The parts: `base` and its overlays (what belongs to a namespace),
`cluster` (what an administrator applies once), `secrets` (to be filled in first), `endpoints` (models in
service that the run made: for a cluster that does not repeat it).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from pinnace.authoring.export import images, kustomize
from pinnace.authoring.export.artifacts import Found
from pinnace.kinds.resource import Obj

BASE, CLUSTER, SECRETS, ENDPOINTS = "base", "cluster", "secrets", "endpoints"
PARTS = (BASE, CLUSTER, SECRETS, ENDPOINTS)
PLACEHOLDER = ""
"""A secret's value in the bundle."""
WANTED = {".dockerconfigjson": '{"auths": {}}', ".dockercfg": "{}", "ssh-privatekey": "to be filled in"}
"""Keys that the API server does not take empty (kubernetes pkg/apis/core/validation, ValidateSecret)."""


class Image(msgspec.Struct, frozen=True):
    """`name` as the documents say it, `address` where it will be fetched (without digest; '' as it is)."""

    original: str
    name: str
    address: str = ""
    digest: str = ""
    size: int = 0
    packages: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        return f"{self.address}@{self.digest}" if self.digest else self.original

    @property
    def slug(self) -> str:
        return images.slug(self.name)


class Bundle(msgspec.Struct):
    name: str
    """A DNS label: namespaces, repositories and labels are called after it."""
    subject: str
    """What was exported, for people: `Workflow digits of namespace default`."""
    parts: dict[str, list[Obj]] = {}
    images: list[Image] = []
    artifacts: list[Found] = []
    notes: list[str] = []
    """What remains to be done, one sentence or two each."""
    extras: dict[str, str] = {}
    """Further files: a pipeline's IR, lock files."""
    pushed: str = ""
    pipeline: Obj = {}
    """The IR, where a pipeline of Kubeflow Pipelines is exported: `pipeline_spec`, and `platform_spec`."""
    arguments: Obj = {}
    """What its run was given."""

    def add(self, part: str, obj: Obj) -> None:
        """A document of the same kind and name that is there already stays."""
        there = self.parts.setdefault(part, [])
        if not any(identity(one) == identity(obj) for one in there):
            there.append(obj)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def documents(self, *parts: str) -> list[Obj]:
        return [one for part in parts or PARTS for one in self.parts.get(part, [])]

    def replace_images(self) -> None:
        """Documents name images as kustomize is told; texts name what is fetched."""
        known = {one.original: one for one in self.images}

        def name(image: str) -> str:
            return known[image].name if image in known and known[image].digest else image

        def address(image: str) -> str:
            return known[image].reference if image in known else image

        for part, objs in self.parts.items():
            named = name if part in (BASE,) else address
            self.parts[part] = [images.replaced(one, named, address) for one in objs]
        self.pipeline = images.replaced(self.pipeline, address, address)

    def files(self) -> dict[str, str]:
        """Path in the bundle → text."""
        made: dict[str, str] = {}
        for part in PARTS:
            documents = sorted(self.parts.get(part, []), key=lambda one: kustomize.rank(one["kind"]))
            written = {file_name(one): kustomize.text(one) for one in documents}
            made.update({f"{part}/{name}": text for name, text in written.items()})
            if part == BASE:
                made.update(self.base(written))
            elif written:
                made[f"{part}/kustomization.yaml"] = kustomize.text(kustomize.apart(written))
        for overlay in kustomize.OVERLAYS:
            folder = f"overlays/{overlay}"
            made[f"{folder}/kustomization.yaml"] = kustomize.text(kustomize.overlay(overlay, self.name))
            made[f"{folder}/namespace.yaml"] = kustomize.text(kustomize.namespace(overlay, self.name))
        if self.pipeline:
            made["kfp/pipeline.yaml"] = "---\n".join(kustomize.text(one) for one in self.pipeline.values())
            made["kfp/arguments.json"] = json.dumps(self.arguments, indent=1) + "\n"
        return made | self.extras

    def speaking(self) -> list[Obj]:
        """Everything that names images."""
        return [*self.documents(), *([self.pipeline] if self.pipeline else [])]

    def base(self, written: Iterable[str]) -> dict[str, str]:
        tables = kustomize.configuration(one["kind"] for one in self.documents(BASE))
        built = [kustomized(one) for one in self.images if one.digest]
        first = kustomize.base(written, built, self.name, configured=bool(tables))
        made = {f"{BASE}/kustomization.yaml": kustomize.text(first)}
        return made | ({f"{BASE}/kustomizeconfig.yaml": kustomize.text(tables)} if tables else {})


def kustomized(image: Image) -> Obj:
    return {"name": image.name, "newName": image.address, "digest": image.digest}


def identity(obj: Obj) -> tuple[str, str, str]:
    return obj["apiVersion"].partition("/")[0], obj["kind"], obj["metadata"]["name"]


def file_name(obj: Obj) -> str:
    return f"{obj['kind'].lower()}-{label(obj['metadata']['name'])}.yaml"


def label(text: str) -> str:
    """A DNS label made of any text."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-") or "bundle"


def names(originals: Iterable[str]) -> dict[str, str]:
    """What each image is called in the documents: kustomize tells them apart by name alone, so two tags of
    one name get names of their own, and so does an image with something on top."""
    listed = list(dict.fromkeys(originals))
    made: dict[str, str] = {}
    for one in listed:
        image = plain(one)
        bare = images.bare(image)
        alone = sum(images.bare(plain(other)) == bare for other in listed) == 1
        tag = label(image[len(bare) :]) if image[len(bare) :] else "latest"
        made[one] = fresh(bare if alone else f"{bare}-{tag}", made.values())
    return made


def plain(image: str) -> str:
    """The image's name without what goes on top of it."""
    return image.partition("\n")[0]


def fresh(wanted: str, taken: Iterable[str]) -> str:
    name, number, used = wanted, 1, set(taken)
    while name in used:
        number += 1
        name = f"{wanted}-{number}"
    return name


def placeholder(secret: Obj) -> Obj:
    """A Secret's keys without their values; where a server wants something, something without worth."""
    data: dict[str, Any] = {**(secret.get("data") or {}), **(secret.get("stringData") or {})}
    made = {k: v for k, v in secret.items() if k not in ("data", "stringData")}
    if not data:
        return made
    return {**made, "stringData": {key: WANTED.get(key, PLACEHOLDER) for key in sorted(data)}}
