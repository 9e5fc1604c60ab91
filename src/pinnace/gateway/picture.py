"""From endpoints to Envoy's resources: pure functions, the only place that knows Envoy's configuration.

Each backend is one EDS cluster, `<namespace>/<backend>`. Its replicas are of the first priority; the
activator is the only member of the second, so Envoy itself falls back to it while no replica is healthy,
and comes back alone. Stats are accumulated by cluster name, so the name never holds a dot.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pinnace.gateway.interface import Backend, Endpoint, Route, Split

Json = dict[str, Any]

ACTIVATOR = "activator"
ROUTES = "gateway"
LISTENER = "gateway"
PREFIX = "gateway"
"""`stat_prefix` of the public listener."""
COOKIE = "pinnace_session"
"""Prefix of the console's cookies (api/authentication), which never reach what a user serves."""
CREDENTIALS = "envoy.filters.http.lua"
"""The filter that takes our credentials out. It costs CPU, so it runs only on requests that carry any."""
DOORKEEPER = "doorkeeper"
SESSIONS = "envoy.filters.http.ext_authz"
"""The filter that asks the doorkeeper; it runs on routes of endpoints with a gate."""
ENTRANCE = "/.pinnace/"
"""Below it the doorkeeper itself answers at the host of such an endpoint."""
LONGEST_SOCKET = 107
REVISION = "Knative-Serving-Revision"
NAMESPACE = "Knative-Serving-Namespace"
"""The headers by which Knative's own activator knows what a request is for."""
NOBODY = "-"
MARK = "routes.pinnace.invalid"
"""A host that tells which routes are in force."""
TYPE = "type.googleapis.com/envoy."


class Places(msgspec.Struct, frozen=True):
    """Where this home's gateway keeps its sockets and files."""

    activator: str
    folder: str
    inside: str = ""
    """Where pods with a network of their own come in; '' for nowhere."""
    doorkeeper: str = ""

    def eds(self, cluster: str) -> str:
        return f"{self.folder}/eds/{cluster.replace('/', '~')}.json"

    def file(self, kind: str) -> str:
        return f"{self.folder}/{kind}.json"


def conflict(endpoints: Iterable[Endpoint]) -> str:
    """Why these endpoints cannot be served together, or ''. The first that has a host keeps it."""
    taken: dict[tuple[str, str], str] = {}
    for endpoint in endpoints:
        known = {backend.name for backend in endpoint.backends}
        for route in endpoint.routes:
            missing = [split.backend for split in route.splits if split.backend not in known]
            if missing:
                return f"{endpoint.key}: routes to {missing[0]!r}, which is none of its backends"
            for host in route.hosts:
                other = taken.setdefault((host.lower(), route.path or route.prefix), endpoint.key)
                if other != endpoint.key:
                    return f"{endpoint.key}: the host {host}{route.prefix} belongs to {other} already"
        for backend in endpoint.backends:
            problem = bad_address(backend)
            if problem:
                return f"{endpoint.key}: {problem}"
    return ""


def bad_address(backend: Backend) -> str:
    for address in backend.addresses:
        path = address.removeprefix("unix:")
        if path != address and len(path.encode()) > LONGEST_SOCKET:
            return f"the socket path {path} is longer than the {LONGEST_SOCKET} bytes that the system allows"
        if path == address and not address.rpartition(":")[2].isdigit():
            return f"the address {address!r} is neither unix:<path> nor <ip>:<port>"
    return ""


def cluster_name(namespace: str, backend: str) -> str:
    return f"{namespace}/{backend}"


def clusters(endpoints: Iterable[Endpoint], places: Places) -> dict[str, Json]:
    return {
        cluster_name(endpoint.namespace, backend.name): cluster(endpoint.namespace, backend, places)
        for endpoint in endpoints
        for backend in endpoint.backends
    }


def cluster(namespace: str, backend: Backend, places: Places) -> Json:
    name = cluster_name(namespace, backend.name)
    return {
        "@type": f"{TYPE}config.cluster.v3.Cluster",
        "name": name,
        "type": "EDS",
        "connect_timeout": "1s",
        "eds_cluster_config": {"eds_config": source(places.eds(name))},
        "lb_policy": "LEAST_REQUEST",
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"},
        "health_checks": [health_check(backend.health, lenient=backend.lenient)],
        "outlier_detection": ejection(),
        "typed_extension_protocol_options": upstream_options(h2=backend.h2),
        "circuit_breakers": {"thresholds": [{"max_connections": 4096, "max_pending_requests": 10000,
                                             "max_requests": 10000, "max_retries": 1000}]},
    }


