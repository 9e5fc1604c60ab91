"""Credentials of service accounts as folders that pods see: token, ca.crt, namespace; renewed in place.

Called by `binder` before a pod is bound, and once a minute to renew. What runs to its end shares one folder
and one token of its account: making a token and three files for each step would cost more than the step.
What stays (restartPolicy Always), and every projected `serviceAccountToken`, gets tokens bound to the pod.
Invariant: a folder is complete before the pod is sent, and a token in it is replaced by a rename.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from pinnace.controllers.built_in import SERVICE_ACCOUNT
from pinnace.controllers.pods.found import Blocked, Reference
from pinnace.home import Home
from pinnace.kinds.resource import Obj
from pinnace.node.network import dns
from pinnace.node.paths import plain
from pinnace.objects.client import Transactional
from pinnace.objects.errors import StatusError
from pinnace.objects.tokens import Tokens, expiry
from pinnace.store.interface import Event

LIFE = 3607
"""Seconds of a token that nobody asked for by name, as upstream's."""
SPENT = 0.8
"""A token is renewed when so much of its life is over."""
LOOK_AGAIN = 60.0
OWN = "kube-api-access"


class Wanted(msgspec.Struct, frozen=True):
    """One token in a folder of a pod."""

    path: str
    audience: str = ""
    seconds: int = LIFE


class Laid(msgspec.Struct, frozen=True):
    """A volume with tokens among its files: control lays it out, because it renews them there."""

    folder: str
    files: Mapping[str, bytes]
    modes: Mapping[str, int]
    tokens: tuple[Wanted, ...]


class Shared(msgspec.Struct):
    """The folder of one account. `mounts`: whether its pods see one unless they say otherwise."""

    account: Obj
    folder: str
    mounts: bool
    due: float


def variables(host: str, port: int) -> dict[str, str]:
    """By which every client library finds the API."""
    number = str(port)
    return {
        "KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": number,
        "KUBERNETES_SERVICE_PORT_HTTPS": number,
    }


