"""A kubeconfig's exec plugin (`users[].user.exec`): a program that says who we are, for a while.

Called by `kubeconfig`. Source of the protocol: client.authentication.k8s.io/v1 and v1beta1. ValueError names
the program and what it said; what it printed on standard output, a credential, is never told.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime
from typing import Any

SECONDS = 60.0
"""So long may a plugin take: some ask a person to sign in by a browser."""
VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


def credential(plugin: dict[str, Any], cluster: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """What the plugin says, as fields of a kubeconfig's user; when it expires (unix seconds, 0: never)."""
    version = str(plugin.get("apiVersion") or "")
    command = str(plugin.get("command") or "")
    if version not in VERSIONS:
        raise ValueError(f"exec plugin {command!r}: apiVersion {version!r} is none of {', '.join(VERSIONS)}")
    status = _status(command, _run(plugin, command, _asked(version, plugin, cluster)))
    fields = {
        "token": status.get("token"), "certificate": status.get("clientCertificateData"),
        "key": status.get("clientKeyData"),
    }
    if not fields["token"] and not (fields["certificate"] and fields["key"]):
        raise ValueError(f"exec plugin {command!r} gave neither a token nor a certificate with its key")
    return fields, _expiry(status.get("expirationTimestamp"))


def _asked(version: str, plugin: dict[str, Any], cluster: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = {"server": cluster.get("server"), **{
            name: cluster[name] for name in ("certificate-authority-data", "insecure-skip-tls-verify")
            if name in cluster
        }}
    return {"apiVersion": version, "kind": "ExecCredential", "spec": spec}


def _run(plugin: dict[str, Any], command: str, asked: dict[str, Any]) -> str:
    given = {str(one["name"]): str(one.get("value") or "") for one in plugin.get("env") or ()}
    environment = {**os.environ, **given, "KUBERNETES_EXEC_INFO": json.dumps(asked)}
    words = [command, *(str(word) for word in plugin.get("args") or ())]
    try:
        done = subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        hint = str(plugin.get("installHint") or "install it, or put it on the PATH")
        raise ValueError(f"exec plugin {command!r} is not there: {hint}") from None
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise ValueError(f"exec plugin {command!r} could not be run: {problem}") from None
    if done.returncode != 0:
        said = done.stderr.strip()[-500:] or "nothing"
        raise ValueError(f"exec plugin {command!r} ended with {done.returncode}; it said: {said}")
    return done.stdout


def _status(command: str, printed: str) -> dict[str, Any]:
    try:
        found = json.loads(printed)
    except ValueError:
        found = None
    status = found.get("status") if isinstance(found, dict) else None
    if not isinstance(status, dict):
        raise ValueError(f"exec plugin {command!r} printed no ExecCredential with a status")
    return status


def _expiry(text: Any) -> float:
    if not isinstance(text, str) or not text:
        return 0.0
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
