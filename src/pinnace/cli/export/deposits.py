"""What lies on this machine of the data that a bundle needs, and its way into a store.

Called by `export`. Artifacts are looked up in the database (read-only) and read from the blobs, claims from
their folders. Uploading takes `obstore`, which is not part of Pinnace: `pip install obstore`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from pinnace.authoring.export import artifacts
from pinnace.authoring.export.artifacts import REPOSITORY, VOLUME, Found, Store, Wanted
from pinnace.authoring.export.bundle import ENDPOINTS, PARTS, Bundle
from pinnace.cli.garbage import reading
from pinnace.cli.platform import Failure
from pinnace.data.blobs import Blobs
from pinnace.home import Home

if TYPE_CHECKING:
    import sqlite3

SCHEMES = ("s3", "gs", "az")


class _Artifact(msgspec.Struct):
    digest: str
    size: int = 0
    directory: bool = False


def found(home: Home, bundle: Bundle, namespace: str) -> list[Found]:
    """Raises nothing for what is missing: that becomes a note."""
    made: dict[tuple[str, str], Found] = {}
    with closing(reading(home)) as database:
        for part in PARTS:
            for obj in bundle.parts.get(part, []):
                for wanted in artifacts.wanted(obj):
                    one = look(home, database, namespace, wanted)
                    if one is not None:
                        made[wanted.kind, wanted.key] = one
                    elif wanted.kind == REPOSITORY:
                        who = f"{obj['kind']} {obj['metadata']['name']} ({wanted.path})"
                        bundle.note(f"{who} reads the artifact `{wanted.key}`, which is not here.")
    return [made[place] for place in sorted(made)]


def look(home: Home, database: sqlite3.Connection, namespace: str, wanted: Wanted) -> Found | None:
    if wanted.kind == VOLUME:
        return volume(home, namespace, wanted)
    query = "SELECT body FROM rows WHERE kind='artifact' AND owner=? AND key IN (?, ?)"
    row = database.execute(query, (namespace, wanted.key, f"{wanted.key}/")).fetchone()
    if row is None:
        return None
    body = msgspec.json.decode(row[0], type=_Artifact)
    return Found(wanted, size=body.size, digest=body.digest, directory=body.directory)


def volume(home: Home, namespace: str, wanted: Wanted) -> Found | None:
    """None for a claim without anything in it."""
    import blake3

    place = claim(home, namespace, wanted)
    content = list(files(place))
    if not content:
        return None
    whole, size = blake3.blake3(), 0
    for inside, path in content:
        size += path.stat().st_size
        one = blake3.blake3()
        one.update_mmap(path)
        whole.update(f"{inside}\0{one.hexdigest()}\0".encode())
    return Found(wanted, size=size, digest=whole.hexdigest(), directory=place.is_dir())


def claim(home: Home, namespace: str, wanted: Wanted) -> Path:
    name, _, inner = wanted.key.partition("/")
    if ".." in PurePosixPath(inner).parts:
        raise Failure(f"{wanted.path}: '..' is not allowed in a claim's path ({wanted.key})")
    return home.volumes / namespace / name / inner


def files(place: Path) -> Iterator[tuple[str, Path]]:
    """(path inside, path), sorted; links are not followed."""
    if place.is_file() and not place.is_symlink():
        yield place.name, place
    for folder, folders, names in os.walk(place):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield str(path.relative_to(place)), path


def upload(home: Home, bundle: Bundle, namespace: str, url: str, endpoint: str = "") -> None:
    """Everything that was found; then the documents name it there."""
    store = Store(url.rstrip("/"), endpoint or os.environ.get("AWS_ENDPOINT_URL", ""))
    if store.scheme not in SCHEMES or not store.bucket:
        raise Failure(f"--store {url}: expected {', '.join(f'{s}://BUCKET/PREFIX' for s in SCHEMES)}")
    target = opened(store)
    blobs = Blobs(home.data)
    for number, one in enumerate(bundle.artifacts):
        for inside, path in content(home, blobs, namespace, one):
            key = store.key(one.wanted)
            put(target, f"{key}/{inside}" if one.directory else key, path)
        bundle.artifacts[number] = msgspec.structs.replace(one, address=store.address(one.wanted))
    known = {(one.wanted.kind, one.wanted.key): one for one in bundle.artifacts}

    def stored(wanted: Wanted) -> Found | None:
        return known.get((wanted.kind, wanted.key))

    for part in (*PARTS, ENDPOINTS):
        if part in bundle.parts:
            bundle.parts[part] = [artifacts.rewritten(one, store, stored) for one in bundle.parts[part]]
    for one in bundle.artifacts:
        if one.wanted.kind == VOLUME and "/" not in one.wanted.key:
            bundle.note(
                f"Fill the claim `{one.wanted.key}` from {one.address} (a Job with `aws s3 sync`, say)."
            )


def content(home: Home, blobs: Blobs, namespace: str, one: Found) -> Iterator[tuple[str, Path]]:
    if one.wanted.kind == VOLUME:
        yield from files(claim(home, namespace, one.wanted))
    elif one.directory:
        yield from files(blobs.path(one.digest))
    else:
        yield PurePosixPath(one.wanted.key).name, blobs.path(one.digest)


def opened(store: Store) -> Any:
    """Credentials and region come from the environment, as that store's own tools take them."""
    try:
        from obstore.store import from_url  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise Failure("--store needs obstore beside Pinnace: `pip install obstore`") from None
    options: dict[str, Any] = {}
    if store.scheme == "s3" and store.endpoint:
        options = {"endpoint": store.endpoint, "virtual_hosted_style_request": False}
        if store.endpoint.startswith("http://"):
            options["client_options"] = {"allow_http": True}
    return from_url(f"{store.scheme}://{store.bucket}", **options)


def put(target: Any, key: str, path: Path) -> None:
    import obstore  # type: ignore[import-not-found,unused-ignore]

    try:
        obstore.put(target, key, path)
    except Exception as error:  # the library has an exception of its own for each store
        raise Failure(f"uploading {key} failed: {error}") from error
