"""Which network a pod gets, and the address it has there.

Called by `binder` for every pod that is bound. A pod gets a network of its own if it says that it listens, is
a server, is named in a subdomain, is selected by a Service, or could speak of one: if its namespace has any,
and for a step of a workflow if it does. What runs once and does none of that shares the host's network, which
costs nothing. Invariant: an address belongs to one bound pod; it is
committed with the binding, found again there by the next life of control, and free once the pod is over.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import msgspec

from pinnace.controllers.pods.found import Blocked
from pinnace.kinds.annotations import ISOLATION, SOCKETS, STAGING
from pinnace.kinds.annotations import NETWORK as ANNOTATION
from pinnace.kinds.resource import Obj
from pinnace.node.network import dns
from pinnace.node.network.picture import DOMAIN
from pinnace.node.protocol import Hello, Run

MODES = ("own", "none")
HOST = "127.0.0.1"
LOOPBACK_PREFIX = "127.88"
PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
CLOSED = (
    "nothing outside of the cluster network is reached from it, for want of slirp4netns "
    "(`apt install slirp4netns`) or of /dev/net/tun"
)
FIRST, LAST = 256, 65279
"""Of a /16: the first and the last 256 are not given to pods."""
CLUSTER_IPS = r"10\.(?:9[6-9]|10\d|11[01])\.\d{1,3}\.\d{1,3}"
CLIENTS = (
    r"\b(?:curl|wget|ping|nc|telnet|nslookup|dig|host|getent|ssh|redis-cli|psql|mysql)\s(?:[^|;&\n]*\s)?"
)
"""Programs that take a bare host among their arguments, and those before it."""
PUBLIC = ("default", "kubernetes")


class Assigned(msgspec.Struct, frozen=True):
    """`mode`: own, loopback or none. `why`: what made the pod need its own network ('': it does not).
    `instead`: why it does not have one although it should, or what is missing from the one that it has."""

    mode: str = "none"
    address: str = ""
    why: str = ""
    instead: str = ""

    @property
    def story(self) -> str:
        """For an event; '' for a pod that shares the host's network and wants nothing else."""
        if self.mode == "own":
            closed = f"; {self.instead}" if self.instead else ""
            return f"Add eth0 [{self.address}/16]: a network of its own ({self.why}){closed}"
        if not self.why:
            return ""
        shared = f"address {self.address} of the host" if self.mode == "loopback" else "the host's network"
        return f"{shared} instead of a network of its own ({self.why}): {self.instead}"


NONE = Assigned()


class Addresses:
    def __init__(self) -> None:
        self.holders: dict[str, str] = {}
        """Address → uid of the pod that has it."""
        self.of: dict[str, str] = {}

    def take(self, uid: str, prefix: str) -> str:
        """The same for the same pod; where that is taken, the next free one."""
        known = self.of.get(uid, "")
        if known.startswith(f"{prefix}."):
            return known
        self.give(uid)
        start = int.from_bytes(hashlib.blake2s(uid.encode(), digest_size=4).digest(), "big")
        size = LAST - FIRST
        for step in range(size):
            number = FIRST + (start + step) % size
            address = f"{prefix}.{number >> 8}.{number & 255}"
            if number & 255 not in (0, 255) and address not in self.holders:
                self.adopt(uid, address)
                return address
        raise Blocked(f"every address of {prefix}.0.0/16 is taken")

    def adopt(self, uid: str, address: str) -> None:
        """Known from an earlier life of control, or just taken."""
        self.holders[address] = uid
        self.of[uid] = address

    def give(self, uid: str) -> None:
        address = self.of.pop(uid, None)
        if address is not None:
            self.holders.pop(address, None)


