"""Deployments and what else keeps Pods running."""

from __future__ import annotations

from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.workloads.autoscalers import Autoscalers
from pinnace.controllers.workloads.cronjobs import CronJobs
from pinnace.controllers.workloads.daemonsets import DaemonSets
from pinnace.controllers.workloads.deployments import Deployments
from pinnace.controllers.workloads.replicasets import ReplicaSets
from pinnace.controllers.workloads.statefulsets import StatefulSets


def reconcilers(platform: Platform) -> list[Reconciler]:
    client = platform.client
    return [
        Deployments(client), ReplicaSets(client), StatefulSets(client), DaemonSets(client), CronJobs(client),
        Autoscalers(client, platform.catalogue, platform.measuring.measure),
    ]
