"""What upstream says of a document that may not run, in upstream's words and order; pure.

Schema errors (unknown fields, wrong types) are `objects/`' business. This is what only the language knows:
names that mean nothing, inputs that nobody supplies, cycles, tags without a value. Upstream stops at the
first problem; here all are told, upstream's first. Callers: the engine before a run (`invalid spec: …`), the
Argo server's face (400), `pinnace lint`. Source: argoproj/argo-workflows v4.1 workflow/validate/validate.go.
"""

from __future__ import annotations

from pinnace.authoring.argo.validation import beside
from pinnace.authoring.argo.validation.judge import Judge
from pinnace.authoring.argo.validation.naming import nearest
from pinnace.authoring.argo.validation.scope import Lookup
from pinnace.authoring.argo.validation.spec import (
    cluster_workflow_template,
    cron_workflow,
    document,
    problems,
    workflow,
    workflow_template,
)

__all__ = [
    "Judge",
    "Lookup",
    "beside",
    "cluster_workflow_template",
    "cron_workflow",
    "document",
    "nearest",
    "problems",
    "workflow",
    "workflow_template",
]
