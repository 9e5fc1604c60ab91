"""What the namespaces with a ResourceQuota have used, and whether a write still fits.

One per house. `Local` asks `check` while it holds `turn` to the end of its commit: so of two writes that came
at once only one is judged at a time, and both cannot take the last place. The store tells of each commit
before it is answered, so the books are up to date when the next turn begins. Namespaces without quotas cost
one look. Source: kubernetes apiserver pkg/admission/plugin/resourcequota/controller.go.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from decimal import Decimal
from typing import Any, Protocol

from pinnace.kinds import quantity
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals
from pinnace.objects.budgets import usage
from pinnace.objects.document import name_of, namespace_of
from pinnace.store.interface import Event, Store

QUOTAS = "resourcequotas"
ZERO = Decimal(0)


class Kinds(Protocol):
    def resources(self) -> list[Resource]: ...


class Account:
    """One quota: what it counts and how much of it is used."""

    def __init__(self, quota: Obj) -> None:
        self.quota = quota
        self.hard: dict[str, str] = (quota.get("spec") or {}).get("hard") or {}
        self.used: dict[str, Decimal] = dict.fromkeys(self.hard, ZERO)

    def of(self, key: str, obj: Obj | None) -> dict[str, Decimal]:
        """What of an object this quota counts."""
        if obj is None or not usage.counts(self.quota, key, obj):
            return {}
        return {name: amount for name, amount in usage.of(key, obj).items() if name in self.hard}

    def move(self, key: str, old: Obj | None, new: Obj | None) -> None:
        for name, amount in self.of(key, old).items():
            self.used[name] -= amount
        for name, amount in self.of(key, new).items():
            self.used[name] += amount


class Ledger:
    """`changed` is called with (namespace, quota) when its books moved."""

    def __init__(self, store: Store, kinds: Kinds) -> None:
        self.store = store
        self.kinds = kinds
        self.changed: Callable[[str, str], None] = lambda _namespace, _name: None
        self._places: dict[str, dict[str, Account]] = {}
        self._objects: dict[str, dict[tuple[str, str], Obj]] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        for quota in store.list(QUOTAS, None).items:
            self._open(quota)
        store.listen(self._told)

    @property
    def idle(self) -> bool:
        """No namespace has a quota."""
        return not self._places

    def turn(self, namespaces: Iterable[str]) -> AbstractAsyncContextManager[Any]:
        """To be held from `check` to the end of the commit."""
        if not self._places:
            return nullcontext()
        counted = sorted({place for place in namespaces if place in self._places})
        return self._locks[counted[0]] if counted else nullcontext()

    def account(self, namespace: str, name: str) -> Account | None:
        return self._places.get(namespace, {}).get(name)

    def check(self, writes: Sequence[tuple[Resource, Obj | None, Obj]]) -> None:
        """(kind, before, after) of one commit. StatusError 403 names the quota that would be exceeded."""
        if not self._places:
            return
        asked: defaultdict[tuple[str, str], dict[str, Decimal]] = defaultdict(dict)
        for resource, old, new in writes:
            for name, account in self._places.get(namespace_of(new), {}).items():
                self._check(account, resource, old, new, asked[namespace_of(new), name])

    def _check(
        self, account: Account, resource: Resource, old: Obj | None, new: Obj, asked: dict[str, Decimal]
    ) -> None:
        after, before = account.of(resource.key, new), account.of(resource.key, old)
        quota = name_of(account.quota)
        if resource.key == "pods" and old is None and after and (lacking := usage.unsaid(account.hard, new)):
            raise refusals.forbidden(
                resource, name_of(new), f"failed quota: {quota}: must specify {'; '.join(lacking)}"
            )
        more = {name: amount - before.get(name, ZERO) for name, amount in after.items()}
        more = {name: amount for name, amount in more.items() if amount > 0}
        over = []
        for name, amount in more.items():
            asked[name] = asked.get(name, ZERO) + amount
            if account.used[name] + asked[name] > quantity.parse(account.hard[name]):
                over.append(name)
        if over:
            raise refusals.forbidden(resource, name_of(new), self._exceeded(account, sorted(over), more))

    def _exceeded(self, account: Account, over: list[str], more: dict[str, Decimal]) -> str:
        def listed(amounts: dict[str, Decimal]) -> str:
            return ",".join(f"{name}={usage.written(amounts[name], account.hard[name])}" for name in over)

        limited = ",".join(f"{name}={account.hard[name]}" for name in over)
        return (
            f"exceeded quota: {name_of(account.quota)}, requested: {listed(more)}, "
            f"used: {listed(account.used)}, limited: {limited}"
        )

    # ---- the books -------------------------------------------------------------------------------------

    def _told(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.resource == QUOTAS:
                self._quota(event)
            if event.namespace in self._places:
                self._moved(event)

    def _quota(self, event: Event) -> None:
        if event.type != "DELETED":
            account = self.account(event.namespace, event.name)
            if account is None or account.quota.get("spec") != event.obj.get("spec"):
                self._open(event.obj)
            return
        accounts = self._places.get(event.namespace, {})
        accounts.pop(event.name, None)
        if not accounts:
            self._places.pop(event.namespace, None)
            self._objects.pop(event.namespace, None)

    def _open(self, quota: Obj) -> None:
        namespace, account = namespace_of(quota), Account(quota)
        if namespace not in self._objects:
            self._objects[namespace] = self._counted(namespace)
        for (key, _), obj in self._objects[namespace].items():
            account.move(key, None, obj)
        self._places.setdefault(namespace, {})[name_of(quota)] = account
        self.changed(namespace, name_of(quota))

    def _counted(self, namespace: str) -> dict[tuple[str, str], Obj]:
        keys = {one.key for one in self.kinds.resources() if one.namespaced and "create" in one.verbs}
        return {
            (key, name_of(obj)): obj
            for key in keys for obj in self.store.list(key, namespace).items
        }

    def _moved(self, event: Event) -> None:
        objects, place = self._objects[event.namespace], (event.resource, event.name)
        old = objects.get(place)
        new = None if event.type == "DELETED" else event.obj
        if new is not None:
            objects[place] = new
        else:
            objects.pop(place, None)
        for name, account in self._places[event.namespace].items():
            before = dict(account.used)
            account.move(event.resource, old, new)
            if account.used != before:
                self.changed(event.namespace, name)
