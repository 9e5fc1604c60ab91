"""A kubeconfig's exec plugin (`users[].user.exec`): a program that says who we are, for a while.

Called by `kubeconfig`. Source of the protocol: client.authentication.k8s.io/v1 and v1beta1. ValueError names
the program and what it said; what it printed on standard output, a credential, is never told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

SECONDS = 300.0
"""So long may a plugin take: some ask a person to sign in by a browser."""
VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
EXTENSION = "client.authentication.k8s.io/exec"
TOLD = (
    "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url",
    "disable-compression",
)


def credential(
    plugin: dict[str, Any], cluster: dict[str, Any], folder: Path
) -> tuple[dict[str, Any], float]:
    """What the plugin says, as fields of a kubeconfig's user; when it expires (unix seconds, 0: never).

    `folder` holds the kubeconfig: `command: ./sign-in` is beside it.
    """
    version = str(plugin.get("apiVersion") or "")
    command = str(plugin.get("command") or "")
    if version not in VERSIONS:
        raise ValueError(f"exec plugin {command!r}: apiVersion {version!r} is none of {', '.join(VERSIONS)}")
    there = _interactive(command, str(plugin.get("interactiveMode") or "IfAvailable"))
    status = _status(command, _run(plugin, command, folder, _asked(version, plugin, cluster, there)))
    fields = {
        "token": status.get("token"), "certificate": status.get("clientCertificateData"),
        "key": status.get("clientKeyData"),
    }
    if not fields["token"] and not (fields["certificate"] and fields["key"]):
        raise ValueError(f"exec plugin {command!r} gave neither a token nor a certificate with its key")
    return fields, _expiry(status.get("expirationTimestamp"))


def _interactive(command: str, mode: str) -> bool:
    """Whether the plugin may ask the person at this terminal."""
    there = sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
    if mode == "Always" and not there:
        raise ValueError(f"exec plugin {command!r} asks a person: start this in a terminal")
    return there and mode != "Never"


def _asked(version: str, plugin: dict[str, Any], cluster: dict[str, Any], there: bool) -> dict[str, Any]:
    spec: dict[str, Any] = {"interactive": there}
    if plugin.get("provideClusterInfo"):
        told = {name: cluster[name] for name in TOLD if cluster.get(name)}
        extensions = cluster.get("extensions") or ()
        config = next((one.get("extension") for one in extensions if one.get("name") == EXTENSION), None)
        spec["cluster"] = {"server": cluster.get("server"), **told, **({"config": config} if config else {})}
    return {"apiVersion": version, "kind": "ExecCredential", "spec": spec}


def _run(plugin: dict[str, Any], command: str, folder: Path, asked: dict[str, Any]) -> str:
    given = {str(one["name"]): str(one.get("value") or "") for one in plugin.get("env") or ()}
    environment = {**os.environ, **given, "KUBERNETES_EXEC_INFO": json.dumps(asked)}
    program = str(folder / command) if "/" in command else command
    there = asked["spec"]["interactive"]
    try:
        done = subprocess.run(
            [program, *(str(word) for word in plugin.get("args") or ())], env=environment, text=True,
            timeout=SECONDS, check=False, stdout=subprocess.PIPE,
            stdin=None if there else subprocess.DEVNULL, stderr=None if there else subprocess.PIPE,
        )
    except FileNotFoundError:
        hint = str(plugin.get("installHint") or "install it, or put it on the PATH")
        raise ValueError(f"exec plugin {command!r} is not there: {hint}") from None
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise ValueError(f"exec plugin {command!r} could not be run: {problem}") from None
    if done.returncode != 0:
        said = (done.stderr or "").strip()[-500:] or "nothing"
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
