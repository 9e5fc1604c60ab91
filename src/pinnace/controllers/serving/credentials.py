"""What a remote store is asked with: a service account's secrets, and the secret `storage-config`.

Values stay in the secrets: pods get references. Source: kserve pkg/credentials/service_account_credentials.go
and pkg/credentials/{s3,gcs,https}.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from pinnace.controllers.built_in import SECRET, SERVICE_ACCOUNT
from pinnace.controllers.serving.selection import Problem
from pinnace.controllers.serving.storage import Access
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Client
from pinnace.objects.errors import StatusError

CONFIG = "storage-config"
SECRET_NAME = f"{serving.GROUP}/storageSecretName"
FETCHED = ("s3://", "gs://", "hf://", "oci://", "http://", "https://")
GOOGLE = "gcloud-application-credentials.json"
GOOGLE_FOLDER = "/var/secrets"
KEYS = {
    "AWS_ACCESS_KEY_ID": ("AWS_ACCESS_KEY_ID", "awsAccessKeyID"),
    "AWS_SECRET_ACCESS_KEY": ("AWS_SECRET_ACCESS_KEY", "awsSecretAccessKey"),
    **{name: (name,) for name in (
        "AWS_SESSION_TOKEN", "HF_TOKEN", "AZURE_STORAGE_ACCESS_KEY", "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID",
    )},
}
"""Variable → the keys of a secret that it may come from."""
NOTES = {
    "s3-region": "AWS_DEFAULT_REGION", "s3-useanoncredential": "awsAnonymousCredential",
    "s3-verifyssl": "S3_VERIFY_SSL", "s3-cabundle": "AWS_CA_BUNDLE",
}


async def wanted(client: Client, isvc: Obj, component: Obj) -> tuple[str, Access]:
    """The URI of a component's model ('' for none), and what to ask for it with. Raises Problem."""
    model, namespace = component.get("model") or {}, isvc["metadata"]["namespace"]
    if model.get("storage"):
        return await by_config(client, model["storage"], namespace)
    uri = str(model.get("storageUri") or custom(component))
    if not uri.startswith(FETCHED):
        return uri, Access()
    return uri, await by_account(client, isvc, str(component.get("serviceAccountName") or "default"))


async def initializer(client: Client, uri: str) -> Obj:
    """The container of the ClusterStorageContainer that takes this URI; {} for none."""
    if not uri.startswith(FETCHED):
        return {}
    for each in (await client.list(serving.STORAGE_CONTAINER)).items:
        spec = each.get("spec") or {}
        if not each.get("disabled") and any(takes(one, uri) for one in spec.get("supportedUriFormats") or ()):
            return dict(spec.get("container") or {})
    return {}


def takes(one: Obj, uri: str) -> bool:
    """RE2, as a cluster's rules are."""
    import re2

    if one.get("prefix"):
        return uri.startswith(str(one["prefix"]))
    try:
        return bool(one.get("regex")) and re2.match(str(one["regex"]), uri) is not None
    except re2.error:
        return False


def with_uri(component: Obj, uri: str) -> Obj:
    """The component, as if this were its model's place."""
    return {**component, "model": {"storageUri": uri}}


def custom(component: Obj) -> str:
    """A container of one's own asks by its variable STORAGE_URI."""
    own: Obj = next((c for c in component.get("containers") or () if c.get("name") == serving.CONTAINER), {})
    env = {entry.get("name"): entry.get("value") for entry in own.get("env") or ()}
    return str(env.get("STORAGE_URI") or "")


async def by_account(client: Client, isvc: Obj, account: str) -> Access:
    namespace = isvc["metadata"]["namespace"]
    chosen = serving.notes(isvc).get(SECRET_NAME)
    names = [chosen] if chosen else await secrets_of(client, account, namespace)
    access = Access()
    for name in names:
        secret = await found(client, name, namespace)
        if secret is not None:
            access = joined(access, of_secret(secret))
    return access


