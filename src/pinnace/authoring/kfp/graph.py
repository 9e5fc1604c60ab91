"""The IR of Kubeflow Pipelines as a graph to be drawn: nodes with ports, edges, and graphs inside. Pure.

Caller: `api/authoring`. What each field means is in docs/composer.md. Invariant: every edge joins two nodes
of its graph, or one of them and the graph's own border (the node '').
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET

from pinnace.authoring import ports
from pinnace.authoring.kfp.ir import (
    Artifact,
    Component,
    Dag,
    Definitions,
    Executor,
    IrError,
    Obj,
    Package,
    Pipeline,
    Source,
    Task,
)

BORDER = ""
ALWAYS = "ALL_UPSTREAM_TASKS_COMPLETED"
DEEPEST = 40
TYPES = {
    "STRING": "text", "NUMBER_INTEGER": "integer", "NUMBER_DOUBLE": "number", "BOOLEAN": "boolean",
    "LIST": "json/list", "STRUCT": "json", "TASK_FINAL_STATUS": "json", "TASK_CONFIG": "json",
}


class Port(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    kind: str
    types: tuple[str, ...]
    required: bool = False
    description: str = ""
    default: Any = UNSET
    enum: tuple[Any, ...] = ()
    value: Any = UNSET
    """The constant that an input is given."""
    several: bool = False
    """A list of artifacts."""


class End(msgspec.Struct, frozen=True, omit_defaults=True):
    node: str
    output: str = ""
    input: str = ""


class Edge(msgspec.Struct, frozen=True, rename={"source": "from", "target": "to"}):
    source: End
    target: End


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    title: str
    kind: str
    component: str = ""
    image: str = ""
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    when: str = ""
    loop: Obj = {}
    waits: str = ""
    retries: int = 0
    cache: bool = False
    graph: Graph | None = None


class Graph(msgspec.Struct, frozen=True):
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    outputs: tuple[Port, ...] = ()


class Drawing(msgspec.Struct, frozen=True):
    name: str
    description: str
    inputs: tuple[Port, ...]
    graph: Graph


def draw(package: Package) -> Drawing:
    """Raises IrError: a component refers to itself, or to one that there is not."""
    if package.argo:
        raise IrError("apiVersion: this was compiled by kfp 1.8 and is a Workflow: open it as one")
    pipeline = package.pipeline
    if pipeline.root.dag is None:
        raise IrError("root.dag: a pipeline has one")
    return Drawing(
        pipeline.pipeline_info.name, pipeline.pipeline_info.description,
        tuple(_defined(pipeline.root.input_definitions, required=True)), _graph(pipeline, pipeline.root, 0),
    )


def _graph(pipeline: Pipeline, component: Component, depth: int) -> Graph:
    if depth > DEEPEST:
        raise IrError(f"components: they are nested deeper than {DEEPEST}: one contains itself")
    dag = component.dag or Dag()
    nodes = tuple(_node(pipeline, key, task, depth) for key, task in dag.tasks.items())
    edges = [edge for key, task in dag.tasks.items() for edge in _edges(key, task, dag)]
    return Graph(
        nodes, tuple(dict.fromkeys([*edges, *_leaving(dag)])), tuple(_defined(component.output_definitions))
    )


def _node(pipeline: Pipeline, key: str, task: Task, depth: int) -> Node:
    name = task.component_ref.name
    component = pipeline.components.get(name)
    if component is None:
        raise IrError(f"root: the task {key!r} refers to the component {name!r}, which there is not")
    executor = pipeline.deployment_spec.executors.get(component.executor_label, Executor())
    retry, trigger = task.retry_policy, task.trigger_policy
    return Node(
        id=key, title=task.task_info.name or key, kind=_kind(task, component, executor), component=name,
        image=executor.container.image if executor.container else "",
        inputs=tuple(_inputs(component, task)), outputs=tuple(_defined(component.output_definitions)),
        when=trigger.condition, loop=_loop(task), waits="always" if trigger.strategy == ALWAYS else "",
        retries=retry.max_retry_count if retry else 0, cache=task.caching_options.enable_cache,
        graph=_graph(pipeline, component, depth + 1) if component.dag is not None else None,
    )


def _kind(task: Task, component: Component, executor: Executor) -> str:
    if task.parameter_iterator is not None or task.artifact_iterator is not None:
        return "loop"
    if component.dag is None:
        return "importer" if executor.importer is not None else "component"
    if task.trigger_policy.condition or task.component_ref.name.startswith("comp-condition-branches"):
        return "condition"
    return "exit-handler" if task.component_ref.name.startswith("comp-exit-handler") else "pipeline"


def _loop(task: Task) -> Obj:
    found = task.parameter_iterator or task.artifact_iterator
    if found is None:
        return {}
    over: Any = {"input": found.items.input_parameter or found.items.input_artifact}
    if found.items.raw is not None:
        try:
            over = {"value": msgspec.json.decode(found.items.raw)}
        except msgspec.DecodeError:
            over = {"value": found.items.raw}
    name = over.get("input")
    source = {**task.inputs.parameters, **task.inputs.artifacts}.get(name) if name else None
    if source is not None and (end := _origin(source)) is not None and end.node:
        over = {"node": end.node, "output": end.output}
    made = {"over": over, "item": found.item_input}
    limit = task.iterator_policy.parallelism_limit
    return {**made, "parallelism": limit} if limit else made


# ---- ports -------------------------------------------------------------------------------------


def defined(given: Definitions, *, required: bool = False) -> tuple[Port, ...]:
    """The ports of a component; `required` tells for inputs which of them must be given."""
    return tuple(_defined(given, required=required))


def _defined(given: Definitions, *, required: bool = False) -> Iterator[Port]:
    for name, artifact in given.artifacts.items():
        yield Port(
            name, ports.ARTIFACT, (type_of(artifact),), required and not artifact.is_optional,
            several=artifact.is_artifact_list,
        )
    for name, one in given.parameters.items():
        needed = required and not one.is_optional and one.default_value is UNSET
        yield Port(
            name, ports.PARAMETER, (TYPES.get(one.parameter_type, "text"),), needed, one.description,
            one.default_value, tuple(one.literals),
        )


def type_of(artifact: Artifact) -> str:
    """`system.Model` → `system/Model`; one of no type fits everywhere."""
    title = str(artifact.artifact_type.get("schemaTitle") or "")
    return ports.ANY if title in ("", "system.Artifact") else title.replace(".", "/")


def _inputs(component: Component, task: Task) -> Iterator[Port]:
    for port in _defined(component.input_definitions, required=True):
        source = task.inputs.parameters.get(port.name)
        constant = source.runtime_value.constant if source and source.runtime_value else UNSET
        yield port if constant is UNSET else msgspec.structs.replace(port, value=constant)
    given = component.input_definitions
    for name in task.inputs.parameters:
        if name not in given.parameters:  # for the task's settings alone, or for another input's text
            yield Port(name, ports.PARAMETER, ("text",))
    for name in task.inputs.artifacts:
        if name not in given.artifacts:
            yield Port(name, ports.ARTIFACT, (ports.ANY,))


# ---- edges -------------------------------------------------------------------------------------


def _edges(key: str, task: Task, dag: Dag) -> Iterator[Edge]:
    joined = set()
    for name, source in {**task.inputs.parameters, **task.inputs.artifacts}.items():
        end = _origin(source)
        if end is not None and (not end.node or end.node in dag.tasks):
            joined.add(end.node)
            yield Edge(end, End(key, input=name))
    for before in task.dependent_tasks:
        if before not in joined and before in dag.tasks:
            yield Edge(End(before), End(key))


def _origin(source: Source) -> End | None:
    output = source.task_output_parameter or source.task_output_artifact
    if output is not None:
        return End(output.producer_task, output.output_parameter_key or output.output_artifact_key)
    if source.task_final_status is not None:
        return End(source.task_final_status.producer_task)
    name = source.component_input_parameter or source.component_input_artifact
    return End(BORDER, name) if name else None


def _leaving(dag: Dag) -> Iterator[Edge]:
    for name, parameter in dag.outputs.parameters.items():
        for one in parameter.selectors:
            if one.producer_subtask in dag.tasks:
                yield Edge(End(one.producer_subtask, one.output_parameter_key), End(BORDER, input=name))
    for name, artifact in dag.outputs.artifacts.items():
        for one in artifact.artifact_selectors:
            if one.producer_subtask in dag.tasks:
                yield Edge(End(one.producer_subtask, one.output_artifact_key), End(BORDER, input=name))
