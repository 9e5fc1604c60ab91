"""Namespaces: the ones every cluster has, what each is born with, and how one is emptied before it goes.

`bootstrap` is awaited by control before it serves; `Namespaces` runs in the manager. Emptying is
level-triggered: a Terminating namespace is looked at until nothing namespaced is left in it, then its
finalizer is taken away.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from pinnace.controllers.built_in import (
    CONFIG_MAP,
    EVENT,
    NAMESPACE,
    POD,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
)
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.moment import stamp
from pinnace.kinds.resource import Obj, Resource
from pinnace.node.network.dns import API as API_ADDRESS
from pinnace.objects.client import DeleteOptions, Options, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.objects.rights import policy
from pinnace.store.interface import Event

log = logging.getLogger("pinnace.namespaces")

FIRST = ("default", "kube-system", "kube-public", "kube-node-lease", "kubeflow")
"""The last is where upstream's installation puts itself, and its examples say that they belong."""
ROOT_CA = "kube-root-ca.crt"
ROOT_CA_NOTE = "The certificate by which a pod can verify this platform's API server"
LOOK_AGAIN = 0.2
PAGE = 100


async def bootstrap(client: Local, port: int = 443) -> None:
    """The first namespaces and the `kubernetes` Service. Idempotent."""
    for name in FIRST:
        if client.peek(NAMESPACE, name) is None:
            with suppress(StatusError):
                await client.create(NAMESPACE, {"metadata": {"name": name}})
    await readdress(client)
    if client.peek(SERVICE, "kubernetes", "default") is None:
        labels = {"component": "apiserver", "provider": "kubernetes"}
        ports = [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]
        spec = {"clusterIP": API_ADDRESS, "ports": ports}
        service = {"metadata": {"name": "kubernetes", "labels": labels}, "spec": spec}
        with suppress(StatusError):
            await client.create(SERVICE, service, "default")


async def readdress(client: Local) -> None:
    """Homes of earlier releases have the Service at another address, which no certificate names."""
    found = client.peek(SERVICE, "kubernetes", "default")
    if found is not None and found["spec"].get("clusterIP") != API_ADDRESS:
        await client.delete(SERVICE, "kubernetes", "default", DeleteOptions(propagation="Background"))


