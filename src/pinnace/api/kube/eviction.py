"""`pods/eviction`: a delete that asks first whether it may. Nothing here budgets disruptions, so it may.

Registered by `face.py`, which has asked whether who asks may evict. Source:
kubernetes pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from pinnace.api.context import ApiContext, Connect
from pinnace.api.http import Request, method_not_allowed
from pinnace.api.kube import body, parameters
from pinnace.api.kube.target import Target
from pinnace.objects.client import SYSTEM


def evicting(context: ApiContext) -> Connect:
    async def evict(request: Request, target: Target) -> None:
        if request.method != "POST":
            raise method_not_allowed()
        document = await body.read(await request.body(), request.header(b"content-type"))
        if not isinstance(document, dict) or document.get("kind", "Eviction") != "Eviction":
            raise parameters.bad("the body must be an Eviction")
        named = (document.get("metadata") or {}).get("name") or target.name
        if named != target.name:
            raise parameters.bad("name in URL does not match name in Eviction object")
        chosen = parameters.delete_options(request, document.get("deleteOptions"))
        pods = context.catalogue.find("", "v1", "pods")
        assert pods is not None
        await context.client(SYSTEM).delete(pods, target.name, target.namespace, chosen)
        await request.json(
            201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
        )

    return evict
