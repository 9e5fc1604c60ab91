"""Numbers of a run as kfp 1.8 knows them: reported by a client, or left by a step as `mlpipeline-metrics`.

Pure. Callers: `api/kfp/older` (`:reportMetrics`), `controllers/pipelines/runs` (the artifacts of a run that
has ended). Sources: kubeflow/pipelines backend/src/apiserver/server/run_metric_util.go,
backend/src/agent/persistence/worker/metrics_reporter.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from pinnace.authoring.kfp.ir import Obj

ARTIFACT = "mlpipeline-metrics"
MOST = 50
"""More are not kept of a run's artifacts."""
LONGEST_NODE = 128
NAME = r"^[a-zA-Z]([-_a-zA-Z0-9]{0,62}[a-zA-Z0-9])?$"
_NAME = re.compile(NAME)
FORMATS = ("RAW", "PERCENTAGE")


def reported(given: Sequence[Obj], known: Sequence[Obj]) -> tuple[list[Obj], list[Obj]]:
    """(all that are known afterwards, one answer for each that was given)."""
    kept, answers = list(known), []
    names = {(one["name"], one["node_id"]) for one in known}
    for one in given:
        metric = metric_of(one)
        key = (metric["name"], metric["node_id"])
        problem, status = problem_of(metric), "INVALID_ARGUMENT"
        if not problem and key in names:
            status = "DUPLICATE_REPORTING"
            problem = f"same metric has been reported before: {metric['name']}/{metric['node_id']}"
        answer = {"metric_name": metric["name"], "metric_node_id": metric["node_id"]}
        if problem:
            answers.append({**answer, "status": status, "message": problem})
            continue
        names.add(key)
        kept.append(metric)
        answers.append({**answer, "status": "OK"})
    return kept, answers


def metric_of(given: Obj, node: str = "") -> Obj:
    """Both spellings of protojson are read."""
    value = given.get("number_value", given.get("numberValue", 0))
    return {
        "name": str(given.get("name") or ""),
        "node_id": node or str(given.get("node_id") or given.get("nodeId") or ""),
        "number_value": value,
        "format": given.get("format") or "UNSPECIFIED",
    }


def problem_of(metric: Obj) -> str:
    """Why it is none; empty: it is one."""
    if not _NAME.match(metric["name"]):
        return f"metric.name '{metric['name']}' doesn't match with the pattern '{NAME}'"
    if not metric["node_id"]:
        return "metric.node_id must not be empty"
    if len(metric["node_id"]) > LONGEST_NODE:
        return f"metric.node_id '{metric['node_id']}' cannot be longer than {LONGEST_NODE} characters"
    if isinstance(metric["number_value"], bool) or not isinstance(metric["number_value"], int | float):
        return f"metric.number_value {metric['number_value']!r} is no number"
    if metric["format"] not in (*FORMATS, "UNSPECIFIED"):
        return f"metric.format '{metric['format']}': expected {' or '.join(FORMATS)}"
    return ""


def left(artifacts: Iterable[tuple[str, bytes]], known: Sequence[Obj]) -> list[Obj]:
    """All that are known after those of steps: (node, content of its artifact) each."""
    found = [metric_of(one, node) for node, content in artifacts for one in _written(content)]
    kept, _ = reported(found[:MOST], known)
    return kept


def _written(content: bytes) -> list[Obj]:
    """What a step wrote; a text that says nothing of metrics is none."""
    try:
        document = json.loads(content)
    except ValueError:
        return []
    found = document.get("metrics") if isinstance(document, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
