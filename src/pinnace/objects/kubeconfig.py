"""A kubeconfig as far as a client needs it: where the server is, whom to trust, who we are.

Called by `remote` and the console over a context. Tokens (also from files), client certificates, CA, the
insecure flag, exec plugins. ValueError names what is missing and where.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec


class Access(msgspec.Struct, frozen=True):
    server: str
    tls: ssl.SSLContext | bool
    """A context for https, False for plain http."""
    headers: dict[str, str]
    namespace: str = "default"
    tls_server_name: str = ""
    expires: float = 0.0
    """Unix seconds after which the credentials must be read again; 0: never."""


def paths() -> list[Path]:
    """Where kubeconfigs are, as `kubectl` looks for them."""
    named = [Path(one).expanduser() for one in os.environ.get("KUBECONFIG", "").split(os.pathsep) if one]
    return named or [Path.home() / ".kube" / "config"]


def holding(context: str, files: list[Path]) -> Path:
    """The first of the files that has the context. ValueError lists the contexts that there are."""
    import yaml

    known: list[str] = []
    for path in files:
        with suppress(OSError, yaml.YAMLError):
            document = yaml.safe_load(path.read_text())
            entries = document.get("contexts") if isinstance(document, dict) else None
            known += [str(one.get("name")) for one in entries or () if isinstance(one, dict)]
            if context in known:
                return path
    looked = ", ".join(str(path) for path in files)
    raise ValueError(f"no context {context!r} in {looked} (there: {', '.join(known) or 'none'})")


def read(path: Path, context: str = "") -> Access:
    """`context=""`: the current one."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: no kubeconfig can be read there: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(f"{path}: a kubeconfig is a YAML object")
    chosen = context or str(document.get("current-context") or "")
    place = _named(path, document, "contexts", chosen, "context")
    cluster = _named(path, document, "clusters", place.get("cluster") or "", "cluster")
    user = _named(path, document, "users", place["user"], "user") if place.get("user") else {}
    if not isinstance(cluster.get("server"), str):
        raise ValueError(f"{path}: clusters[{place.get('cluster')}].cluster.server is missing")
    user, expires = _signed_in(user, cluster)
    return Access(
        server=cluster["server"].rstrip("/"),
        tls=_tls(path.parent, cluster, user) if cluster["server"].startswith("https:") else False,
        headers=_headers(path.parent, user),
        namespace=place.get("namespace") or "default",
        tls_server_name=cluster.get("tls-server-name") or "",
        expires=expires,
    )


def _signed_in(user: dict[str, Any], cluster: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """The user with what its exec plugin gives it."""
    if not isinstance(user.get("exec"), dict):
        return user, 0.0
    from pinnace.objects import login  # asked for by few

    given, expires = login.credential(user["exec"], cluster)
    pems = {"client-certificate-data": given["certificate"], "client-key-data": given["key"]}
    coded = {name: base64.b64encode(text.encode()).decode() for name, text in pems.items() if text}
    return {**user, **coded, **({"token": given["token"]} if given["token"] else {})}, expires


def _named(path: Path, document: dict[str, Any], group: str, name: str, kind: str) -> dict[str, Any]:
    entries = [one for one in document.get(group) or [] if isinstance(one, dict)]
    for entry in entries:
        if entry.get("name") == name and isinstance(entry.get(kind), dict):
            found: dict[str, Any] = entry[kind]
            return found
    known = ", ".join(str(entry.get("name")) for entry in entries) or "none"
    raise ValueError(f"{path}: {group} has no entry {name!r} (it has: {known})")


def _headers(folder: Path, user: dict[str, Any]) -> dict[str, str]:
    token = user.get("token")
    if not token and user.get("tokenFile"):
        token = (folder / user["tokenFile"]).read_text().strip()
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password') or ''}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def _tls(folder: Path, cluster: dict[str, Any], user: dict[str, Any]) -> ssl.SSLContext:
    authority = _content(folder, cluster, "certificate-authority")
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _content(folder, user, "client-certificate"), _content(folder, user, "client-key")
    if certificate and key:
        with tempfile.NamedTemporaryFile(suffix=".pem") as both:  # the ssl module loads files only; 0600
            both.write(certificate + b"\n" + key)
            both.flush()
            context.load_cert_chain(both.name)
    return context


def _content(folder: Path, holder: dict[str, Any], name: str) -> bytes | None:
    if inline := holder.get(f"{name}-data"):
        try:
            return base64.b64decode(inline, validate=True)
        except (binascii.Error, TypeError) as error:
            raise ValueError(f"{name}-data of the kubeconfig is no base64") from error
    return (folder / holder[name]).read_bytes() if holder.get(name) else None
