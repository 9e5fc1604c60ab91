"""`POST …/trainjobs/NAME/status`: a training process says how far it is, and the TrainJob shows it.

Registered by `face.py`. Kubeflow Trainer has a server of its own for this at the same path; its address is in
KUBEFLOW_TRAINER_SERVER_URL. Who may: an account of the job's own namespace, or who may write its status.
Source: kubeflow/trainer pkg/statusserver.
"""

from __future__ import annotations

from typing import Any

from pinnace.api.context import ApiContext, Connect
from pinnace.api.http import Request
from pinnace.api.kube import body, parameters
from pinnace.api.kube.target import Target
from pinnace.kinds.trainer import TRAIN_JOB
from pinnace.objects.authorisation import refusal
from pinnace.objects.client import SYSTEM, Options

FIELDS = ("progressPercentage", "estimatedRemainingSeconds", "metrics", "lastUpdatedTime")


def telling(context: ApiContext) -> Connect:
    async def tell(request: Request, target: Target) -> None:
        _permit(context, request, target)
        document = await body.read(await request.body(), request.header(b"content-type"))
        told: Any = document.get("trainerStatus") if isinstance(document, dict) else None
        if not isinstance(told, dict):
            raise parameters.bad("the body must be an object with `trainerStatus`")
        status = {field: told[field] for field in FIELDS if field in told}
        patch = {"status": {"trainerStatus": status}}
        await context.client(SYSTEM).patch(
            TRAIN_JOB, target.name, target.namespace, patch, "merge",
            Options(subresource="status", field_manager="trainer-status-server"),
        )
        await request.json(200, {"trainerStatus": status})

    return tell


def _permit(context: ApiContext, request: Request, target: Target) -> None:
    if request.identity.user.startswith(f"system:serviceaccount:{target.namespace}:"):
        return
    asked = (request.identity, "patch", TRAIN_JOB, target.namespace, target.name, "status")
    if not context.authoriser.allow(*asked):
        raise refusal(*asked)