class Services:
    """The Services there are, by namespace, as far as pods are concerned."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Obj]] = {}
        self.words: dict[str, re.Pattern[str]] = {}

    def see(self, service: Obj, *, gone: bool) -> None:
        meta = service["metadata"]
        here = self.known.setdefault(meta["namespace"], {})
        if gone:
            here.pop(meta["name"], None)
        else:
            here[meta["name"]] = service.get("spec") or {}
        self.words.pop(meta["namespace"], None)

    def selecting(self, pod: Obj) -> str:
        """The name of a Service that selects this pod."""
        here = self.known.get(pod["metadata"]["namespace"])
        if not here:
            return ""
        labels = (pod["metadata"].get("labels") or {}).items()
        found = (
            name for name, spec in here.items() if spec.get("selector") and spec["selector"].items() <= labels
        )
        return next(found, "")

    def there(self, namespace: str) -> str:
        """Whether a program may look for one by its name: what it speaks of may stand in its image."""
        found = next((name for name in self.known.get(namespace, ()) if (namespace, name) != PUBLIC), "")
        return f"its namespace has Service {found}" if found else ""

    def mentioned(self, run: Run, prefix: str) -> str:
        """What of the cluster network the pod's own texts speak of."""
        here = self.known.get(run.namespace)
        busy = bool(here) and (len(here or ()) > 1 or run.namespace != PUBLIC[0])
        start = f"{prefix}."
        for text in texts(run):
            if ".svc" in text:
                return "it speaks of a name below .svc"
            if (busy or start in text) and (found := self.pattern(run.namespace, prefix).search(text)):
                return f"it speaks of {found[0].strip(' =@/')}"
        return ""

    def pattern(self, namespace: str, prefix: str) -> re.Pattern[str]:
        """A Service's name where a host stands, or an address of the cluster network."""
        found = self.words.get(namespace)
        if found is None:
            own = self.known.get(namespace, {})
            names = "|".join(re.escape(name) for name in own if (namespace, name) != PUBLIC) or r"(?!)"
            space = re.escape(namespace)
            network = re.escape(prefix) + r"\.\d{1,3}\.\d{1,3}"
            found = self.words[namespace] = re.compile(
                rf"\A(?:{names})\Z|(?:(?:https?:)?//|@|=|{CLIENTS})(?:{names})(?![\w.=-]*\w)"
                rf"|(?<![\w.-])(?:{names})(?::\d|\.{space}(?![\w-]))"
                rf"|(?<![\w.])(?:{network}|{CLUSTER_IPS})(?![\w.])"
            )
        return found

    def variables(self, namespace: str) -> Iterator[tuple[str, str]]:
        """What upstream puts into a container's environment for each Service of its namespace."""
        for name, spec in self.known.get(namespace, {}).items():
            address, ports = spec.get("clusterIP"), spec.get("ports") or ()
            if not ports or address in (None, "", "None") or (namespace, name) == PUBLIC:
                continue
            word = name.upper().replace("-", "_")
            yield f"{word}_SERVICE_HOST", address
            yield f"{word}_SERVICE_PORT", str(ports[0]["port"])
            yield f"{word}_PORT", f"{ports[0].get('protocol', 'TCP').lower()}://{address}:{ports[0]['port']}"
            for port in ports:
                if port.get("name"):
                    called = port["name"].upper().replace("-", "_")
                    yield f"{word}_SERVICE_PORT_{called}", str(port["port"])


def texts(run: Run) -> Iterator[str]:
    for container in (*run.containers, *run.init):
        yield from container.command
        yield from container.args
        for name, value in container.env.items():
            if not name.startswith("KUBERNETES_"):
                yield value
        if container.script:
            yield container.script
        for mount in container.mounts:
            yield from (content.decode(errors="replace") for content in (mount.files or {}).values())


