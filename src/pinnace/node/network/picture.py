"""Which names there are: Services and their pods, as kube-dns would answer. Pure.

`holder.py` keeps one; `dns.py` asks it, and the node writes hosts files from it where pods share the host's
network. Source of the rules: kubernetes/dns docs/specification.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pinnace.node.network.messages import Service

DOMAIN = "cluster.local"


class Pointer(msgspec.Struct, frozen=True):
    """An SRV record."""

    port: int
    target: str


class Answer(msgspec.Struct, frozen=True):
    """`known` False: there is no such name (NXDOMAIN)."""

    known: bool
    addresses: tuple[str, ...] = ()
    pointers: tuple[Pointer, ...] = ()
    alias: str = ""


UNKNOWN = Answer(False)
EMPTY = Answer(True)


class Picture:
    def __init__(self) -> None:
        self.services: dict[tuple[str, str], Service] = {}
        self.namespaces: dict[str, int] = {}

    def put(self, service: Service) -> None:
        key = (service.namespace, service.name)
        if key not in self.services:
            self.namespaces[key[0]] = self.namespaces.get(key[0], 0) + 1
        self.services[key] = service

    def drop(self, namespace: str, name: str) -> None:
        if self.services.pop((namespace, name), None) is not None:
            self.namespaces[namespace] -= 1
            if not self.namespaces[namespace]:
                del self.namespaces[namespace]

    def ask(self, name: str) -> Answer | None:
        """`name` lower-case and without the last dot. None: it is none of the cluster's."""
        if name == DOMAIN:
            return EMPTY
        if not name.endswith(f".{DOMAIN}"):
            return None
        labels = name.removesuffix(f".{DOMAIN}").split(".")
        if labels[-1] == "svc":
            return self.service(labels[:-1])
        if labels[-1] == "pod":
            return self.pod(labels[:-1])
        return UNKNOWN

    def service(self, labels: list[str]) -> Answer:
        if not labels:
            return EMPTY
        if len(labels) == 1:
            return EMPTY if labels[0] in self.namespaces else UNKNOWN
        found = self.services.get((labels[-1], labels[-2]))
        if found is None:
            return UNKNOWN
        more = labels[:-2]
        if not more:
            return whole(found)
        if len(more) == 1:
            return of_host(found, more[0])
        return of_port(found, more[0], more[1]) if len(more) == 2 else UNKNOWN

    def pod(self, labels: list[str]) -> Answer:
        """`10-88-1-2.namespace.pod…`"""
        parts = labels[0].split("-") if len(labels) == 2 else []
        if len(parts) != 4 or not all(part.isdigit() and int(part) < 256 for part in parts):
            return UNKNOWN
        return Answer(True, (".".join(parts),))

    def named(self, address: str) -> str:
        """The name of an address, for reverse questions; '' if none."""
        for service in self.services.values():
            if service.address == address:
                return full(service)
            for pod, host in service.pods:
                if pod == address and host:
                    return f"{host}.{full(service)}"
        return ""

    def hosts(self, namespace: str) -> Iterator[tuple[str, str]]:
        """(name, address) as lines of a hosts file for pods of this namespace: the first pod of a Service
        stands for all."""
        for service in self.services.values():
            short = f"{service.name}.{service.namespace}"
            stems = [short, f"{short}.svc", full(service)]
            if service.namespace == namespace:
                stems.insert(0, service.name)
            for address, host in service.pods:
                if host:
                    yield from ((f"{host}.{stem}", address) for stem in stems)
            if service.pods:
                yield from ((stem, service.pods[0][0]) for stem in stems)


def full(service: Service) -> str:
    return f"{service.name}.{service.namespace}.svc.{DOMAIN}"


def whole(service: Service) -> Answer:
    if service.external:
        return Answer(True, alias=service.external)
    if service.address:
        return Answer(True, (service.address,))
    addresses = tuple(dict.fromkeys(address for address, _ in service.pods))
    return Answer(True, addresses) if addresses else UNKNOWN


def of_host(service: Service, host: str) -> Answer:
    addresses = tuple(address for address, name in service.pods if host in (name, dashed(address)))
    return Answer(True, addresses) if addresses and not service.address else UNKNOWN


def of_port(service: Service, port: str, protocol: str) -> Answer:
    """`_http._tcp.web…`: where each pod behind a headless Service listens, or the Service itself does."""
    found = [
        each for each in service.ports
        if each.name and port == f"_{each.name}" and protocol == f"_{each.protocol.lower()}"
    ]
    if not found:
        return UNKNOWN
    if service.address:
        return Answer(True, pointers=tuple(Pointer(each.number, full(service)) for each in found))
    hosts = dict(service.pods)
    return Answer(True, pointers=tuple(
        Pointer(port, f"{hosts.get(address) or dashed(address)}.{full(service)}")
        for each in found for address, port in each.targets
    ))


def dashed(address: str) -> str:
    return address.replace(".", "-")
