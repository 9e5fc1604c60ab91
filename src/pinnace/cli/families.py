"""Which families there are, and what each is given. `control` builds the platform from this list alone.

A new family is one entry here, a module in `kinds/` and a package in `controllers/`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from pinnace.api.context import Route
from pinnace.api.http import Request
from pinnace.api.kfp import tasks
from pinnace.api.kfp.face import Face
from pinnace.cli.garbage import collect
from pinnace.cli.usage import Measuring
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.core.account_secrets import AccountSecrets
from pinnace.controllers.core.claims import Claims
from pinnace.controllers.core.claims import bootstrap as create_classes
from pinnace.controllers.core.endpoints import EndpointsOfServices
from pinnace.controllers.core.expiry import Expiry
from pinnace.controllers.core.garbage import Garbage
from pinnace.controllers.core.jobs import Jobs
from pinnace.controllers.core.machine import Facts, Machine
from pinnace.controllers.core.namespaces import Namespaces
from pinnace.controllers.core.namespaces import bootstrap as create_namespaces
from pinnace.controllers.core.quotas import Quotas
from pinnace.controllers.core.roles import AggregatedRoles
from pinnace.controllers.core.roles import bootstrap as create_roles
from pinnace.controllers.core.services import ServiceNames
from pinnace.controllers.core.taints import Taints
from pinnace.controllers.jobset.controller import JobSets
from pinnace.controllers.pipelines.runs import PipelineRuns
from pinnace.controllers.pipelines.schedules import Schedules
from pinnace.controllers.pods.controller import Pods
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.serving import bootstrap, statistics
from pinnace.controllers.serving.graphs import InferenceGraphs
from pinnace.controllers.serving.older import OlderServices
from pinnace.controllers.serving.reconciler import InferenceServices
from pinnace.controllers.serving.storage import Artifact
from pinnace.controllers.trainer.controller import TrainJobs
from pinnace.controllers.training.controller import TrainingJobs
from pinnace.controllers.tuning.crew import Crew
from pinnace.controllers.tuning.experiments import Experiments
from pinnace.controllers.tuning.suggestions import Suggestions
from pinnace.controllers.tuning.trials import Trials
from pinnace.controllers.workflow.controller import Workflows
from pinnace.controllers.workloads.autoscalers import Autoscalers
from pinnace.controllers.workloads.cronjobs import CronJobs
from pinnace.controllers.workloads.daemonsets import DaemonSets
from pinnace.controllers.workloads.deployments import Deployments
from pinnace.controllers.workloads.replicasets import ReplicaSets
from pinnace.controllers.workloads.statefulsets import StatefulSets
from pinnace.data.blobs import Blobs
from pinnace.gateway.client import Connection
from pinnace.gateway.interface import Unreachable
from pinnace.home import Home
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.serving import CLUSTER_SERVING_RUNTIME, INFERENCE_SERVICE
from pinnace.objects.client import Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.objects.tokens import Tokens, identity_of
from pinnace.store.sqlite import SqliteStore

LOG_TAIL = 2000


class UnknownFamily(Exception):
    """`--without` names a family that there is not."""


class Platform:
    """What the families share. Made once by control."""

    def __init__(
        self, home: Home, store: SqliteStore, catalogue: Catalogue, client: Local, *, strict: bool = False
    ) -> None:
        """`strict`: no account may anything before somebody grants it."""
        self.strict = strict
        self.home = home
        self.store = store
        self.catalogue = catalogue
        self.client = client
        self.tokens = Tokens(home, store)
        self.gateway = Connection(home)
        self.pods = Pods(client, store, home, tokens=self.tokens)
        self.measuring = Measuring(self.pods, client)
        client.runs_in(lambda: self.machine().isolation)

    async def bootstrap(self, port: int) -> None:
        """The objects that every platform has, before anybody may ask for them."""
        await create_namespaces(self.client, port)
        await create_classes(self.client)
        await create_roles(self.client)
        for runtime in bootstrap.runtimes():
            with suppress(StatusError):
                await self.client.create(CLUSTER_SERVING_RUNTIME, runtime)

    def machine(self) -> Facts:
        hello = self.pods.hello
        if hello is None:
            return Facts()
        return Facts(
            self.pods.connected, hello.capacity_milli_cpu, hello.capacity_memory, hello.isolation
        )

    def artifact(self, namespace: str, key: str) -> Artifact | None:
        """What the local artifact repository has under a key."""
        body = self.store.row("artifact", namespace, key)
        return msgspec.json.decode(body, type=Artifact) if body is not None else None

    def log_tail(self, uid: str, container: str, restart: int) -> str:
        """The last words of a container."""
        with suppress(OSError), self.home.log(uid, container, restart).open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - LOG_TAIL))
            return log.read().decode(errors="replace")
        return ""

    def node_problem(self) -> str:
        """For `/readyz`: '' when steps can be started."""
        return "" if self.pods.connected else "the node is not connected yet"

    async def close(self) -> None:
        await self.gateway.close()


def core(platform: Platform) -> list[Reconciler]:
    client, resources = platform.client, platform.catalogue.resources
    return [
        platform.pods,
        AggregatedRoles(client),
        Quotas(client),
        AccountSecrets(client, platform.tokens, platform.home.certificates / "ca.crt"),
        Namespaces(
            client, resources, platform.home.certificates / "ca.crt", strict=platform.strict
        ),
        Garbage(client, platform.catalogue),
        Claims(client, platform.home.volumes),
        EndpointsOfServices(client),
        ServiceNames(
            client, platform.pods.publish, platform.home.api_socket, Recorder(client, "service-controller")
        ),
        Machine(client, platform.machine),
        Expiry(client),
        Taints(client),
    ]


def jobs(platform: Platform) -> list[Reconciler]:
    return [Jobs(platform.client)]


def workloads(platform: Platform) -> list[Reconciler]:
    client = platform.client
    return [
        Deployments(client), ReplicaSets(client), StatefulSets(client), DaemonSets(client), CronJobs(client),
        Autoscalers(client, platform.catalogue, platform.measuring.measure),
    ]


def jobset(platform: Platform) -> list[Reconciler]:
    return [JobSets(platform.client)]


def kfp(platform: Platform) -> list[Reconciler]:
    return [PipelineRuns(platform.client, tasks.details), Schedules(platform.client)]


def serving(platform: Platform) -> list[Reconciler]:
    return [
        InferenceServices(
            platform.client, platform.gateway, Recorder(platform.client, "inferenceservice-controller"),
            artifacts=platform.artifact, volumes=platform.home.volumes, tail=platform.log_tail,
        ),
        InferenceGraphs(
            platform.client, platform.gateway, Recorder(platform.client, "inferencegraph-controller")
        ),
        OlderServices(platform.client),
    ]


def trainer(platform: Platform) -> list[Reconciler]:
    return [TrainJobs(platform.client)]


def training(platform: Platform) -> list[Reconciler]:
    return [TrainingJobs(platform.client)]


def tuning(platform: Platform) -> list[Reconciler]:
    client, store = platform.client, platform.store
    return [
        Experiments(client),
        Suggestions(client, store, Crew()),
        Trials(client, store, platform.catalogue, platform.home),
    ]


def workflow(platform: Platform) -> list[Reconciler]:
    recorder = Recorder(platform.client, "workflow-controller")
    blobs = Blobs(platform.home.data)
    return [
        Workflows(
            platform.client, platform.store, platform.catalogue, blobs=blobs, recorder=recorder,
            actor=lambda namespace, name: platform.client.as_(identity_of(namespace, name)),
            isolation=lambda: platform.machine().isolation,
        )
    ]


FAMILIES: Mapping[str, Callable[[Platform], list[Reconciler]]] = {
    "jobs": jobs,
    "workloads": workloads,
    "serving": serving,
    "jobset": jobset,
    "trainer": trainer,
    "training": training,
    "tuning": tuning,
    "workflow": workflow,
    "kfp": kfp,
}
"""`--without NAME` leaves a family's objects to a controller of the user's own."""


def built(platform: Platform, without: frozenset[str]) -> list[Reconciler]:
    """Raises UnknownFamily."""
    if unknown := without - FAMILIES.keys():
        raise UnknownFamily(f"--without {min(unknown)}: there is {', '.join(FAMILIES)}")
    chosen = [make for name, make in FAMILIES.items() if name not in without]
    return [one for make in (core, *chosen) for one in make(platform)]


def routes(platform: Platform) -> list[Route]:
    async def status(request: Request) -> None:
        await request.json(200, await describe(platform))

    async def endpoints(request: Request) -> None:
        namespace = request.query.get("namespace", "")
        page = await platform.client.as_(request.identity).list(INFERENCE_SERVICE, namespace, Selection())
        stats = {}
        with suppress(Unreachable):
            stats = await platform.gateway.stats()
        await request.json(200, statistics.document(page.items, stats))

    async def gc(request: Request) -> None:
        await request.text(200, (await collect(platform.home, platform.store)).text())

    return [
        *Face(platform.client.as_).routes(),
        Route("/pinnace/v1/status", status),
        Route("/pinnace/v1/endpoints", endpoints),
        Route("/pinnace/v1/gc", gc, frozenset({"POST"})),
    ]


async def describe(platform: Platform) -> dict[str, Any]:
    """What `pinnace status` shows beside the processes."""
    hello = platform.pods.hello
    gateway = "not reachable"
    with suppress(Unreachable):
        gateway = f"http://{(await platform.gateway.about()).domain}"
    return {
        "isolation": hello.isolation if hello else "unknown: the node is not connected",
        "network": hello.network if hello else "unknown",
        "gateway": gateway,
    }