class Accounts:
    """Without `tokens` no pod has any. `api`: where pods reach the API server."""

    def __init__(self, client: Transactional, home: Home, tokens: Tokens | None = None) -> None:
        self.client = client
        self.home = home
        self.tokens = tokens
        self.api: tuple[str, int] | None = None
        self._shared: dict[tuple[str, str], Shared] = {}
        self._due: dict[str, float] = {}

    @property
    def env(self) -> dict[str, str]:
        """What every container finds in its environment."""
        return variables(*self.api) if self.api else {}

    @property
    def inside(self) -> dict[str, str]:
        """The same in the cluster network."""
        return variables(dns.API, 443) if self.api else {}

    def changed(self, event: Event) -> None:
        """A ServiceAccount was written or is gone."""
        shared = self._shared.pop((event.namespace, event.name), None)
        if event.type == "DELETED" and shared is not None:
            shutil.rmtree(shared.folder, ignore_errors=True)

    async def folder(self, pod: Obj) -> str:
        """What the pod's containers see below `/var/run/secrets/kubernetes.io/serviceaccount`; '': nothing.

        Raises Blocked while the namespace's first account is being made."""
        spec = pod["spec"]
        wish = spec.get("automountServiceAccountToken")
        if self.tokens is None or wish is False:
            return ""
        namespace, name = pod["metadata"]["namespace"], spec.get("serviceAccountName") or "default"
        shared = self._shared.get((namespace, name)) or await self._read(namespace, name)
        if shared is None:
            if name == "default":
                raise Blocked(_missing(name), awaits=Reference(SERVICE_ACCOUNT.key, name))
            return ""
        if wish is None and not shared.mounts:
            return ""
        if spec.get("restartPolicy", "Always") != "Always":
            if time.time() > shared.due:
                await self._renew_shared(shared)
            return shared.folder
        folder = own_folder(self.home, pod)
        await self._lay(pod, shared.account, Laid(folder, self._files(namespace), {}, (Wanted("token"),)))
        return folder

    async def lay(self, pod: Obj, laid: Iterable[Laid]) -> None:
        """The volumes of a pod that hold tokens. Raises Blocked: there is no such account."""
        namespace, name = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName") or "default"
        for each in laid:
            shared = self._shared.get((namespace, name)) or await self._read(namespace, name)
            if shared is None:
                raise Blocked(_missing(name), awaits=Reference(SERVICE_ACCOUNT.key, name))
            await self._lay(pod, shared.account, each)

    async def renew(self, pods: Iterable[Obj]) -> float:
        """Replace what is due of the tokens of these pods and of shared ones. Seconds to the next look."""
        now, kept = time.time(), {}
        for pod in pods:
            for folder, token in tokens_of(pod, self.home):
                file = f"{folder}/{token.path}"
                if (due := self._due.get(file) or _due(file, token.seconds)) and now > due:
                    await self._again(pod, folder, token)
                    due = self._due.get(file, 0.0)
                kept[file] = due
        self._due = {file: due for file, due in kept.items() if due}
        for shared in list(self._shared.values()):
            if now > shared.due:
                await self._renew_shared(shared)
        return LOOK_AGAIN

    async def _again(self, pod: Obj, folder: str, token: Wanted) -> None:
        namespace, name = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName") or "default"
        shared = self._shared.get((namespace, name)) or await self._read(namespace, name)
        if shared is not None:
            await self._lay(pod, shared.account, Laid(folder, {}, {}, (token,)))

    async def _read(self, namespace: str, name: str) -> Shared | None:
        try:
            account = await self.client.get(SERVICE_ACCOUNT, name, namespace)
        except StatusError as error:
            if error.code == 404:
                return None
            raise
        mounts = account.get("automountServiceAccountToken") is not False
        folder = str(self.home.accounts / account["metadata"]["uid"])
        shared = Shared(account, folder, mounts, _due(f"{folder}/token", LIFE))
        self._shared[(namespace, name)] = shared
        return shared

    async def _renew_shared(self, shared: Shared) -> None:
        assert self.tokens is not None
        tokens = await self.tokens.ready()
        issued = tokens.issue(shared.account, seconds=LIFE)
        files = {**self._files(shared.account["metadata"]["namespace"]), "token": issued.text.encode()}
        write(shared.folder, files)
        shared.due = issued.expires - (1 - SPENT) * LIFE

    async def _lay(self, pod: Obj, account: Obj, laid: Laid) -> None:
        assert self.tokens is not None
        tokens = await self.tokens.ready()
        files, modes = dict(laid.files), dict(laid.modes)
        for each in laid.tokens:
            audiences = (each.audience,) if each.audience else ()
            issued = tokens.issue(account, audiences=audiences, seconds=each.seconds, bound=("pod", pod))
            files[each.path] = issued.text.encode()
            self._due[f"{laid.folder}/{each.path}"] = issued.expires - (1 - SPENT) * each.seconds
        write(laid.folder, files, modes)

    def _files(self, namespace: str) -> dict[str, bytes]:
        authority = self.home.certificates / "ca.crt"
        found = {"namespace": namespace.encode()}
        return found | ({"ca.crt": authority.read_bytes()} if authority.exists() else {})


def own_folder(home: Home, pod: Obj, volume: str = OWN) -> str:
    return str(home.pod(pod["metadata"]["uid"]) / "tokens" / volume)


def projected(source: Obj) -> Wanted:
    """One `serviceAccountToken` of a projected volume."""
    return Wanted(
        plain(source["path"]).lstrip("/"), source.get("audience") or "",
        max(600, int(source.get("expirationSeconds") or 3600)),
    )


def tokens_of(pod: Obj, home: Home) -> Iterator[tuple[str, Wanted]]:
    """Every token of the pod's own, with its folder."""
    spec = pod["spec"]
    if spec.get("restartPolicy", "Always") == "Always":
        yield own_folder(home, pod), Wanted("token")
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if token := source.get("serviceAccountToken"):
                yield own_folder(home, pod, volume["name"]), projected(token)


def write(folder: str, files: Mapping[str, bytes], modes: Mapping[str, int] | None = None) -> None:
    """Each file whole or not at all; who reads one meanwhile keeps the old."""
    for name, content in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"..{path.name}")
        draft.write_bytes(content)
        draft.chmod((modes or {}).get(name, 0o644))
        os.replace(draft, path)


def _due(file: str, seconds: int) -> float:
    """When the token in a file is to be renewed; 0: there is none."""
    try:
        with open(file) as token:
            end = expiry(token.read())
    except OSError:
        return 0.0
    return end - (1 - SPENT) * seconds if end else 0.0


def _missing(name: str) -> str:
    return f'serviceaccount "{name}" not found'
