"""The Node object: this machine as a cluster would show it, and the Lease by which it is alive.

What the node process says of itself (`facts`) comes from whoever talks to it; this room only writes it
down. Status is written when it changes; the Lease is renewed rarely, since every renewal is a commit of an
idle platform.
"""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Callable

import msgspec

from pinnace import __version__
from pinnace.controllers.built_in import LEASE, NODE
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.moment import micro, stamp
from pinnace.kinds.placement import UNSCHEDULABLE
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

NAME = "pinnace"
LOOK = 1.0
RENEW = 60.0
PODS = "110"
HEALTHY = {
    "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}


class Facts(msgspec.Struct, frozen=True):
    """What is known of the node process; `connected` is whether control talks to it now."""

    connected: bool = False
    milli_cpu: int = 0
    memory: int = 0
    isolation: str = ""
    version: str = __version__


class Machine:
    name = "machine"
    watches: tuple[Resource, ...] = (NODE,)

    def __init__(self, client: Local, facts: Callable[[], Facts]) -> None:
        self.client = client
        self.facts = facts
        self.wake: Callable[[Key], None] = _asleep

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.name != NAME:
            return ()
        uneven = event.type == "DELETED" or cordoned(event.obj) is not None
        return (Key("", NAME),) if uneven else ()

    async def run(self) -> None:
        """Wake when the facts change, and for each renewal."""
        told: Facts | None = None
        renew = 0.0
        loop = asyncio.get_running_loop()
        while True:
            facts = self.facts()
            if facts != told:
                told = facts
                self.wake(Key("", NAME))
            if loop.time() >= renew and facts.connected:
                renew = loop.time() + RENEW
                self.wake(Key("", "lease"))
            await asyncio.sleep(LOOK if not facts.connected else LOOK * 5)

    async def reconcile(self, key: Key) -> Result:
        if key.name == "lease":
            await self._renew()
            return Result()
        facts = self.facts()
        node = self.client.peek(NODE, NAME)
        if node is None:
            try:
                node = await self.client.create(NODE, fresh())
            except StatusError as error:
                if error.code != 409:
                    raise
                return Result(after=0)
        if (spec := cordoned(node)) is not None:
            change = Change(verb="update", resource=NODE, obj={**node, "spec": spec}, trusted=True)
            await self.client.transact([change])
            return Result(after=0)
        status = described(node, facts)
        if status != node.get("status"):
            change = Change(verb="status", resource=NODE, obj={**node, "status": status})
            await self.client.transact([change])
        return Result()

    async def _renew(self) -> None:
        lease = self.client.peek(LEASE, NAME, "kube-node-lease")
        spec = {"holderIdentity": NAME, "leaseDurationSeconds": int(RENEW * 2), "renewTime": micro()}
        if lease is None:
            await self.client.create(LEASE, {"metadata": {"name": NAME}, "spec": spec}, "kube-node-lease")
            return
        changed = {**lease, "spec": spec}
        await self.client.transact([Change(verb="update", resource=LEASE, obj=changed, trusted=True)])


def _asleep(key: Key) -> None:
    """Before the manager runs, nobody is to be woken."""


def cordoned(node: Obj) -> Obj | None:
    """The spec with the taint of a cordoned node, or without it; None if it is right."""
    spec = node.get("spec") or {}
    others = [one for one in spec.get("taints") or () if one["key"] != UNSCHEDULABLE["key"]]
    has = len(others) < len(spec.get("taints") or ())
    if has == bool(spec.get("unschedulable")):
        return None
    taints = others if has else [*others, {**UNSCHEDULABLE, "timeAdded": stamp()}]
    kept = {key: value for key, value in spec.items() if key != "taints"}
    return {**kept, "taints": taints} if taints else kept


def fresh() -> Obj:
    system, machine = platform.system().lower(), _architecture()
    labels = {
        "kubernetes.io/hostname": NAME, "kubernetes.io/os": system, "kubernetes.io/arch": machine,
        "beta.kubernetes.io/os": system, "beta.kubernetes.io/arch": machine,
        "node-role.kubernetes.io/control-plane": "",
    }
    return {"metadata": {"name": NAME, "labels": labels}, "spec": {}}


def described(node: Obj, facts: Facts) -> Obj:
    """The whole status; times of conditions that stay are kept."""
    before = {each["type"]: each for each in (node.get("status") or {}).get("conditions") or ()}
    size = {
        "cpu": _cpu(facts.milli_cpu or (os.cpu_count() or 1) * 1000),
        "memory": f"{facts.memory // 1024}Ki",
        "pods": PODS,
    }
    ready = ("True", "KubeletReady", "kubelet is posting ready status") if facts.connected else (
        "Unknown", "NodeStatusUnknown", "the node process does not answer; the supervisor starts it again"
    )
    wanted = [(kind, "False", *words) for kind, words in HEALTHY.items()] + [("Ready", *ready)]
    return {
        "capacity": size,
        "allocatable": size,
        "conditions": [_condition(before.get(each[0]), *each) for each in wanted],
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": NAME}],
        "nodeInfo": _info(facts),
    }


def _condition(old: Obj | None, kind: str, status: str, reason: str, message: str) -> Obj:
    same = old is not None and old["status"] == status
    moment = old["lastTransitionTime"] if old is not None and same else stamp()
    return {
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": moment, "lastHeartbeatTime": moment,
    }


def _info(facts: Facts) -> Obj:
    return {
        "architecture": _architecture(), "operatingSystem": platform.system().lower(),
        "kernelVersion": platform.release(), "osImage": platform.platform(terse=True),
        "containerRuntimeVersion": f"pinnace://{facts.version}", "kubeletVersion": f"v{facts.version}",
        "kubeProxyVersion": "", "machineID": "", "systemUUID": "", "bootID": "",
    }


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _cpu(milli: int) -> str:
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"