def health_check(path: str, *, lenient: bool = False) -> Json:
    timing: Json = {
        "timeout": "2s",
        "interval": "5s",
        "no_traffic_interval": "0.1s",
        "no_traffic_healthy_interval": "5s",
        "unhealthy_interval": "0.1s",
        "unhealthy_edge_interval": "0.5s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    }
    if not path:
        return {**timing, "tcp_health_check": {}}
    probe = {
        "host": "probe",
        "path": path,
        "expected_statuses": [{"start": 200, "end": 500 if lenient else 300}],
        "request_headers_to_add": [header("K-Network-Probe", "gateway")],
    }
    return {**timing, "http_health_check": probe}


def ejection() -> Json:
    """A replica that does not even accept a connection leaves at once; what it answers is its own
    business.
    """
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 1,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        "interval": "1s",
        "base_ejection_time": "1s",
        "max_ejection_time": "2s",
        "max_ejection_percent": 100,
    }


def upstream_options(*, h2: bool = False) -> Json:
    """Idle connections end before uvicorn's own five seconds would, else a request may meet a closing one.
    gRPC speaks HTTP/2 from its first byte."""
    spoken = "http2_protocol_options" if h2 else "http_protocol_options"
    return {
        f"{TYPE}extensions.upstreams.http.v3.HttpProtocolOptions".removeprefix("type.googleapis.com/"): {
            "@type": f"{TYPE}extensions.upstreams.http.v3.HttpProtocolOptions",
            "common_http_protocol_options": {"idle_timeout": "4s"},
            "explicit_http_config": {spoken: {}},
        }
    }


def assignment(namespace: str, backend: Backend, places: Places) -> Json:
    replicas = [{"endpoint": {"address": address(where)}} for where in backend.addresses]
    activator = {
        "endpoint": {
            "address": address(f"unix:{places.activator}"),
            "health_check_config": {"disable_active_health_check": True},
        }
    }
    return {
        "@type": f"{TYPE}config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster_name(namespace, backend.name),
        "endpoints": [
            {"priority": 0, "lb_endpoints": replicas},
            {"priority": 1, "lb_endpoints": [activator]},
        ],
        # One healthy replica of many takes everything: the activator is no spare capacity.
        "policy": {"overprovisioning_factor": 1_000_000},
    }


def address(where: str) -> Json:
    path = where.removeprefix("unix:")
    if path != where:
        return {"pipe": {"path": path}}
    host, _, port = where.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def route_configuration(endpoints: Sequence[Endpoint], domain: str) -> Json:
    """One virtual host a host name; what nobody has goes to the activator, which names the nearest."""
    by_host: dict[str, list[tuple[tuple[int, bool], Json]]] = {}
    for endpoint in endpoints:
        for route in sorted(endpoint.routes, key=exactness):
            for host in route.hosts:
                found = by_host.setdefault(host.lower(), [])
                found.extend((exactness(route), one) for one in passages(endpoint, route))
                if endpoint.gate:
                    found.append(((-len(ENTRANCE), False), entrance()))
    groups: dict[bytes, list[str]] = {}
    sorted_: dict[str, list[Json]] = {}
    for host, ranked in by_host.items():
        ranked.sort(key=lambda pair: pair[0])
        routes = sorted_[host] = [one for _, one in ranked]
        groups.setdefault(msgspec.json.encode(routes), []).append(host)
    hosts: list[Json] = [
        {"name": names[0], "domains": names, "routes": [*sorted_[names[0]], *nowhere(sorted_[names[0]])]}
        for names in groups.values()
    ]
    mark = hashlib.blake2s(msgspec.json.encode(hosts), digest_size=8).hexdigest()
    said = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": mark}}}
    hosts.append({"name": MARK, "domains": [MARK], "routes": [said]})
    hosts.append({"name": "nobody", "domains": ["*"], "routes": nowhere([])})
    return {
        "@type": f"{TYPE}config.route.v3.RouteConfiguration",
        "name": ROUTES,
        "ignore_port_in_host_matching": True,
        "virtual_hosts": hosts,
    }


