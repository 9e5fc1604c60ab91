"""Objects in buckets: S3 and what answers its API, Google's and Azure's. By obstore, whose errors are told.

Source of the fields: argoproj/argo-workflows S3Artifact, GCSArtifact, AzureArtifact; of the behaviour:
workflow/artifacts/{s3,gcs,azure}. A key may be an object or a folder of objects.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from pinnace.data.remote.jobs import NothingThere, RemoteError
from pinnace.data.remote.reach import Reach

PIECE = 8 << 20
NEEDED = "buckets need obstore beside Pinnace: pip install obstore"


def library() -> Any:
    try:
        import obstore  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise RemoteError(NEEDED) from None
    return obstore


class Bucket:
    """One bucket, opened. `name` is how messages call it."""

    def __init__(self, store: Any, name: str) -> None:
        self.store = store
        self.name = name
        self.obstore = library()

    def get(self, key: str, folder: Path) -> Path:
        """The object, or everything below the key, in `folder`. Raises NothingThere."""
        key = key.strip("/")
        target = folder / (PurePosixPath(key).name or "all")
        if key and self._object(key, target):
            return target
        found = self.list(f"{key}/" if key else "")
        if not found:
            raise NothingThere(f"the key {key!r} does not exist in {self.name}")
        target.mkdir()
        for name in found:
            inside = PurePosixPath(name[len(key) :].lstrip("/"))
            if ".." in inside.parts or inside.is_absolute() or not inside.parts:
                raise RemoteError(f"{self.name}: the object {name!r} would leave the folder")
            path = target / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            self._object(name, path)
        return target

    def _object(self, key: str, target: Path) -> bool:
        try:
            answer = self.obstore.get(self.store, key)
        except FileNotFoundError:
            return False
        except Exception as error:
            raise self._failed("read", key, error) from None
        with target.open("wb") as file:
            for chunk in answer.stream(PIECE):
                file.write(chunk)
        return True

    def put(self, key: str, source: Path) -> None:
        """A file under the key, or every file of a folder below it."""
        for path, name in _files(source, key.strip("/")):
            try:
                with path.open("rb") as file:
                    self.obstore.put(self.store, name, file)
            except Exception as error:
                raise self._failed("write", name, error) from None

    def list(self, prefix: str) -> list[str]:
        """The keys that begin with the prefix, in order."""
        try:
            whole = prefix.rpartition("/")[0]
            pages = self.obstore.list(self.store, prefix=whole or None)
            names = [str(entry["path"]) for page in pages for entry in page]
        except FileNotFoundError:
            return []
        except Exception as error:
            raise self._failed("list", prefix, error) from None
        return sorted(name for name in names if name.startswith(prefix) and not name.endswith("/"))

    def delete(self, key: str) -> None:
        """The object, and everything below the key. What is not there is no mistake."""
        for name in [*self.list(f"{key.strip('/')}/"), key.strip("/")]:
            try:
                self.obstore.delete(self.store, name)
            except FileNotFoundError:
                continue
            except Exception as error:
                raise self._failed("delete", name, error) from None

    def make(self) -> None:
        """The bucket itself, if it is not there: by a request that is signed as for an object."""
        import httpx

        url = str(self.obstore.sign(self.store, "PUT", "", timedelta(minutes=5)))
        answer = httpx.put(url, timeout=30)
        if answer.status_code >= 300 and answer.status_code != 409:
            raise RemoteError(f"{self.name} could not be created: {answer.status_code} {answer.text[:300]}")

    def _failed(self, verb: str, key: str, error: Exception) -> RemoteError:
        return RemoteError(f"failed to {verb} {key!r} in {self.name}: {first_line(error)}")


def _files(source: Path, key: str) -> Iterator[tuple[Path, str]]:
    if not source.is_dir():
        yield source, key
        return
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path, f"{key}/{path.relative_to(source).as_posix()}"


def opened(kind: str, where: dict[str, Any], reach: Reach) -> tuple[Bucket, str]:
    """(the bucket, the key in it)."""
    if kind == "s3":
        return _s3(where, reach), str(where.get("key") or "")
    if kind == "gcs":
        return _gcs(where, reach), str(where.get("key") or "")
    return _azure(where, reach), str(where.get("blob") or "")


def _s3(where: dict[str, Any], reach: Reach) -> Bucket:
    library()
    from obstore.store import S3Store  # type: ignore[import-not-found, unused-ignore]

    bucket = _wanted(where, "s3", "bucket")
    endpoint = str(where.get("endpoint") or "s3.amazonaws.com")
    insecure = bool(where.get("insecure"))
    options: dict[str, Any] = {"region": where.get("region") or os.environ.get("AWS_REGION") or "us-east-1"}
    amazon = endpoint.split("/")[-1].endswith("amazonaws.com")
    client: dict[str, Any] = {"allow_http": insecure}
    if not amazon or insecure:
        url = reach.url(endpoint if "://" in endpoint else f"{'http' if insecure else 'https'}://{endpoint}")
        options["endpoint"], client["allow_http"] = url, url.startswith("http://")
    if where.get("caSecret"):
        client["root_certificate"] = str(where["caSecret"])
    access, secret = where.get("accessKeySecret"), where.get("secretKeySecret")
    if access and secret:
        options |= {"access_key_id": str(access).strip(), "secret_access_key": str(secret).strip()}
        if where.get("sessionTokenSecret"):
            options["token"] = str(where["sessionTokenSecret"]).strip()
    elif not where.get("useSDKCreds"):
        options["skip_signature"] = True
    if where.get("roleARN"):
        raise RemoteError("s3.roleARN is not assumed here; give accessKeySecret and secretKeySecret")
    if (where.get("encryptionOptions") or {}).get("enableEncryption"):
        options |= _encryption(where["encryptionOptions"])
    options |= {"client_options": client, "retry_config": _retries()}
    return Bucket(S3Store(bucket, **options), f"bucket {bucket}")


def _encryption(asked: dict[str, Any]) -> dict[str, Any]:
    if asked.get("serverSideCustomerKeySecret"):
        raise RemoteError("s3.encryptionOptions.serverSideCustomerKeySecret is not sent here; use kmsKeyId")
    if asked.get("kmsKeyId"):
        return {"server_side_encryption": "aws:kms", "sse_kms_key_id": asked["kmsKeyId"]}
    return {"server_side_encryption": "AES256"}


def _gcs(where: dict[str, Any], reach: Reach) -> Bucket:
    library()
    from obstore.store import GCSStore

    bucket, key = _wanted(where, "gcs", "bucket"), where.get("serviceAccountKeySecret")
    options: dict[str, Any] = {}
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if emulator:  # as Google's own client: the service account's document may name another place, too
        url = emulator if "://" in emulator else f"http://{emulator}"
        account = {"gcs_base_url": url, "disable_oauth": True, "client_email": "", "private_key": "",
                   "private_key_id": ""}  # fmt: skip
        options = {"service_account_key": json.dumps(account), "client_options": {"allow_http": True}}
    elif key:
        options = {"service_account_key": str(key)}
    elif not os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        options = {"skip_signature": True}
    return Bucket(GCSStore(bucket, retry_config=_retries(), **options), f"bucket {bucket}")


def _azure(where: dict[str, Any], reach: Reach) -> Bucket:
    library()
    from obstore.store import AzureStore

    container = _wanted(where, "azure", "container")
    endpoint = str(where.get("endpoint") or "")
    parts = urlsplit(endpoint)
    options: dict[str, Any] = {}
    if (parts.hostname or "").endswith(".blob.core.windows.net"):
        account = str(parts.hostname).partition(".")[0]
    else:  # an emulator: the account is in the path
        account = parts.path.strip("/").partition("/")[0]
        options["endpoint"] = reach.url(endpoint)
        options["client_options"] = {"allow_http": parts.scheme == "http"}
    if not account:
        raise RemoteError(f"azure.endpoint {endpoint!r} names no account; expected https://ACCOUNT.blob.…")
    if where.get("accountKeySecret"):
        options["account_key"] = str(where["accountKeySecret"]).strip()
    elif not where.get("useSDKCreds"):
        options["skip_signature"] = True
    made = AzureStore(container, account_name=account, retry_config=_retries(), **options)
    return Bucket(made, f"container {container}")


def _retries() -> Any:
    return {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}


def _wanted(where: dict[str, Any], kind: str, field: str) -> str:
    found = where.get(field)
    if not found:
        raise RemoteError(f"{kind}.{field} is required")
    return str(found)


def first_line(problem: BaseException) -> str:
    return (str(problem).strip() or type(problem).__name__).splitlines()[0]