async def secrets_of(client: Client, account: str, namespace: str) -> list[str]:
    try:
        obj = await client.get(SERVICE_ACCOUNT, account, namespace)
    except StatusError as error:
        if error.code != 404:
            raise
        return []
    return [entry["name"] for entry in obj.get("secrets") or () if entry.get("name")]


async def found(client: Client, name: str, namespace: str) -> Obj | None:
    try:
        return await client.get(SECRET, name, namespace)
    except StatusError as error:
        if error.code != 404:
            raise
        return None


def of_secret(secret: Obj) -> Access:
    """Pure: what one secret is good for."""
    name, data = secret["metadata"]["name"], secret.get("data") or {}
    env: list[Obj] = []
    for variable, keys in KEYS.items():
        key = next((key for key in keys if key in data), "")
        if key:
            env.append(reference(variable, name, key))
    env += by_notes(serving.notes(secret))
    if "https-host" in data and "headers" in data:
        env.append(reference(f"{decoded(data['https-host'])}-headers", name, "headers"))
    endpoints = [str(one["value"]) for one in env if one["name"] == "AWS_ENDPOINT_URL"]
    if GOOGLE not in data:
        return Access(env=tuple(env), places=tuple(endpoints))
    volume = {"name": "user-gcp-sa", "secret": {"secretName": name}}
    mount = {"name": "user-gcp-sa", "mountPath": GOOGLE_FOLDER, "readOnly": True}
    env.append({"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": f"{GOOGLE_FOLDER}/{GOOGLE}"})
    return Access(env=tuple(env), volumes=(volume,), mounts=(mount,))


def by_notes(notes: dict[str, str]) -> list[Obj]:
    """The annotations `serving.kserve.io/s3-*` of a secret."""
    said = {key.partition("/")[2]: value for key, value in notes.items() if key.startswith(serving.GROUP)}
    env: list[Obj] = [{"name": NOTES[key], "value": said[key]} for key in NOTES if key in said]
    endpoint = said.get("s3-endpoint", "")
    if endpoint:
        scheme = "http" if said.get("s3-usehttps") == "0" else "https"
        where = endpoint if "://" in endpoint else f"{scheme}://{endpoint}"
        env.append({"name": "AWS_ENDPOINT_URL", "value": where})
    return env


async def by_config(client: Client, given: Obj, namespace: str) -> tuple[str, Access]:
    """`storage: {key, path, parameters}`, by the secret storage-config. Raises Problem."""
    name = str(given.get("key") or "")
    secret = await found(client, CONFIG, namespace)
    data = (secret or {}).get("data") or {}
    type_ = (given.get("parameters") or {}).get("type") or ""
    key = name or next((each for each in (f"default_{type_}", "default") if each in data), "default")
    if key not in data:
        known = ", ".join(sorted(data)) or "nothing"
        where = f"the secret {CONFIG} of namespace {namespace}"
        text = f"storage.key: {where} has no entry {key!r}, it has {known}"
        raise Problem("InvalidPredictorSpec", text, waiting=True)
    entry = parsed(decoded(data[key])) | (given.get("parameters") or {})
    if entry.get("type") not in ("s3", None):
        raise Problem("InvalidPredictorSpec", f"storage of type {entry['type']} is not fetched here; s3 is")
    uri = f"s3://{entry.get('bucket') or ''}/{str(given.get('path') or '').lstrip('/')}"
    place = str(entry.get("endpoint_url") or "")
    return uri, Access(env=(reference("STORAGE_CONFIG", CONFIG, key),), places=(place,) if place else ())


def parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Problem("InvalidPredictorSpec", f"an entry of the secret {CONFIG} is a JSON object")
    return found


def decoded(value: str) -> str:
    return base64.b64decode(value).decode(errors="replace").strip()


def reference(variable: str, secret: str, key: str) -> Obj:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def joined(first: Access, second: Access) -> Access:
    return Access(
        env=(*first.env, *second.env), volumes=(*first.volumes, *second.volumes),
        mounts=(*first.mounts, *second.mounts), places=(*first.places, *second.places),
    )
