"""The shipped components in a cluster of a kubeconfig: `pinnace catalog install --context NAME`.

What is there is left as it is unless it is to be written over.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from pinnace.cli.platform import Failure
from pinnace.kinds.argo import CLUSTER_WORKFLOW_TEMPLATE
from pinnace.kinds.resource import Obj
from pinnace.objects import kubefiles
from pinnace.objects.errors import StatusError
from pinnace.objects.remote import Remote


def bring(wanted: list[Obj], force: bool, context: str, kubeconfig: Path | None) -> int:
    try:
        remote = Remote(kubeconfig or kubefiles.paths(), context)
    except ValueError as problem:
        raise Failure(str(problem)) from None
    try:
        asyncio.run(_bring(remote, wanted, force))
    except StatusError as refusal:
        raise Failure(_told(refusal, context)) from None
    return 0


def _told(refusal: StatusError, context: str) -> str:
    if refusal.code == 404:
        return f"the cluster of context {context} has no ClusterWorkflowTemplates: is Argo there?"
    return f"the cluster of context {context}: {refusal.message}"


async def _bring(remote: Remote, wanted: list[Obj], force: bool) -> None:
    try:
        page = await remote.list(CLUSTER_WORKFLOW_TEMPLATE)
        there = {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in page.items}
        for one in wanted:
            name = one["metadata"]["name"]
            if name not in there:
                await remote.create(CLUSTER_WORKFLOW_TEMPLATE, one)
            elif force:
                meta = {**one["metadata"], "resourceVersion": there[name]}
                await remote.update(CLUSTER_WORKFLOW_TEMPLATE, {**one, "metadata": meta})
            else:
                continue
            print(f"{name}: written")
    finally:
        await remote.close()
