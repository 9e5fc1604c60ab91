"""What controllers may ask of the data plane: publish endpoints, withdraw them, and what their revisions
did.

An `Endpoint` is the whole truth about one served thing (an InferenceService, later a notebook): which
hosts and paths lead to it, and how its requests are split over its backends. Publishing is
level-triggered: the same picture again changes nothing. Implementations: `client.Connection` (the gateway
process), `memory.Memory` (tests).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Backend(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One revision and where its ready replicas listen.

    `name` is unique in its namespace (`digits-predictor-00002`), without dots. An address is
    `unix:<absolute path>` or `<ip>:<port>`; none at all means that requests wait in the activator until
    there is one. A replica takes requests once a GET of `health` has been answered with 2xx through
    Envoy.
    """

    name: str
    addresses: tuple[str, ...] = ()
    health: str = "/"
    waiting: bool = True
    """With no address: hold requests until there is one (True), or answer 503 with `reason` at once."""
    reason: str = ""
    h2: bool = False
    """It speaks HTTP/2 alone (gRPC): the activator cannot hold a request for it."""
    lenient: bool = False
    """A program of somebody's own: any answer to `health` below 500 says that it is there."""


class Split(msgspec.Struct, frozen=True):
    backend: str
    percent: int


class Route(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Requests of one of `hosts` (without a port) whose path begins with `prefix` (`rewrite` replaces it);
    with `path`, only those whose whole path is matched by that regular expression (RE2), which begins with
    the prefix. The more exact route wins."""

    hosts: tuple[str, ...]
    splits: tuple[Split, ...]
    prefix: str = "/"
    rewrite: str = ""
    path: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a graph's node: another node, or a URL. Fields as KServe's InferenceStep has them."""

    name: str = ""
    node: str = ""
    url: str = ""
    data: str = ""
    weight: int = 0
    condition: str = ""
    hard: bool = False
    """Its failure ends the request."""
    renames: bool = False
    """`predictions` of the step before become its `instances`."""


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """`kind`: Sequence, Switch, Ensemble or Splitter."""

    kind: str
    steps: tuple[Step, ...] = ()


class Graph(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An InferenceGraph: `nodes` has a `root`. `timeout` in seconds for each step, 0: none of its own."""

    nodes: dict[str, Node]
    headers: tuple[str, ...] = ()
    """Regular expressions of further headers that the steps get."""
    timeout: float = 0


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`headers` are set on every request that reaches a backend (KServe-Isvc-Name …); `timeout` in
    seconds.
    """

    namespace: str
    name: str
    routes: tuple[Route, ...]
    backends: tuple[Backend, ...]
    headers: dict[str, str] = {}
    timeout: float = 300
    graph: Graph | None = None
    """Its only backend, of the endpoint's own name, is then the gateway's router (`About.router`)."""
    gate: str = ""
    """Not '': it is shown to a browser's session alone, which begins with an invitation (`Gateway.invite`)
    and ends when this mark becomes another. `Authorization` never passes."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


class Statistics(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one revision did since it was first published, restarts of Envoy included. Times in
    milliseconds.
    """

    requests: int = 0
    errors: int = 0
    """Answers with 5xx."""
    rejected: int = 0
    """Answers with 4xx."""
    active: int = 0
    held: int = 0
    """Requests that wait in the activator now."""
    activations: int = 0
    """Requests that ever had to wait there."""
    healthy: int = 0
    """Replicas whose last health check through Envoy succeeded."""
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class StepStatistics(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one step of a graph did, whoever answers it. Times in milliseconds."""

    node: str
    index: int
    requests: int = 0
    errors: int = 0
    """Answers with 5xx, and none at all."""
    rejected: int = 0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    failed_at: float = 0
    """Seconds since 1970 of the last answer that was none or not a good one."""
    failure: str = ""


class Taken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step that a request took on its way through a graph. Times in milliseconds since the request came.
    Of long messages the beginning is told; `*_size` is the whole.
    """

    node: str
    index: int
    began: float
    took: float
    status: int = 0
    """0: no answer, for the reason in `failure`."""
    failure: str = ""
    request: bytes = b""
    request_size: int = 0
    answer: bytes = b""
    answer_size: int = 0


class Walked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a graph answered, and by which way: its steps in the order in which they began."""

    status: int
    body: bytes
    content_type: str
    took: float
    steps: tuple[Taken, ...] = ()


class About(msgspec.Struct, frozen=True):
    """`domain` carries the port when a browser needs it: `localhost:8081`."""

    port: int
    domain: str
    envoy: str = ""
    restarts: int = 0
    router: str = ""
    """Socket of the program that walks graphs."""


class Refused(Exception):
    """The gateway did not take this picture (a host that another endpoint has, a path that is too long …)."""


class Unreachable(Exception):
    """The gateway process does not answer; whatever it served last it goes on serving, or comes back with."""


class Gateway(Protocol):
    async def about(self) -> About: ...

    async def publish(self, endpoints: Sequence[Endpoint]) -> None:
        """Returns when Envoy routes by it. A backend's share leaves 0 only when it is healthy; until then
        its requests wait in the activator. Other endpoints stay as they are. Raises Refused, Unreachable."""

    async def withdraw(self, keys: Sequence[str]) -> None:
        """Forget endpoints (`namespace/name`): routes at once, backends when their last request is
        answered.
        """

    async def published(self) -> list[str]: ...

    async def invite(self, key: str, location: str) -> str:
        """A link that lets one browser in at the endpoint's gate, once and soon, and shows it `location` (a
        path). Raises Refused: there is no such endpoint, or it has no gate."""

    async def ready(self, namespace: str, backend: str) -> bool:
        """Whether a replica of it is healthy through Envoy, now."""

    async def stats(self) -> dict[str, Statistics]:
        """By `namespace/backend`; backends that were removed are kept as long as their endpoint exists."""

    async def graphs(self) -> dict[str, list[StepStatistics]]:
        """Of every graph (`namespace/name`), each step."""

    async def walk(self, key: str, body: bytes, content_type: str) -> Walked:
        """Ask a graph as a client does, and be told the way. Raises Refused: there is no such graph."""