def mark_of(routes: Json) -> str:
    """What a worker of Envoy that has these routes answers at the host MARK."""
    found = next(host for host in routes["virtual_hosts"] if host["name"] == MARK)
    return str(found["routes"][0]["direct_response"]["body"]["inline_string"])


def exactness(route: Route) -> tuple[int, bool]:
    """Sorts the longest prefix first, and before it what names whole paths under it."""
    return (-len(route.prefix), not route.path)


def passages(endpoint: Endpoint, route: Route) -> list[Json]:
    made = one_route(endpoint, route)
    return [gated(made)] if endpoint.gate else guarded(made)


def gated(route: Json) -> Json:
    """For a session alone; neither it nor any other credential goes on."""
    on = {"@type": f"{TYPE}config.route.v3.FilterConfig", "config": {}}
    return {
        **route, "typed_per_filter_config": {SESSIONS: on, CREDENTIALS: on},
        "request_headers_to_remove": ["authorization", "proxy-authorization"],
    }


def entrance() -> Json:
    return {"match": {"prefix": ENTRANCE}, "route": {"cluster": DOORKEEPER, "timeout": "5s"}}


def guarded(route: Json) -> list[Json]:
    """The route, and before it the same for requests that carry credentials, with the filter for them."""
    filtered = {CREDENTIALS: {"@type": f"{TYPE}config.route.v3.FilterConfig", "config": {}}}
    carrying: list[Json] = [
        {"name": "authorization", "present_match": True},
        {"name": "cookie", "string_match": {"contains": COOKIE}},
    ]
    return [
        *(
            {**route, "match": {**route["match"], "headers": [one]}, "typed_per_filter_config": filtered}
            for one in carrying
        ),
        route,
    ]


def nowhere(routes: list[Json]) -> list[Json]:
    if any(route["match"].get("prefix") == "/" for route in routes):
        return []
    return [{
        "match": {"prefix": "/"},
        "route": {"cluster": ACTIVATOR, "timeout": "5s"},
        "request_headers_to_add": [header(REVISION, NOBODY), header(NAMESPACE, NOBODY)],
    }]


def one_route(endpoint: Endpoint, route: Route) -> Json:
    shares = [split for split in route.splits if split.percent > 0]
    action: Json = {
        "timeout": seconds(endpoint.timeout),
        "idle_timeout": seconds(endpoint.timeout),
        "retry_policy": retry(),
        "upgrade_configs": [{"upgrade_type": "websocket"}],
    }
    if route.rewrite and route.path:
        pattern = {"regex": f"^{re.escape(route.prefix)}"}
        action["regex_rewrite"] = {"pattern": pattern, "substitution": route.rewrite}
    elif route.rewrite:
        action["prefix_rewrite"] = route.rewrite
    if shares:
        action["weighted_clusters"] = {"clusters": [share(endpoint, split) for split in shares]}
    else:
        action["cluster"] = ACTIVATOR
    extra = [header(name, value) for name, value in endpoint.headers.items()]
    if not shares:
        first = route.splits[0].backend if route.splits else NOBODY
        extra += [header(REVISION, first), header(NAMESPACE, endpoint.namespace)]
    match: Json = {"safe_regex": {"regex": route.path}} if route.path else {"prefix": route.prefix}
    return {"match": match, "route": action, "request_headers_to_add": extra}


def share(endpoint: Endpoint, split: Split) -> Json:
    return {
        "name": cluster_name(endpoint.namespace, split.backend),
        "weight": split.percent,
        "request_headers_to_add": [header(REVISION, split.backend), header(NAMESPACE, endpoint.namespace)],
    }


def retry() -> Json:
    """Only what certainly never reached a model is sent again, and then to the activator, which waits."""
    return {
        "retry_on": "connect-failure,refused-stream,reset-before-request",
        "num_retries": 3,
        "retry_priority": {
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {
                "@type": f"{TYPE}extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                "update_frequency": 1,
            },
        },
        "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"},
    }


def header(name: str, value: str) -> Json:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def seconds(value: float) -> str:
    return f"{value:.3f}s"


def source(path: str) -> Json:
    return {"path_config_source": {"path": path}, "resource_api_version": "V3", "initial_fetch_timeout": "2s"}


def discovery(resources: list[Json], version: str) -> bytes:
    """The content of one xDS file."""
    return msgspec.json.encode({"version_info": version, "resources": resources})
