"""A kubeconfig as far as a client needs it: where the server is, whom to trust, who we are.

Called by `remote` and the console over a context. Tokens (also from files), client certificates, CA, the
insecure flag, exec plugins, proxies, impersonation. ValueError names what is missing and where; what would
be asked of the server as somebody else than the kubeconfig says is refused, never passed over.
"""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from pinnace.objects.kubefiles import Files, Merged, merged

TOKEN_SECONDS = 60.0
"""So long is the token of a file taken for the one that is there: whoever wrote it may write another."""


class Access(msgspec.Struct, frozen=True):
    server: str
    tls: ssl.SSLContext | bool
    """A context for https, False for plain http."""
    headers: dict[str, str]
    namespace: str = "default"
    tls_server_name: str = ""
    expires: float = 0.0
    """Unix seconds after which the credentials must be read again; 0: never."""
    proxy: str | None = None


def context_in(context: str, files: Files) -> Merged:
    """ValueError lists the contexts that there are."""
    found = merged(files)
    if context not in found.groups["contexts"]:
        known = ", ".join(found.groups["contexts"]) or "none"
        raise ValueError(f"no context {context!r} in {found.looked} (there: {known})")
    return found


def read(files: Files, context: str = "") -> Access:
    """`context=""`: the current one."""
    known = merged(files)
    place = known.named("contexts", context or known.current).value
    name = place.get("cluster") or ""
    where = known.named("clusters", name)
    who = known.named("users", place["user"]) if place.get("user") else None
    cluster = {**where.value, **_authority(where.folder, where.value)}
    if not isinstance(cluster.get("server"), str) or not cluster["server"]:
        raise ValueError(f"{known.looked}: clusters[{name}].cluster.server is missing")
    folder, user = (who.folder, who.value) if who else (where.folder, {})
    server = _url(cluster, user)
    user, expires = _signed_in(folder, user, {**cluster, "server": server})
    return Access(
        server=server,
        tls=_tls(cluster, folder, user) if server.startswith("https:") else False,
        headers={**_headers(user), **_impersonation(user)},
        namespace=place.get("namespace") or "default",
        tls_server_name=cluster.get("tls-server-name") or "",
        expires=expires,
        proxy=_proxy(cluster, server),
    )


def _url(cluster: dict[str, Any], user: dict[str, Any]) -> str:
    """`host:port` alone means https where there is anything of TLS, as client-go has it."""
    server = str(cluster["server"]).rstrip("/")
    if "://" in server:
        return server
    marks = ("certificate-authority-data", "insecure-skip-tls-verify", "tls-server-name")
    secured = any(cluster.get(one) for one in marks) or any(name.startswith("client-cert") for name in user)
    return f"{'https' if secured else 'http'}://{server}"


def _signed_in(folder: Path, user: dict[str, Any], cluster: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """The user with what its exec plugin or its token's file gives it, and until when."""
    if isinstance(user.get("exec"), dict):
        from pinnace.objects import login  # asked for by few

        given, expires = login.credential(user["exec"], cluster, folder)
        pems = {"client-certificate-data": given["certificate"], "client-key-data": given["key"]}
        coded = {name: base64.b64encode(text.encode()).decode() for name, text in pems.items() if text}
        return {**user, **coded, **({"token": given["token"]} if given["token"] else {})}, expires
    if provider := user.get("auth-provider"):
        name = provider.get("name") if isinstance(provider, dict) else provider
        hint = "kubectl dropped these for exec plugins; name one in users[].user.exec"
        raise ValueError(f"auth-provider {name!r}: {hint}")
    if user.get("tokenFile"):
        return {**user, "token": _token(folder / user["tokenFile"], user)}, time.time() + TOKEN_SECONDS
    return user, 0.0


def _token(path: Path, user: dict[str, Any]) -> str:
    """What the file holds goes before what the kubeconfig holds."""
    try:
        return path.read_text().strip()
    except OSError as error:
        if user.get("token"):
            return str(user["token"])
        raise ValueError(f"tokenFile {path}: {error.strerror}") from error


def _headers(user: dict[str, Any]) -> dict[str, str]:
    if token := user.get("token"):
        return {"Authorization": f"Bearer {token}"}
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password') or ''}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def _impersonation(user: dict[str, Any]) -> dict[str, str]:
    """Several groups or extras would need one header several times."""
    if not user.get("as"):
        return {}
    groups = user.get("as-groups") or []
    if len(groups) > 1 or user.get("as-user-extra"):
        raise ValueError("users[].user: several as-groups, and as-user-extra, are not supported here")
    given = {
        "Impersonate-User": user["as"], "Impersonate-Uid": user.get("as-uid"),
        "Impersonate-Group": groups[0] if groups else None,
    }
    return {name: str(value) for name, value in given.items() if value}


def _proxy(cluster: dict[str, Any], server: str) -> str | None:
    """`proxy-url`, else the environment's, which is never asked for what is on this machine."""
    if given := cluster.get("proxy-url"):
        return _usable(str(given))
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(server)
    host = parts.hostname or ""
    here = host in ("localhost", "::1") or host.startswith("127.")
    return None if here or proxy_bypass(host) else getproxies().get(parts.scheme)


def _usable(proxy: str) -> str:
    from importlib.util import find_spec

    if proxy.startswith(("http://", "https://")) or (proxy.startswith("socks5") and find_spec("socksio")):
        return proxy
    raise ValueError(f"proxy-url {proxy!r}: http and https are supported; socks5 where socksio is installed")


def _authority(folder: Path, cluster: dict[str, Any]) -> dict[str, str]:
    """The CA inline, as a plugin is told of it."""
    found = _content(folder, cluster, "certificate-authority")
    return {"certificate-authority-data": base64.b64encode(found).decode()} if found else {}


def _tls(cluster: dict[str, Any], folder: Path, user: dict[str, Any]) -> ssl.SSLContext:
    authority = _content(folder, cluster, "certificate-authority")
    try:
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    except (ssl.SSLError, UnicodeDecodeError) as error:
        raise ValueError(f"certificate-authority of the kubeconfig holds no certificate: {error}") from error
    # Clusters sign with CAs that lack what RFC 5280 wants, and Go's clients take them.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _content(folder, user, "client-certificate"), _content(folder, user, "client-key")
    if certificate and key:
        _present(context, certificate, key)
    return context


def _present(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".pem") as both:  # the ssl module loads files only; 0600
        both.write(certificate + b"\n" + key)
        both.flush()
        try:
            context.load_cert_chain(both.name)
        except ssl.SSLError as error:
            words = "client-certificate and client-key of the kubeconfig are no pair"
            raise ValueError(f"{words}: {error}") from error


def _content(folder: Path, holder: dict[str, Any], name: str) -> bytes | None:
    if inline := holder.get(f"{name}-data"):
        try:
            return base64.b64decode(inline, validate=True)
        except (binascii.Error, TypeError) as error:
            raise ValueError(f"{name}-data of the kubeconfig is no base64") from error
    if not holder.get(name):
        return None
    path = folder / str(holder[name])
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{name} {path}: {error.strerror}") from error
