"""How many runs of a pipeline may be active at once, as locks of its Workflow. Pure; caller: `submission`.

`pipelineConfig` in a package's second document says `maxActiveRuns` (`pipelineRunParallelism` in earlier
drafts), `semaphoreKey` or `mutexName`. The first counts the runs of one version of a pipeline; a run that
came without a version counts among those of its pipeline's name. Runs beyond wait, PENDING, in their order.
Source: kubeflow/pipelines pull requests 12442 and 11370 (backend/src/apiserver/resource, semaphores of a
ConfigMap that the API server keeps).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from pinnace.authoring.kfp.ir import IrError, Obj

LIMITS = ("maxActiveRuns", "pipelineRunParallelism")
RUNS = "ml-pipeline-active-runs"
"""Prefix of the ConfigMap that holds a version's limit."""
SEMAPHORES = "semaphore-config"
"""Where `semaphoreKey` is looked up; a key that nobody has set is worth one run."""
LABELS = {"app.kubernetes.io/managed-by": "ml-pipeline"}


def locks(config: Obj, version: str, pipeline: str) -> Obj:
    """The Workflow's `synchronization`; empty: nothing is limited. Raises IrError."""
    semaphores = [{"configMapKeyRef": {"name": name, "key": key}} for name, key, _ in _keys(
        config, version, pipeline)]
    made: Obj = {"semaphores": semaphores} if semaphores else {}
    if config.get("mutexName"):
        made["mutexes"] = [{"name": str(config["mutexName"])}]
    return made


def config_maps(config: Obj, version: str, pipeline: str, namespace: str) -> list[Obj]:
    """The ConfigMaps that these locks read. Raises IrError."""
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace, "labels": LABELS},
            "data": {key: text},
        }
        for name, key, text in _keys(config, version, pipeline)
    ]


def fixed(config_map: Obj) -> bool:
    """The pipeline says the value; that of a semaphore of the user's is the user's."""
    return bool(config_map["metadata"]["name"] != SEMAPHORES)


def _keys(config: Obj, version: str, pipeline: str) -> Iterator[tuple[str, str, str]]:
    limit = next((config[name] for name in LIMITS if config.get(name) is not None), None)
    if limit is not None:
        yield f"{RUNS}-{version or _clean(pipeline)}", LIMITS[0], str(_count(limit))
    if config.get("semaphoreKey"):
        yield SEMAPHORES, str(config["semaphoreKey"]), "1"


def _count(limit: object) -> int:
    try:
        count = int(str(limit))
    except ValueError:
        count = 0
    if count < 1:
        raise IrError(f"pipelineConfig.{LIMITS[0]}: {limit!r} is no number of runs: expected 1 or more")
    return count


def _clean(name: str) -> str:
    """A pipeline's name as part of an object's; two that look alike afterwards stay two."""
    clean = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:100]
    if clean == name:
        return clean
    return f"{clean}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".strip("-")
