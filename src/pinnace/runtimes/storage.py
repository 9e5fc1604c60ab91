"""The storage initializer: `python -m pinnace.runtimes.storage URI FOLDER` brings a model into a folder.

Runs as an init container before a model server, with the arguments and variables of KServe's own
(kserve python/storage). http(s) and images by the standard library, s3, gs and Azure by obstore. What was
asked for and what came is told on its last line, which becomes the pod's message when it fails.
"""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from .reach import urlopen

ARCHIVES = (".tar", ".tgz", ".tar.gz", ".zip")
KINDS = frozenset((
    *(f"application/{kind}" for kind in ("zip", "x-zip", "x-zip-compressed", "x-tar", "x-gtar")),
    "application/gzip", "application/x-gzip", "application/octet-stream", "binary/octet-stream",
))
ANONYMOUS = "awsAnonymousCredential"
EMULATOR = "STORAGE_EMULATOR_HOST"
"""Where Google's own client asks instead of Google, too."""
CONFIG = "STORAGE_CONFIG"
"""One entry of the secret storage-config, as JSON."""


class CannotFetch(Exception):
    """The text says what was asked for and what is wrong."""


def fetch(uri: str, folder: Path) -> list[Path]:
    """The files that came."""
    folder.mkdir(parents=True, exist_ok=True)
    scheme = urlsplit(uri).scheme
    if scheme == "hf":
        hub(uri, folder)
    elif scheme == "oci":
        image(uri, folder)
    elif scheme == "gs" and os.environ.get(EMULATOR):
        emulated(uri, folder)
    elif scheme in ("http", "https") and ".blob.core.windows.net" not in uri:
        web(uri, folder)
    elif scheme in ("s3", "gs", "https"):
        store(uri, folder)
    else:
        raise CannotFetch(f"{uri}: cannot fetch {scheme or 'this'}; expected s3, gs, hf, oci, http or https")
    unpack(folder)
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    if not found:
        raise CannotFetch(f"{uri}: there is nothing there")
    return found


def web(uri: str, folder: Path) -> None:
    name = PurePosixPath(unquote(urlsplit(uri).path)).name
    if not name:
        raise CannotFetch(f"{uri}: no file name in the URL; name the model's file or an archive")
    headers = json.loads(os.environ.get(f"{urlsplit(uri).hostname}-headers") or "{}")
    request = urllib.request.Request(  # noqa: S310 - http and https only, see fetch
        uri, headers={"User-Agent": "pinnace-storage", **headers}
    )
    try:
        with urlopen(request) as answer:
            kind = answer.headers.get_content_type()
            if name.endswith(ARCHIVES) and kind not in KINDS:
                raise CannotFetch(f"{uri}: an archive was expected, the server says it is {kind}")
            with (folder / name).open("wb") as file:
                shutil.copyfileobj(answer, file, 1 << 20)
    except urllib.error.URLError as problem:
        raise CannotFetch(f"{uri}: {problem.reason}") from None


def image(uri: str, folder: Path) -> None:
    from . import modelcar

    try:
        modelcar.pull(uri, folder)
    except modelcar.CannotPull as problem:
        raise CannotFetch(str(problem)) from None


