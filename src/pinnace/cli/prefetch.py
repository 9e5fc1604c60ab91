"""`pinnace prefetch FILE`: environments and images that a document will need, made before it runs.

For CI, where the network is there at one time and the run at another, and for whoever does not want to wait.
Nothing is run and no platform is needed; what was there already stays. The node's own builder and puller do
the work, so they hear of proxies, indexes, certificates and wheelhouses as in a run.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pinnace.authoring.environments import LAYERED, Rules, advice, layered
from pinnace.authoring.export import images
from pinnace.authoring.kfp import layers
from pinnace.cli.examples import found
from pinnace.cli.export.pictures import rules
from pinnace.cli.platform import Failure
from pinnace.cli.run import programmed
from pinnace.home import Home

SUFFIXES = (".yaml", ".yml", ".json")


class Wanted(NamedTuple):
    """`key` is what the node is asked for: the image, with what a step installs on top."""

    image: str
    key: str


def prefetch(home: Home, targets: tuple[Path, ...], isolation: str) -> int:
    home.prepare()
    documents = [each for target in targets for each in read(target)]
    wanted = list(dict.fromkeys(each for document in documents for each in needs(document)))
    for document in documents:
        for text in images.unnamed(document):
            print(f"  ?  {text}   is computed when it runs: name the image to prefetch it", file=sys.stderr)
    if not wanted:
        print("nothing to prefetch: no image is named")
        return 0
    if isolation == "container":
        return _pull([each.image for each in wanted])
    return asyncio.run(_build(home, wanted, rules(home)))


def read(target: Path) -> list[Any]:
    """The documents of a manifest, of a pipeline or of a bundle's folder. Raises Failure."""
    import yaml

    if ".py" in target.suffix:
        return list(programmed(target))
    target = found(target)
    files = [target]
    if target.is_dir():
        files = sorted(each for each in target.rglob("*") if each.suffix in SUFFIXES)
    documents: list[Any] = []
    for file in files:
        try:
            documents += [each for each in yaml.safe_load_all(file.read_text()) if each]
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise Failure(f"{file} cannot be read: {error}") from error
    if not documents:
        raise Failure(f"{target} holds no document: expected a manifest, a pipeline or a bundle's folder")
    return documents


def needs(document: Any) -> Iterator[Wanted]:
    """What its containers are made of; the servers of its models by their format."""
    holders = images.containers(document)
    for container in holders:
        image = container["image"]
        if "{{" in image:
            continue
        words = [*(container.get("command") or ()), *(container.get("args") or ())]
        groups, _ = layers.split([str(word) for word in words])
        yield Wanted(image, layered(image, groups))
    named = {container["image"] for container in holders}
    yield from (Wanted(image, image) for image in images.images(document) if image not in named)
    if isinstance(document, dict) and document.get("kind") == "InferenceService":
        yield from (Wanted(image, image) for image in _servers(document.get("spec") or {}))


def _servers(spec: dict[str, Any]) -> Iterator[str]:
    from pinnace.controllers.serving.bootstrap import SERVERS

    for part in spec.values():
        model = part.get("model") if isinstance(part, dict) else None
        if not isinstance(model, dict):
            continue
        name, wanted = model.get("runtime"), (model.get("modelFormat") or {}).get("name")
        able = [
            (priority, server) for server in SERVERS for each, _, priority in server.formats if each == wanted
        ]
        for server in SERVERS:
            if server.name == name:
                yield server.image
        if not name and able:
            yield max(able, key=lambda pair: pair[0])[1].image


async def _build(home: Home, wanted: list[Wanted], known: Rules) -> int:
    from pinnace.node.environments import Absent, Environments
    from pinnace.node.images import Images
    from pinnace.node.reaper import Reaper

    reaper, failed = Reaper(), 0
    try:
        environments = Environments(home, reaper, Images(home, reaper))
        environments.refresh()
        for each in wanted:
            began = time.monotonic()
            if known.match(each.key) is None:
                failed += 1
                print(f"  ✖  {each.image}   {advice(each.image, str(home.environment_rules))}")
                continue
            try:
                await environments.build(each.key, "sandbox")
            except Absent as absent:
                failed += 1
                print(f"  ✖  {_shown(each)}   {absent}")
            else:
                print(f"  ✔  {_shown(each)}   {time.monotonic() - began:.1f} s", flush=True)
    finally:
        reaper.close()
    if failed:
        print(f"pinnace: {failed} of {len(wanted)} cannot be had; a run would wait for them", file=sys.stderr)
    return 1 if failed else 0


def _shown(wanted: Wanted) -> str:
    return wanted.image + (" with what its step installs" if LAYERED in wanted.key else "")


def _pull(names: list[str]) -> int:
    """Container isolation runs images of the engine's own store."""
    engine = shutil.which("podman") or shutil.which("docker")
    if engine is None:
        raise Failure("isolation container needs podman or docker: `apt install podman`")
    failed = 0
    for image in dict.fromkeys(names):
        done = subprocess.run([engine, "pull", "--quiet", image], capture_output=True, text=True, check=False)
        failed += done.returncode != 0
        words = "" if done.returncode == 0 else done.stderr.strip()[-400:]
        print(f"  {'✖' if done.returncode else '✔'}  {image}   {words}", flush=True)
    return 1 if failed else 0
