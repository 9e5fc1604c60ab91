"""What every platform has, whichever families it leaves out."""

from __future__ import annotations

from pinnace.cli.given import Platform
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.core.account_secrets import AccountSecrets
from pinnace.controllers.core.claims import Claims
from pinnace.controllers.core.endpoints import EndpointsOfServices
from pinnace.controllers.core.expiry import Expiry
from pinnace.controllers.core.garbage import Garbage
from pinnace.controllers.core.machine import Machine
from pinnace.controllers.core.namespaces import Namespaces
from pinnace.controllers.core.quotas import Quotas
from pinnace.controllers.core.roles import AggregatedRoles
from pinnace.controllers.core.services import ServiceNames
from pinnace.controllers.core.taints import Taints
from pinnace.controllers.pods.refreshing import Refreshing
from pinnace.controllers.recorder import Recorder


def reconcilers(platform: Platform) -> list[Reconciler]:
    client, resources = platform.client, platform.catalogue.resources
    return [
        platform.pods,
        Refreshing(client, platform.home, platform.pods.refresh),
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
            client, platform.pods.publish, platform.home.api_socket, Recorder(client, "service-controller"),
            platform.home.ingress_socket,
        ),
        Machine(client, platform.machine),
        Expiry(client),
        Taints(client),
    ]
