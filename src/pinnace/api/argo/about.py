"""What the server tells of itself and of who asks. Source: upstream server/info."""

from __future__ import annotations

import platform

from pinnace import __version__
from pinnace.api.argo.call import Call, Entry
from pinnace.api.argo.errors import absent
from pinnace.kinds.resource import Obj

UPSTREAM = "v4.1.2"
"""The release of Argo Workflows whose behaviour is followed."""
ACCOUNT = "system:serviceaccount:"


async def info(call: Call) -> Obj:
    return {
        "managedNamespace": "", "links": [], "columns": [], "navColor": "",
        "modals": {"feedback": False, "firstTimeUser": False, "newVersion": False},
    }


async def version(call: Call) -> Obj:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return {
        "version": f"{UPSTREAM}+pinnace-{__version__}", "buildDate": "1970-01-01T00:00:00Z", "gitCommit": "",
        "gitTag": UPSTREAM, "gitTreeState": "clean", "goVersion": f"python{platform.python_version()}",
        "compiler": "cpython", "platform": f"{platform.system().lower()}/{machine}",
    }


async def user(call: Call) -> Obj:
    identity = call.request.identity
    found: Obj = {"subject": identity.user, "issuer": "pinnace", "groups": list(identity.groups)}
    if identity.user.startswith(ACCOUNT):
        namespace, _, name = identity.user.removeprefix(ACCOUNT).partition(":")
        found |= {"serviceAccountName": name, "serviceAccountNamespace": namespace}
    return found


async def tracked(call: Call) -> Obj:
    """Upstream's page counts clicks; nobody counts here."""
    await call.document()
    return {}


async def elsewhere(call: Call) -> Obj:
    raise absent("Argo Events is not part of this platform: send events to /api/v1/events/{namespace}")


ROUTES: list[Entry] = [
    ("GET", "/api/v1/info", info),
    ("GET", "/api/v1/version", version),
    ("GET", "/api/v1/userinfo", user),
    ("POST", "/api/v1/tracking/event", tracked),
    *((method, f"/api/v1/{place}(/{{rest*}})?", elsewhere) for method in ("GET", "POST", "PUT", "DELETE")
      for place in ("event-sources", "sensors", "stream/event-sources", "stream/sensors")),
]
