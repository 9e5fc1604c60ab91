"""Images of a bundle: which are environments here, and how each becomes an OCI image in the bundle.

Called by `export`. What no rule names, and what a rule pulls from a registry, is left as it is: the cluster
fetches it too. Environments that were never used are built first, by the node's own rules.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from pinnace.authoring.environments import LAYERED, Environment, Rule, RuleError, Rules, combined, layered
from pinnace.authoring.export import images, sources
from pinnace.authoring.export.bundle import Bundle, Image, names
from pinnace.authoring.kfp import layers
from pinnace.cli.export.gathering import Gathering
from pinnace.cli.platform import Failure
from pinnace.data.images.building import Builder, Recipe
from pinnace.data.images.config import ImageConfig
from pinnace.data.images.errors import ImageError
from pinnace.data.images.writer import LayoutWriter, Written
from pinnace.home import Home

LOCAL = "localhost"
OWN = "pinnace/"
BAKED = "\n+source "
"""Between an image's name and the source folders that one container has in it."""


class Picture(msgspec.Struct):
    """An image as the bundle needs it: the name here, what goes on top."""

    image: str
    groups: list[list[str]] = []
    folders: list[sources.Folder] = []
    programs: list[str] = []

    @property
    def key(self) -> str:
        """Its name in the documents until kustomize's is known."""
        inside = layered(self.image, self.groups)
        return inside + (
            BAKED + json.dumps([[f.source, f.place] for f in self.folders]) if self.folders else ""
        )


def name(home: Home, bundle: Bundle) -> None:
    """Without --build: what the cluster will not find is named."""
    known = rules(home)
    for image in dict.fromkeys(image for obj in bundle.speaking() for image in images.images(obj)):
        bundle.images.append(Image(image, image))
        rule = known.match(image)
        if rule is not None and image.startswith(OWN):
            bundle.note(f"The image `{image}` exists only here: export with --build, or name one of yours.")
        elif rule is not None and rule.source is not None and not rule.source.pull:
            bundle.note(f"The image `{image}` comes from a file of this machine: push it to a registry.")
    for obj in bundle.documents():
        for text in images.unnamed(obj):
            bundle.note(f"{obj['kind']} {obj['metadata']['name']} computes an image when it runs: `{text}`.")


def build(
    home: Home, bundle: Bundle, gathering: Gathering, layout: Path, keep: Iterable[str], push: str
) -> None:
    known = rules(home)
    wanted = list(pictures(bundle, known, tuple(keep)))
    for image in dict.fromkeys(image for obj in bundle.speaking() for image in images.images(obj)):
        if BAKED not in image and LAYERED not in image and not any(one.key == image for one in wanted):
            bundle.images.append(Image(image, image))
    if not wanted:
        return
    prepare(home, [layered(one.image, one.groups) for one in wanted], known)
    called = names([one.key for one in wanted] + [one.original for one in bundle.images])
    writer = LayoutWriter(layout)
    try:
        with Builder(writer, [word for one in wanted for word in one.programs]) as builder:
            for one in wanted:
                bundle.images.append(drawn(home, bundle, known, builder, writer, one, called[one.key]))
    except ImageError as error:
        raise Failure(str(error)) from error
    for made in bundle.images:
        if made.packages:
            bundle.extras[f"images/{made.slug}.lock"] = "\n".join(made.packages) + "\n"
    if push:
        send(bundle, writer, push)


def pictures(bundle: Bundle, known: Rules, keep: tuple[str, ...]) -> Iterator[Picture]:
    """Those to be built, each once; the documents are edited to name them."""
    made: dict[str, Picture] = {}
    for obj in bundle.speaking():
        taken = sources.take(obj, lambda one: builds(known, str(one.get("image") or ""), keep))
        baked = {id(container): folders for container, folders in taken}
        sources.forget(obj)
        for container in images.containers(obj):
            image = container["image"]
            if "{{" in image or not builds(known, image, keep):
                continue
            command = [str(word) for word in container.get("command") or ()]
            groups, rest = layers.split(command)
            rule = known.match(image)
            if groups and rule and rule.environment and rule.environment.python:
                container["command"] = rest
            else:
                groups = []
            picture = Picture(image, groups, baked.get(id(container), []))
            container["image"] = picture.key
            made.setdefault(picture.key, picture).programs += programs(command)
        for image in images.images(obj):
            if image not in made and builds(known, image, keep):
                made[image] = Picture(image)
    yield from made.values()


