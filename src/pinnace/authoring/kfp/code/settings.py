"""How a task runs: caching, retries, resources, variables, as calls on it. Pure. Caller: `block`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pinnace.authoring.kfp.code.values import Values
from pinnace.authoring.kfp.ir import Container, Obj, Retry, Task
from pinnace.authoring.program import Call, Raw, source

RESOURCES = (
    ("resourceCpuRequest", "cpuRequest", "set_cpu_request", ""),
    ("resourceCpuLimit", "cpuLimit", "set_cpu_limit", ""),
    ("resourceMemoryRequest", "memoryRequest", "set_memory_request", "G"),
    ("resourceMemoryLimit", "memoryLimit", "set_memory_limit", "G"),
)
"""Field, what compilers before 2.10 wrote (numbers: cores, and gigabytes), setter, unit of the number."""


def of_task(key: str, task: Task) -> Iterator[str]:
    if task.task_info.name and task.task_info.name != key:
        yield f"set_display_name({source(task.task_info.name)})"
    if not task.caching_options.enable_cache:
        yield "set_caching_options(False)"
    elif task.caching_options.cache_key:
        yield f"set_caching_options(True, cache_key={source(task.caching_options.cache_key)})"
    if task.retry_policy is not None:
        yield _retry(task.retry_policy)


def of_container(container: Container, values: Values, task: Task, *, own_image: bool) -> Iterator[str]:
    """`own_image`: the component names the image, so the task need not."""
    if not own_image:
        yield f"set_container_image({values.text(container.image, task)})"
    for one in container.env:
        yield f"set_env_variable({source(str(one.get('name')))}, {source(str(one.get('value') or ''))})"
    resources = container.resources
    for field, older, setter, unit in RESOURCES:
        given = resources.get(field) or (f"{resources[older]:g}{unit}" if resources.get(older) else "")
        if given:
            yield f"{setter}({values.text(str(given), task)})"
    yield from _accelerator(resources.get("accelerator") or {}, values, task)


def _accelerator(given: Obj, values: Values, task: Task) -> Iterator[str]:
    kind = given.get("resourceType") or given.get("type")
    count = given.get("resourceCount") or given.get("count")
    if kind:
        yield f"set_accelerator_type({values.text(str(kind), task)})"
    if count:
        yield f"set_accelerator_limit({values.text(str(count), task)})"


def _retry(retry: Retry) -> str:
    given: list[tuple[str, Any]] = [("num_retries", retry.max_retry_count)]
    if retry.backoff_duration and retry.backoff_duration != "0s":
        given.append(("backoff_duration", retry.backoff_duration))
    if retry.backoff_factor:
        given.append(("backoff_factor", retry.backoff_factor))
    if retry.backoff_max_duration:
        given.append(("backoff_max_duration", retry.backoff_max_duration))
    return source(Call("set_retry", tuple(given)))


def importer(values: Values, task: Task, about: Any, kind: str) -> Call:
    """`dsl.importer(…)`: its metadata may have values of other tasks, which came as inputs."""
    given: list[tuple[str, Any]] = [
        ("artifact_uri", Raw(values.expression(task.inputs.parameters["uri"], task))),
        ("artifact_class", Raw(kind)), ("reimport", about.reimport),
    ]
    if about.download_to_workspace:
        given.append(("download_to_workspace", True))
    metadata = values.filled(_numbered(about.metadata), task)
    return Call("dsl.importer", tuple(given + ([("metadata", metadata)] if metadata else [])))


_INPUT = re.compile(r"metadata(?:-(\d+))?'\]")


def _numbered(value: Any) -> Any:
    """With keys in the order in which the SDK numbered what it found: a struct of protobuf has none."""
    if isinstance(value, list):
        return [_numbered(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _numbered(value[key]) for key in sorted(value, key=lambda key: _first(key, value[key]))}


def _first(key: str, value: Any) -> int:
    found = [int(one[1] or 1) for one in _INPUT.finditer(json.dumps([key, value]))]
    return min(found, default=0)
