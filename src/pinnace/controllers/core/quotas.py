"""`status.hard` and `status.used` of ResourceQuotas: what the door's own books say.

Run by the manager. The books are kept by `objects.budgets`, which refuses what does not fit; here they are
only shown.
"""

from __future__ import annotations

from collections.abc import Callable

from pinnace.controllers.built_in import RESOURCE_QUOTA
from pinnace.controllers.controller import Key, Result
from pinnace.kinds.resource import Resource
from pinnace.objects.budgets.usage import written
from pinnace.objects.client import Options
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event


class Quotas:
    name = "quotas"
    watches: tuple[Resource, ...] = (RESOURCE_QUOTA,)

    def __init__(self, client: Local) -> None:
        self.client = client
        self.ledger = client.house.ledger
        self.wake: Callable[[Key], None] = lambda _key: None
        self.ledger.changed = lambda namespace, name: self.wake(Key(namespace, name))

    def keys(self, event: Event) -> tuple[Key, ...]:
        return () if event.type == "DELETED" else (Key(event.namespace, event.name),)

    async def reconcile(self, key: Key) -> Result:
        quota = self.client.peek(RESOURCE_QUOTA, key.name, key.namespace)
        account = self.ledger.account(key.namespace, key.name)
        if quota is None or account is None:
            return Result()
        used = {name: written(amount, account.hard[name]) for name, amount in account.used.items()}
        status = {"hard": account.hard, "used": used}
        if (quota.get("status") or {}) == status:
            return Result()
        try:
            await self.client.update(
                RESOURCE_QUOTA, {**quota, "status": status}, key.namespace, Options(subresource="status")
            )
        except StatusError as error:
            if error.code not in (404, 409):
                raise
            return Result(after=0.05)
        return Result()