def programs(command: list[str]) -> list[str]:
    """The program that a step calls by name: an image of this machine's tools has to have it."""
    return command[:1] if command and "{{" not in command[0] and not command[0].startswith("/opt/") else []


def builds(known: Rules, image: str, keep: tuple[str, ...]) -> bool:
    if LAYERED in image or BAKED in image or any(fnmatchcase(image, pattern) for pattern in keep):
        return False
    rule = known.match(image)
    return rule is not None and (rule.environment is not None or not (rule.source and rule.source.pull))


def drawn(
    home: Home,
    bundle: Bundle,
    known: Rules,
    builder: Builder,
    writer: LayoutWriter,
    one: Picture,
    called: str,
) -> Image:
    rule = known.match(layered(one.image, one.groups))
    assert rule is not None
    slug = images.slug(called)
    if rule.environment is None:
        written, packages, missing = adopted(rule, writer, one.image, slug), [], []
    else:
        result = builder.build(recipe(home, rule.environment, one, slug))
        written, packages, missing = result.image, result.packages, result.missing
    return Image(
        one.key,
        called,
        f"{LOCAL}/{bundle.name}/{slug}",
        written.digest,
        written.size,
        tuple(packages),
        tuple(missing),
    )


def recipe(home: Home, environment: Environment, one: Picture, slug: str) -> Recipe:
    folder = home.environments / environment.digest
    return Recipe(
        name=slug,
        venv=folder / "venv" if environment.python else None,
        files=environment.files,
        library=folder / "lib" if environment.packages else None,
        folders=tuple(Path(path) for path in environment.path),
        sources=tuple((existing(f), f.place) for f in one.folders),
        programs=tuple(environment.entrypoint[:1]),
        start=ImageConfig(
            entrypoint=list(environment.entrypoint), cmd=list(environment.cmd), env=dict(environment.env),
            workdir=environment.workdir, labels={"dev.pinnace.environment": environment.digest},
        ),
    )  # fmt: skip


def existing(folder: sources.Folder) -> Path:
    path = Path(folder.source)
    if not path.exists():
        raise Failure(f"the folder {path}, which is mounted at {folder.place}, is not here")
    return path


def adopted(rule: Rule, writer: LayoutWriter, image: str, slug: str) -> Written:
    """An image of this machine's own files, taken over as it is."""
    from pinnace.data.images.sources import ArchiveSource, LayoutSource, Source

    assert rule.source is not None
    source: Source = (
        ArchiveSource(Path(rule.source.archive).expanduser(), image) if rule.source.archive
        else LayoutSource(Path(rule.source.layout).expanduser(), image)
    )  # fmt: skip
    return writer.adopt(source, slug)


def rules(home: Home) -> Rules:
    path = home.environment_rules
    try:
        return combined(path.read_text() if path.exists() else "", str(path))
    except RuleError as error:
        raise Failure(str(error)) from error


def prepare(home: Home, wanted: list[str], known: Rules) -> None:
    """Every environment is there afterwards."""
    from pinnace.node.environments import READY, Absent, Environments
    from pinnace.node.images import Images
    from pinnace.node.reaper import Reaper

    async def work() -> None:
        reaper = Reaper()
        try:
            environments = Environments(home, reaper, Images(home, reaper))
            environments.refresh()
            for image in wanted:
                rule = known.match(image)
                if rule and rule.environment and not environments.ready(image, "sandbox"):
                    if not (home.environments / rule.environment.digest / READY).exists():
                        print(f"building the environment of {image.partition(LAYERED)[0]}", flush=True)
                    await environments.build(image, "sandbox")
        finally:
            reaper.close()

    try:
        asyncio.run(work())
    except Absent as absent:
        raise Failure(f"an environment could not be built: {absent}") from absent


def send(bundle: Bundle, writer: LayoutWriter, repository: str) -> None:
    """The images into a registry; the documents name them there."""
    from pinnace.cli.export.credentials import credentials
    from pinnace.data.images.push import RegistryTarget
    from pinnace.data.images.reference import Reference

    base = repository.rstrip("/")
    for number, image in enumerate(bundle.images):
        if not image.digest:
            continue
        address = f"{base}/{image.slug}"
        target = RegistryTarget(Reference.parse(address), credentials(address))
        try:
            print(f"pushing {address}", flush=True)
            target.push(writer, image.slug)
        finally:
            target.close()
        bundle.images[number] = msgspec.structs.replace(image, address=address)
    bundle.pushed = base
