"""One pod's run as a record, read from the Pod alone. Pure.

Callers: `keeping` when a pod ends or leaves, `walking` for pods that are still there. Values of Secrets are
never in it: a Pod only names them.
"""

from __future__ import annotations

from typing import Any

import msgspec
from blake3 import blake3

from pinnace.kinds.annotations import OUTPUTS, SOURCES, STAGING
from pinnace.kinds.resource import Obj
from pinnace.store.interface import Row

EXECUTION, USES, CODE = "lineage", "lineage-uses", "lineage-code"
NODE_ID = "workflows.argoproj.io/node-id"
ENDPOINT = "serving.kserve.io/inferenceservice"
FINAL = ("Succeeded", "Failed")


class Execution(msgspec.Struct, frozen=True, omit_defaults=True):
    """`inputs` and `outputs`: artifact → digest. `code` is the digest of what ran (image, command, script …),
    `environment` names that in which it ran. `node` is a workflow's node id. Times are RFC 3339."""

    pod: str
    namespace: str
    name: str
    run: str = ""
    kind: str = ""
    run_name: str = ""
    node: str = ""
    endpoint: str = ""
    """The InferenceService that it serves."""
    parameters: dict[str, str] = {}
    phase: str = ""
    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}
    parts: dict[str, str] = {}
    """Of outputs that are folders: `<artifact>/<path>` → the file's digest."""
    results: dict[str, str] = {}
    sources: dict[str, str] = {}
    claims: tuple[str, ...] = ()
    code: str = ""
    image: str = ""
    environment: str = ""
    started: str = ""
    finished: str = ""


class Code(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was run. `env` holds values and, for what came from elsewhere, where from."""

    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    script: str = ""
    env: dict[str, str] = {}

    @property
    def digest(self) -> str:
        return blake3(_sorted(self)).hexdigest()


_sorted = msgspec.json.Encoder(order="sorted").encode
_anything = msgspec.json.Decoder()


def touches_content(pod: Obj) -> bool:
    """Whether a pod read or left anything that has a digest. Cheap: asked of every pod that ends."""
    annotations = pod["metadata"].get("annotations")
    if not annotations:
        return False
    return '"digest"' in annotations.get(OUTPUTS, "") or '"digest"' in annotations.get(STAGING, "")


def read(pod: Obj) -> tuple[Execution, Code]:
    meta, status = pod["metadata"], pod.get("status") or {}
    annotations = meta.get("annotations") or {}
    staging, collected = _document(annotations.get(STAGING)), _document(annotations.get(OUTPUTS))
    sources: dict[str, str] = _document(annotations.get(SOURCES))
    main = _main(pod, staging.get("main") or "")
    states: list[Obj] = status.get("containerStatuses") or []
    state: Obj = next((one for one in states if one["name"] == main["name"]), {})
    ended = (state.get("state") or {}).get("terminated") or (state.get("state") or {}).get("running") or {}
    owners: list[Obj] = meta.get("ownerReferences") or []
    owner: Obj = next((one for one in owners if one.get("controller")), owners[0] if owners else {})
    code = code_of(main, staging.get("script") or "")
    results = dict(collected.get("parameters") or {})
    if collected.get("result") is not None:
        results["result"] = collected["result"]
    return Execution(
        pod=meta["uid"], namespace=meta.get("namespace") or "", name=meta["name"], run=owner.get("uid", ""),
        kind=owner.get("kind", ""), run_name=owner.get("name", ""), node=annotations.get(NODE_ID, ""),
        endpoint=(meta.get("labels") or {}).get(ENDPOINT, ""),
        phase=status.get("phase") or "", code=code.digest, image=code.image, sources=sources,
        inputs={one["name"]: one["digest"] for one in staging.get("inputs") or () if one.get("digest")},
        outputs={name: one["digest"] for name, one in (collected.get("artifacts") or {}).items()},
        results=results, claims=_claims(pod), environment=state.get("imageID") or "",
        started=ended.get("startedAt") or "", finished=ended.get("finishedAt") or "",
    ), code


def rows(execution: Execution, code: Code | None) -> list[Row]:
    """The record, what it ran, and one index row for each digest that it touched."""
    found = [Row(EXECUTION, execution.run or execution.pod, execution.pod, msgspec.json.encode(execution))]
    if code is not None:
        found.append(Row(CODE, execution.code, "", msgspec.json.encode(code)))
    for way, touched in (("in", execution.inputs), ("out", execution.outputs), ("out", execution.parts)):
        found += [uses(digest, execution.run, execution.pod, way, name) for name, digest in touched.items()]
    return found


def uses(digest: str, run: str, pod: str, way: str, name: str) -> Row:
    return Row(USES, digest, f"{pod}/{way}/{name}", msgspec.json.encode([run or pod, pod]))


def code_of(container: Obj, script: str) -> Code:
    return Code(
        image=container.get("image") or "", command=tuple(container.get("command") or ()),
        args=tuple(container.get("args") or ()), script=script, env=_env(container),
    )


OURS = frozenset({"ARGO_CONTAINER_NAME", "ARGO_NODE_ID", "ARGO_DEADLINE", "ARGO_PROGRESS_FILE"})
"""Variables that every step of a workflow has; they say nothing of the code."""


def _env(container: Obj) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in container.get("env") or ():
        if one["name"] in OURS:
            continue
        origin = one.get("valueFrom")
        found[one["name"]] = str(one.get("value") or "") if not origin else _origin(origin)
    for one in container.get("envFrom") or ():
        for kind in ("secretRef", "configMapRef"):
            if kind in one:
                found[f"*{one.get('prefix') or ''}"] = f"<{kind[:-3]} {one[kind].get('name', '')}>"
    return found


def _origin(origin: Obj) -> str:
    """By name, never by value."""
    kind, where = next(iter(origin.items()))
    key = f"{where.get('name', '')}/{where.get('key', '')}"
    return f"<{kind} {where.get('fieldPath') or where.get('resource') or key}>"


def _main(pod: Obj, name: str) -> Obj:
    """The container that the pod is for."""
    containers: list[Obj] = pod["spec"]["containers"]
    return next((one for one in containers if one["name"] == name), containers[0])


def _claims(pod: Obj) -> tuple[str, ...]:
    volumes = pod["spec"].get("volumes") or ()
    named = (((one.get("persistentVolumeClaim") or {}).get("claimName")) for one in volumes)
    return tuple(name for name in named if name)


def _document(text: str | None) -> Any:
    return _anything.decode(text) if text else {}