class Networks:
    """`decide` before the pod is resolved, `reconsider` after it; `dress` tells the Run."""

    def __init__(self) -> None:
        self.addresses = Addresses()
        self.services = Services()

    def decide(self, pod: Obj, hello: Hello) -> Assigned:
        why, chosen = self.wanted(pod)
        if chosen == "none":
            return Assigned("none", HOST if pod["spec"].get("hostNetwork") else "")
        return self.assigned(pod, why, hello) if why else NONE

    def reconsider(self, pod: Obj, run: Run, assigned: Assigned, hello: Hello) -> Assigned:
        """A pod that has no network of its own may speak of what only such a pod can reach."""
        if assigned is not NONE:
            return assigned
        why = self.services.mentioned(run, hello.network_prefix or LOOPBACK_PREFIX)
        return self.assigned(pod, why, hello) if why else assigned

    def wanted(self, pod: Obj) -> tuple[str, str]:
        """Why it should have a network of its own; and `none` if it is said to have none."""
        meta, spec = pod["metadata"], pod["spec"]
        annotations = meta.get("annotations") or {}
        asked = annotations.get(ANNOTATION, "")
        if asked and asked not in MODES:
            raise Blocked(f'metadata.annotations[{ANNOTATION}]: "{asked}" is none of {", ".join(MODES)}')
        if asked == "none" or spec.get("hostNetwork"):
            return "", "none"
        if asked == "own":
            return "it asks for one", ""
        if SOCKETS in annotations:
            return "", "none"
        return self.needed(pod, spec), ""

    def needed(self, pod: Obj, spec: Obj) -> str:
        containers = [*spec["containers"], *(spec.get("initContainers") or ())]
        if any(container.get("ports") for container in containers):
            return "it declares ports"
        if port := next(probed(containers), 0):
            return f"a probe asks its port {port}"
        if spec.get("subdomain"):
            return f"it has a name in {spec['subdomain']}"
        if spec.get("restartPolicy", "Always") == "Always":
            return "it is a server"
        if selecting := self.services.selecting(pod):
            return f"Service {selecting} selects it"
        step = STAGING in (pod["metadata"].get("annotations") or {})
        return "" if step else self.services.there(pod["metadata"]["namespace"])

    def assigned(self, pod: Obj, why: str, hello: Hello) -> Assigned:
        asked = (pod["metadata"].get("annotations") or {}).get(ISOLATION, "")
        if asked not in ("", "sandbox"):
            return Assigned("none", HOST, why, f"isolation {asked} has none")
        if hello.network == "none":
            return Assigned("none", HOST, why, hello.network_why)
        own = hello.network == "own"
        prefix = hello.network_prefix if own else LOOPBACK_PREFIX
        address = self.addresses.take(pod["metadata"]["uid"], prefix)
        instead = hello.network_why if not own else "" if hello.network_outside else CLOSED
        return Assigned("own" if own else "loopback", address, why, instead)

    def dress(self, pod: Obj, run: Run, assigned: Assigned) -> None:
        """What the node must know of it."""
        run.network, run.address = assigned.mode, assigned.address
        if assigned.mode == "none":
            return
        spec = pod["spec"]
        names = dict.fromkeys(called(run, spec), assigned.address)
        run.hosts = {**names, **run.hosts}
        if assigned.mode == "own":
            run.ports = sorted(set(declared(spec)))
            run.resolver = resolver(spec, run.namespace)
        if spec.get("enableServiceLinks", True):
            links = dict(self.services.variables(run.namespace))
            for container in (*run.containers, *run.init) if links else ():
                container.env = {**links, **container.env}


def called(run: Run, spec: Obj) -> Iterator[str]:
    """A pod's own names, the canonical one first."""
    if spec.get("subdomain"):
        yield f"{run.hostname}.{spec['subdomain']}.{run.namespace}.svc.{DOMAIN}"
    yield run.hostname


def declared(spec: Obj) -> Iterator[int]:
    for container in (*spec["containers"], *(spec.get("initContainers") or ())):
        for port in container.get("ports") or ():
            if port.get("protocol", "TCP") == "TCP":
                yield int(port["containerPort"])
    yield from probed(spec["containers"])


def probed(containers: list[Obj]) -> Iterator[int]:
    """Ports on which probes ask by number: who is asked there listens there."""
    for container in containers:
        for name in PROBES:
            probe = container.get(name) or {}
            for how in ("httpGet", "tcpSocket", "grpc"):
                asked = probe.get(how)
                if asked and not asked.get("host") and isinstance(asked.get("port"), int):
                    yield asked["port"]


def resolver(spec: Obj, namespace: str) -> str:
    """The text of /etc/resolv.conf, from dnsPolicy and dnsConfig as the kubelet reads them."""
    config = spec.get("dnsConfig") or {}
    servers, search, options = list(config.get("nameservers") or ()), list(config.get("searches") or ()), []
    if spec.get("dnsPolicy") != "None":
        servers.insert(0, dns.ADDRESS)
        search = [f"{namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN, *search]
        options.append("ndots:5")
    for option in config.get("options") or ():
        value = option.get("value")
        options = [each for each in options if each.partition(":")[0] != option["name"]]
        options.append(option["name"] if value is None else f"{option['name']}:{value}")
    lines = [f"search {' '.join(search)}"] if search else []
    lines += [f"nameserver {server}" for server in servers]
    return "\n".join([*lines, *([f"options {' '.join(options)}"] if options else []), ""])
