"""Secrets of type `kubernetes.io/service-account-token`: filled with a token that does not expire, and gone
with their account. Source: kubernetes pkg/controller/serviceaccount/tokens_controller.go.
"""

from __future__ import annotations

import base64
from pathlib import Path

from pinnace.controllers.built_in import SECRET, SERVICE_ACCOUNT
from pinnace.controllers.controller import Key, Result
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import DeleteOptions
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.objects.tokens import Tokens
from pinnace.store.interface import Event

TYPE = "kubernetes.io/service-account-token"
NAME, UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"


class AccountSecrets:
    name = "account-secrets"
    watches: tuple[Resource, ...] = (SECRET, SERVICE_ACCOUNT)

    def __init__(self, client: Local, tokens: Tokens, certificate: Path) -> None:
        self.client = client
        self.tokens = tokens
        self.certificate = certificate

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == SECRET.key:
            wanted = event.type != "DELETED" and event.obj.get("type") == TYPE
            return (Key(event.namespace, event.name),) if wanted else ()
        return tuple(
            Key(event.namespace, secret["metadata"]["name"])
            for secret in self.client.peek_list(SECRET, event.namespace).items
            if secret.get("type") == TYPE and _account(secret) == event.name
        )

    async def reconcile(self, key: Key) -> Result:
        secret = self.client.peek(SECRET, key.name, key.namespace)
        if secret is None or secret.get("type") != TYPE:
            return Result()
        account = self.client.peek(SERVICE_ACCOUNT, _account(secret), key.namespace)
        notes = secret["metadata"].get("annotations") or {}
        try:
            if account is None or notes.get(UID, account["metadata"]["uid"]) != account["metadata"]["uid"]:
                if UID in notes:
                    await self.client.delete(SECRET, key.name, key.namespace, DeleteOptions())
            elif not (secret.get("data") or {}).get("token"):
                await self.client.update(SECRET, await self._filled(secret, account), key.namespace)
        except StatusError as error:
            if error.code not in (404, 409):
                raise
        return Result()

    async def _filled(self, secret: Obj, account: Obj) -> Obj:
        meta = secret["metadata"]
        token = (await self.tokens.ready()).legacy(account, meta["name"])
        files = {"token": token.encode(), "namespace": meta["namespace"].encode()}
        if self.certificate.exists():
            files["ca.crt"] = self.certificate.read_bytes()
        data = {name: base64.b64encode(content).decode() for name, content in files.items()}
        notes = {**(meta.get("annotations") or {}), UID: account["metadata"]["uid"]}
        return {
            **secret, "metadata": {**meta, "annotations": notes},
            "data": {**(secret.get("data") or {}), **data},
        }


def _account(secret: Obj) -> str:
    return str((secret["metadata"].get("annotations") or {}).get(NAME, ""))