def store(uri: str, folder: Path) -> None:
    """Every object under the prefix; one object if the URI names it."""
    import obstore  # type: ignore[import-not-found, unused-ignore]

    prefix = key_of(uri)
    try:
        bucket = opened(uri)
        names = [entry["path"] for page in obstore.list(bucket, prefix=prefix) for entry in page]
        names = names or [prefix]
        for name in filter(wanted, names):
            inside = PurePosixPath(name).relative_to(prefix) if name != prefix else PurePosixPath(name).name
            target = folder / inside
            if ".." in target.parts:
                raise CannotFetch(f"{uri}: the object {name} would leave the folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                for chunk in obstore.get(bucket, name).stream():
                    file.write(chunk)
    except CannotFetch:
        raise
    except Exception as problem:
        raise CannotFetch(f"{uri}: {first_line(problem)}") from None


def emulated(uri: str, folder: Path) -> None:
    """By the JSON API of Google's storage at another place."""
    host = os.environ[EMULATOR].rstrip("/")
    host = host if "://" in host else f"http://{host}"
    bucket, prefix = quote(urlsplit(uri).netloc), key_of(uri)
    listed = asked(f"{host}/storage/v1/b/{bucket}/o?prefix={quote(prefix, safe='')}", uri)
    for entry in json.load(listed).get("items") or ():
        name = str(entry["name"])
        if name != prefix and not name.startswith(f"{prefix}/" if prefix else ""):
            continue
        if wanted(name):
            inside = PurePosixPath(name).relative_to(prefix) if name != prefix else PurePosixPath(name).name
            source = f"{host}/download/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media"
            keep(folder / inside, asked(source, uri), uri)


def hub(uri: str, folder: Path, kind: str = "models") -> None:
    """`hf://owner/model[:revision]`: the files of a model, or of one of the `datasets`, of the Hugging Face
    hub."""
    repository, _, revision = uri.removeprefix("hf://").partition(":")
    host = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    revision = revision or "main"
    listed = json.load(asked(f"{host}/api/{kind}/{repository}/revision/{quote(revision, safe='')}", uri))
    place = repository if kind == "models" else f"{kind}/{repository}"
    for entry in listed.get("siblings") or ():
        name = str(entry["rfilename"])
        if wanted(name):
            source = f"{host}/{place}/resolve/{quote(revision, safe='')}/{quote(name)}"
            keep(folder / name, asked(source, uri), uri)


def asked(url: str, uri: str) -> Any:
    """The answer, to be read."""
    token = os.environ.get("HF_TOKEN") if uri.startswith("hf:") else ""
    headers = {"User-Agent": "pinnace-storage", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - where the settings say
    try:
        return urlopen(request)
    except urllib.error.URLError as problem:
        raise CannotFetch(f"{uri}: {url}: {problem.reason}") from None


def keep(target: Path, answer: Any, uri: str) -> None:
    if ".." in target.parts:
        raise CannotFetch(f"{uri}: the object {target} would leave the folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with answer, target.open("wb") as file:
        shutil.copyfileobj(answer, file, 1 << 20)


def opened(uri: str) -> Any:
    """The bucket, with what the pod's variables say of it."""
    from obstore.store import AzureStore, GCSStore, S3Store  # type: ignore[import-not-found, unused-ignore]

    parts = urlsplit(uri)
    if parts.scheme == "gs":
        account = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
        options: dict[str, Any] = {"service_account_path": account} if account else {"skip_signature": True}
        return GCSStore(parts.netloc, **options)
    if parts.scheme == "https":
        container = parts.path.strip("/").partition("/")[0]
        return AzureStore(container, account_name=parts.netloc.partition(".")[0])
    config = json.loads(os.environ.get(CONFIG) or "{}")
    region = config.get("region") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    options = {"region": region}
    endpoint = config.get("endpoint_url") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        options |= {"endpoint": endpoint, "client_options": {"allow_http": endpoint.startswith("http://")}}
    key, secret = config.get("access_key_id"), config.get("secret_access_key")
    if key and secret:
        options |= {"access_key_id": key, "secret_access_key": secret}
    elif os.environ.get(ANONYMOUS, "").lower() == "true" or not os.environ.get("AWS_ACCESS_KEY_ID"):
        options["skip_signature"] = True
    return S3Store(parts.netloc, **options)


def key_of(uri: str) -> str:
    parts = urlsplit(uri)
    path = unquote(parts.path).strip("/")
    return path.partition("/")[2] if parts.scheme == "https" else path


def wanted(name: str) -> bool:
    """By the patterns of STORAGE_ALLOW_PATTERNS and STORAGE_IGNORE_PATTERNS."""
    if name.endswith("/"):
        return False
    allowed, ignored = patterns("STORAGE_ALLOW_PATTERNS"), patterns("STORAGE_IGNORE_PATTERNS")
    if allowed and not any(fnmatch.fnmatch(name, each) for each in allowed):
        return False
    return not any(fnmatch.fnmatch(name, each) for each in ignored)


def patterns(variable: str) -> list[str]:
    text = os.environ.get(variable) or ""
    return list(json.loads(text)) if text.startswith("[") else [p for p in text.split(",") if p]


def unpack(folder: Path) -> None:
    """The one archive that came alone is opened where it lies."""
    found = list(folder.iterdir())
    if len(found) != 1 or not found[0].name.endswith(ARCHIVES):
        return
    archive = found[0]
    try:
        if archive.name.endswith(".zip"):
            with zipfile.ZipFile(archive) as zipped:
                for member in safe(zipped.namelist(), archive):
                    zipped.extract(member, folder)
        else:
            with tarfile.open(archive) as tape:
                tape.extractall(folder, filter="data")
    except (tarfile.TarError, zipfile.BadZipFile, OSError) as problem:
        raise CannotFetch(f"{archive.name}: cannot be unpacked: {problem}") from None
    archive.unlink()


def safe(names: list[str], archive: Path) -> Iterator[str]:
    for name in names:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise CannotFetch(f"{archive.name}: {name} would leave the folder")
        yield name


def first_line(problem: Exception) -> str:
    return (str(problem).strip() or type(problem).__name__).splitlines()[0]


def main() -> None:
    words = sys.argv[1:]
    if len(words) < 2 or len(words) % 2:
        sys.exit("expected pairs of a URI and a folder")
    for uri, folder in zip(words[::2], words[1::2], strict=True):
        try:
            found = fetch(uri, Path(folder))
        except CannotFetch as problem:
            sys.exit(f"model was not fetched: {problem}")
        print(f"{uri}: {len(found)} files, {sum(path.stat().st_size for path in found)} bytes", flush=True)


if __name__ == "__main__":
    main()
