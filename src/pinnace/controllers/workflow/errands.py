"""Templates that have no pod and no object: http requests and listings of artifacts, done by the agent.

An errand is begun after the commit that made its node, and again by whoever rebuilds the run: http templates
are at-least-once. Credentials are read here, as late as can be, and go to the agent only. Caller: `live`.
"""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from pinnace.controllers.built_in import ENDPOINT_SLICE, SERVICE
from pinnace.controllers.workflow import locations
from pinnace.controllers.workflow.agent.messages import Data, Done, Http, Question
from pinnace.controllers.workflow.credentials import CredentialError, Credentials
from pinnace.kinds.argo import text
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Selection

if TYPE_CHECKING:
    from pinnace.controllers.workflow.live import Live

SERVICE_NAME = "kubernetes.io/service-name"
TIMEOUT = 30.0


class Errand(msgspec.Struct, frozen=True):
    """`kind` is http or data, `document` what the template says under it, rendered."""

    node: str
    kind: str
    document: Obj


class ErrandError(Exception):
    """It cannot be begun; the message is the node's."""


class Errands:
    """Those of one live run."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.credentials = Credentials(live.house.client.peek, live.namespace)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, errand: Errand) -> None:
        self._tasks[errand.node] = asyncio.create_task(self._do(errand))

    async def _do(self, errand: Errand) -> None:
        try:
            question = await (self._http if errand.kind == "http" else self._data)(errand.document)
            done = await self.live.house.agent.ask(question)
        except (ErrandError, CredentialError, locations.LocationError) as error:
            done = Done(0, "Failed" if errand.kind == "http" else "Error", str(error))
        self._tasks.pop(errand.node, None)
        run = self.live.run
        if run is not None:
            run.answered(errand.node, self.live.house.now(), done.phase, done.message, done.result)
            self.live.house.look(self.live)

    # ---- http --------------------------------------------------------------------------------------------

    async def _http(self, document: Obj) -> Question:
        url = str(document.get("url") or "")
        if urlsplit(url).scheme not in ("http", "https"):
            raise ErrandError(
                f'{_method(document)} "{url}": unsupported protocol scheme "{urlsplit(url).scheme}"'
            )
        timeout = document.get("timeoutSeconds")
        return Http(
            id=0,
            method=str(document.get("method") or "GET").upper(),
            url=url,
            headers=[self._header(each) for each in document.get("headers") or ()],
            body=_body(document),
            timeout=TIMEOUT if timeout is None else float(text(timeout)),
            condition=str(document.get("successCondition") or ""),
            insecure=bool(document.get("insecureSkipVerify")),
            dial=await self._dialled(url),
            run=str(self.live.house.way_in or ""),
        )

    def _header(self, header: Obj) -> tuple[str, str]:
        reference = (header.get("valueFrom") or {}).get("secretKeyRef")
        if reference is None:
            return str(header.get("name")), text(header.get("value") or "")
        return str(header.get("name")), self.credentials.secret(reference)

    async def _dialled(self, url: str) -> str:
        """`address port` of a pod of the Service whose name the URL's host is; '' if it is none's."""
        parts = urlsplit(url)
        host = (parts.hostname or "").removesuffix(".cluster.local").removesuffix(".svc")
        name, _, namespace = host.partition(".")
        namespace = namespace or self.live.namespace
        client = self.live.house.client
        if not name or "." in namespace or host == "localhost":
            return ""
        service = client.peek(SERVICE, name, namespace)
        if service is None or service["spec"].get("type") == "ExternalName":
            return ""
        wanted = parts.port or (443 if parts.scheme == "https" else 80)
        if parts.scheme == "https":
            raise ErrandError(f"{url}: Services of the cluster network are reached by http")
        label = next(
            (p.get("name") or "" for p in service["spec"].get("ports") or () if p["port"] == wanted), None
        )
        if label is None:
            raise ErrandError(f'Get "{url}": no service port {wanted} found for service "{name}"')
        found = await client.list(ENDPOINT_SLICE, namespace, Selection(labels=f"{SERVICE_NAME}={name}"))
        for each in found.items:
            ports = [int(one["port"]) for one in each.get("ports") or () if (one.get("name") or "") == label]
            for endpoint in each.get("endpoints") or ():
                if ports and (endpoint.get("conditions") or {}).get("ready", True):
                    return f"{endpoint['addresses'][0]} {ports[0]}"
        raise ErrandError(f'Get "{url}": no endpoints available for service "{name}"')

    # ---- data --------------------------------------------------------------------------------------------

    async def _data(self, document: Obj) -> Question:
        source = (document.get("source") or {}).get("artifactPaths")
        if source is None:
            raise ErrandError("data.source: only artifactPaths is known")
        house, run = self.live.house, self.live.run
        assert run is not None
        steps = [str(each.get("expression") or "") for each in document.get("transformation") or ()]
        place = locations.place_of(source, run.depot)
        if place is None:
            key = locations.key_of(source)
            return Data(id=0, steps=steps, keys=house.repository.keys(self.live.namespace, key))
        if place.kind not in ("s3", "gcs", "azure"):
            raise ErrandError(
                f"data.source.artifactPaths: {place.kind} artifacts cannot be listed; use a bucket"
            )
        blobs = house.repository.blobs
        where = self.credentials.filled(place.where)
        return Data(
            id=0, steps=steps, kind=place.kind, where=where, run=str(house.way_in or ""),
            blobs=str(blobs.root) if blobs is not None else "",
        )  # fmt: skip

    def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()


def _method(document: Obj) -> str:
    return str(document.get("method") or "GET").capitalize()


def _body(document: Obj) -> bytes:
    origin = document.get("bodyFrom")
    if origin is not None:
        return base64.b64decode(origin.get("bytes") or "")
    return text(document.get("body") or "").encode()