def _conditions(held: Counter[str], holding: Counter[str]) -> dict[str, tuple[str, str, str]]:
    """Type → (status, reason, message), as upstream's namespace deleter has them."""
    remaining = ", ".join(f"{key} has {count} resource instances" for key, count in sorted(held.items()))
    finalizers = ", ".join(f"{key} in {count} resource instances" for key, count in sorted(holding.items()))
    return {
        "NamespaceDeletionDiscoveryFailure":
            ("False", "ResourcesDiscovered", "All resources successfully discovered"),
        "NamespaceDeletionGroupVersionParsingFailure":
            ("False", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
        "NamespaceDeletionContentFailure":
            ("False", "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
        "NamespaceContentRemaining":
            ("True", "SomeResourcesRemain", f"Some resources are remaining: {remaining}"),
        "NamespaceFinalizersRemaining": (
            "True", "SomeFinalizersRemain",
            f"Some content in the namespace has finalizers remaining: {finalizers}",
        ) if holding else
            ("False", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
    }


class Namespaces:
    """`resources` lists every served kind at this moment; `certificate` is the API's CA, if it has one."""

    name = "namespaces"
    watches: tuple[Resource, ...] = (NAMESPACE, SERVICE_ACCOUNT, CONFIG_MAP)

    def __init__(
        self, client: Local, resources: Callable[[], Iterable[Resource]], certificate: Path | None = None,
        *, strict: bool = True,
    ) -> None:
        """Unless `strict`, a new namespace's default account may do what quick-starts let it do."""
        self.strict = strict
        self.client = client
        self.resources = resources
        self.certificate = certificate

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == NAMESPACE.key:
            return () if event.type == "DELETED" else (Key("", event.name),)
        born = "default" if event.resource == SERVICE_ACCOUNT.key else ROOT_CA
        return (Key("", event.namespace),) if event.type == "DELETED" and event.name == born else ()

    async def reconcile(self, key: Key) -> Result:
        namespace = self.client.peek(NAMESPACE, key.name)
        if namespace is None:
            return Result()
        if namespace["metadata"].get("deletionTimestamp"):
            return await self._empty(namespace)
        await self._equip(key.name)
        return Result()

    async def _equip(self, namespace: str) -> None:
        if self.client.peek(SERVICE_ACCOUNT, "default", namespace) is None:
            if not self.strict and not namespace.startswith("kube-"):
                await self._create(ROLE_BINDING, policy.quickstart(), namespace)
            await self._create(SERVICE_ACCOUNT, {"metadata": {"name": "default"}}, namespace)
        if self.certificate is None or not self.certificate.is_file():
            return
        if self.client.peek(CONFIG_MAP, ROOT_CA, namespace) is None:
            meta = {"name": ROOT_CA, "annotations": {"kubernetes.io/description": ROOT_CA_NOTE}}
            data = {"ca.crt": self.certificate.read_text()}
            await self._create(CONFIG_MAP, {"metadata": meta, "data": data}, namespace)

    async def _create(self, resource: Resource, obj: Obj, namespace: str) -> None:
        try:
            await self.client.create(resource, obj, namespace)
        except StatusError as error:
            if error.reason not in ("AlreadyExists", "NotFound", "Forbidden"):
                raise

    async def _empty(self, namespace: Obj) -> Result:
        """Delete what can be deleted; objects that are held (a grace, a finalizer) are waited for."""
        name = namespace["metadata"]["name"]
        held: Counter[str] = Counter()
        holding: Counter[str] = Counter()
        for resource in self._contents():
            for obj in await self._delete_all(resource, name):
                held[f"{resource.plural}.{resource.group}"] += 1
                holding.update(obj["metadata"].get("finalizers") or ())
        if held:
            await self._explain(namespace, held, holding)
            return Result(after=LOOK_AGAIN)
        await self._finalize(name)
        return Result()

    def _contents(self) -> list[Resource]:
        """One version of each namespaced kind that is stored; Events last: they tell of the others' end."""
        found: dict[str, Resource] = {}
        for resource in self.resources():
            if resource.namespaced and "delete" in resource.verbs:
                found.setdefault(resource.key, resource)
        return sorted(found.values(), key=lambda each: (each.key == EVENT.key, each.key != POD.key))

    async def _delete_all(self, resource: Resource, namespace: str) -> list[Obj]:
        """What is still there afterwards."""
        while True:
            page = self.client.peek_list(resource, namespace, Selection(limit=PAGE))
            fresh = [obj for obj in page.items if not obj["metadata"].get("deletionTimestamp")]
            await asyncio.gather(*(self._delete(resource, obj) for obj in fresh))
            if not fresh:
                return page.items

    async def _delete(self, resource: Resource, obj: Obj) -> None:
        meta = obj["metadata"]
        options = DeleteOptions(propagation="Background", uid=meta["uid"])
        with suppress(StatusError):
            await self.client.delete(resource, meta["name"], meta["namespace"], options)

    async def _explain(self, namespace: Obj, held: Counter[str], holding: Counter[str]) -> None:
        """The conditions by which people find what holds a namespace, and who has yet to let go."""
        status = namespace.get("status") or {}
        before = {each.get("type"): each for each in status.get("conditions") or ()}
        told = _conditions(held, holding)
        if all(before.get(kind, {}).get("message") == told[kind][2] for kind in told):
            return
        began = stamp(time.time() - LOOK_AGAIN)
        conditions = [
            {"type": kind, "status": state, "reason": reason, "message": message, "lastTransitionTime":
             before[kind]["lastTransitionTime"] if before.get(kind, {}).get("status") == state else began}
            for kind, (state, reason, message) in told.items()
        ]
        wanted = {**namespace, "status": {**status, "conditions": conditions}}
        await self.client.update(NAMESPACE, wanted, "", Options(subresource="status"))

    async def _finalize(self, name: str) -> None:
        namespace = self.client.peek(NAMESPACE, name)
        if namespace is None:
            return
        spec = {**(namespace.get("spec") or {}), "finalizers": []}
        wanted = {**namespace, "spec": spec}
        try:
            await self.client.update(NAMESPACE, wanted, "", Options(subresource="finalize"))
        except StatusError as error:
            if error.code != 404:
                raise
