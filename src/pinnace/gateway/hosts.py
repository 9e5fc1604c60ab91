"""The names under which KServe's endpoints are reached, and the nearest one to a name that nobody has.

Pure; the serving controller builds routes and status URLs with it. Sources: kserve
pkg/constants/constants.go and config/configmap/inferenceservice.yaml (`domainTemplate`).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

DOCUMENTED = "example.com"
"""The domain of KServe's own configuration and of every `-H Host:` line in its documentation."""

INGRESS = "istio-ingressgateway.istio-system"
"""The gateway's own name inside pods."""


def bare(domain: str) -> str:
    """`localhost:8081` → `localhost`."""
    host, colon, port = domain.rpartition(":")
    return host if colon and port.isdigit() else domain


def knative(service: str, namespace: str, domain: str) -> tuple[str, ...]:
    """Every host of a Knative service: outside, in the documentation, and the forms inside a cluster."""
    stem = f"{service}.{namespace}"
    return tuple(dict.fromkeys((f"{stem}.{bare(domain)}", f"{stem}.{DOCUMENTED}", *cluster(stem))))


def standard(service: str, namespace: str, domain: str) -> tuple[str, ...]:
    stem = f"{service}-{namespace}"
    return tuple(dict.fromkeys((f"{stem}.{bare(domain)}", f"{stem}.{DOCUMENTED}")))


def cluster(stem: str) -> tuple[str, ...]:
    return (f"{stem}.svc.cluster.local", f"{stem}.svc", stem)


def paths(domain: str) -> tuple[str, ...]:
    """Hosts of the path form `/serving/<namespace>/<name>/…`, for people."""
    named = (bare(domain), "localhost", "127.0.0.1", "[::1]", *cluster(INGRESS))
    return tuple(dict.fromkeys(named))


def nearest(host: str, known: Iterable[str]) -> str:
    """The known host most like `host`, or '' if none is."""
    found = get_close_matches(host, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""
