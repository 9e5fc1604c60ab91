"""`pinnace export`: what stands here becomes a kustomize bundle that a cluster takes.

`gathering` fetches, `pictures` builds images, `deposits` finds and uploads data; what the files say is
decided in `authoring/export`. Invariant: the target folder appears complete or not at all, and every document
in it has passed the same strict judgement as at an API server with upstream's definitions.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pinnace.authoring.export.bundle import CLUSTER, ENDPOINTS, SECRETS, Bundle, plain
from pinnace.authoring.export.readme import amount, readme
from pinnace.cli.connection import Connection
from pinnace.cli.export.gathering import Gathering
from pinnace.cli.export.judging import problems
from pinnace.cli.platform import Failure
from pinnace.home import Home

MARK = "README.md"


class Order:
    """The options of the command."""

    def __init__(
        self,
        *,
        build: bool = False,
        push: str = "",
        store: str = "",
        endpoint: str = "",
        keep: tuple[str, ...] = (),
        with_secrets: bool = False,
    ) -> None:
        if push and not build:
            raise Failure("--push REPO pushes the images that --build writes: give both")
        self.build, self.push, self.store, self.endpoint = build, push, store, endpoint
        self.keep, self.with_secrets = keep, with_secrets


def export(home: Home, what: str, target: Path | None, namespace: str, order: Order) -> int:
    gathering = Gathering(Connection.to(home), home, with_secrets=order.with_secrets, build=order.build)
    bundle = gathering.bundle(what, namespace)
    place = free(target or Path(bundle.name))
    draft = place.with_name(f".{place.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        fill(home, bundle, gathering, draft, order)
        write(bundle, draft)
        if place.exists():
            shutil.rmtree(place)
        draft.rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    tell(bundle, place)
    return 0


def fill(home: Home, bundle: Bundle, gathering: Gathering, draft: Path, order: Order) -> None:
    """Images and data, which change what the documents say."""
    from pinnace.cli.export import deposits, pictures

    bundle.artifacts = deposits.found(home, bundle, gathering.namespace)
    if order.store:
        deposits.upload(home, bundle, gathering.namespace, order.store, order.endpoint)
    if order.build:
        pictures.build(home, bundle, gathering, draft / "images", order.keep, order.push)
    else:
        pictures.name(home, bundle)
    bundle.replace_images()
    gathering.finish(bundle)
    found = problems(gathering.catalogue, bundle.documents())
    if found:
        raise Failure("a cluster would refuse what was to be exported:\n  " + "\n  ".join(found))


def write(bundle: Bundle, draft: Path) -> None:
    for path, text in bundle.files().items():
        file = draft / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        if path.startswith(f"{SECRETS}/"):
            file.chmod(0o600)
    (draft / MARK).write_text(readme(bundle))


def free(place: Path) -> Path:
    """A bundle of ours may be written anew; anything else stays."""
    if place.exists() and any(place.iterdir() if place.is_dir() else [place]):
        ours = (place / "base" / "kustomization.yaml").exists() and (place / MARK).exists()
        if not ours:
            raise Failure(f"{place} is there and is no bundle: name another folder with -o")
    return place


def tell(bundle: Bundle, place: Path) -> None:
    print(f"{place}: {bundle.subject}")
    for obj in bundle.documents():
        print(f"  {obj['kind']} {obj['metadata']['name']}")
    for image in bundle.images:
        if image.digest:
            print(f"  image {plain(image.original)} → {image.reference} ({amount(image.size)})")
    for one in bundle.artifacts:
        where = one.address or "stays here"
        print(f"  {one.wanted.kind} {one.wanted.key} ({amount(one.size)}) → {where}")
    left = len(bundle.notes) + len(bundle.parts.get(SECRETS, []))
    if left:
        print(f"{left} things remain to be done: see {place / MARK}")
    first = [f"kubectl apply -k {place}/{CLUSTER}"] if bundle.parts.get(CLUSTER) else []
    print("then: " + " && ".join([*first, f"kubectl apply -k {place}/overlays/dev"]))
    if bundle.parts.get(ENDPOINTS):
        print(f"or only what it put in service: kubectl apply -k {place}/{ENDPOINTS}")
