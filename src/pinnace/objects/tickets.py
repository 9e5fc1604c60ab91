"""A pod's ticket: by it the registry knows which pod speaks, as long as that pod lives.

The node makes one for each pod that may log to MLflow (`node/tracking`), control checks it; both derive the
key from the home's token, so nothing is kept and nothing goes out of date while a long training runs. A
ticket opens the registry's paths and nothing else (`api.app`). Invariant: it ends with the pod's binding.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.kinds.passes import PREFIX, key_of, opened
from pinnace.objects.client import Identity
from pinnace.objects.tokens import identity_of
from pinnace.store.interface import Store

POD_UID = "authentication.kubernetes.io/pod-uid"
ACCOUNT = "system:serviceaccount:"
BINDING = "binding"
"""The row that stands while the node has a pod."""


def said(identity: Identity) -> dict[str, str]:
    """What is known of who asks: its pod, if it showed a ticket or a token of its own, and its namespace."""
    found = {"pod": next((values[0] for key, values in identity.extra if key == POD_UID), "")}
    if identity.user.startswith(ACCOUNT):
        found["workspace"] = identity.user.split(":")[2]
    return {key: text for key, text in found.items() if text}


def looks_like_one(text: str) -> bool:
    return text.startswith(PREFIX)


def check(store: Store, token: str, text: str) -> Identity | None:
    """`token` is the home's. None: no ticket of ours, or of a pod that is over."""
    uid = opened(key_of(token), text)
    body = store.row(BINDING, uid) if uid else None
    if body is None:
        return None
    run: dict[str, Any] = msgspec.msgpack.decode(body)[-1]
    pod = store.get("pods", run["namespace"], run["name"])
    if pod is None or pod["metadata"]["uid"] != uid:
        return None
    account = pod["spec"].get("serviceAccountName") or "default"
    return identity_of(run["namespace"], account, extra=((POD_UID, (uid,)),))


__all__ = ["POD_UID", "check", "looks_like_one"]
