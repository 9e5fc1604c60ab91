"""How a program finds the registry by itself: MLflow's variables, with a ticket of its pod.

Called for containers that may have an MLflow client: those with a Python of an environment, an image or an
engine. What a manifest says of MLflow itself stands, and then nothing is added: a ticket must not go to
somebody else's server.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from pinnace.kinds.passes import key_of, written

ADDRESS, TICKET = "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN"
HOST, PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"
SAID = ("MLFLOW_TRACKING_", "MLFLOW_REGISTRY_URI")


def variables(uid: str, env: Mapping[str, str], token: Path) -> dict[str, str]:
    """`env`: what the container is given; `token`: the home's file. {}: none of ours."""
    host, port = env.get(HOST), env.get(PORT)
    if not host or not port or any(name.startswith(SAID) for name in env):
        return {}
    key = _key(token)
    return {ADDRESS: f"http://{host}:{port}", TICKET: written(key, uid)} if key else {}


@lru_cache(maxsize=4)
def _key(token: Path) -> bytes:
    try:
        return key_of(token.read_text().strip())
    except OSError:
        return b""
