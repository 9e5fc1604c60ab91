"""From the IR to an Argo Workflow: one template a task, data and conditions as expressions, leaves as steps.

Pure. Every value is JSON text in a parameter, artifacts too (their name, type, URI and metadata; the bytes
lie in the repository under the URI). A loop, an imported artifact or a claim becomes a small DAG of its own,
so that whoever reads its outputs need not know. Callers: `api/kfp`, `cli`. Rules: docs/pipelines.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from pinnace.authoring.kfp import expressions, kubernetes, leaves, placeholders
from pinnace.authoring.kfp.ir import (
    Artifact,
    Component,
    Dag,
    IrError,
    Obj,
    Package,
    Parameter,
    Retry,
    Selector,
    Source,
    Task,
)
from pinnace.authoring.kfp.step import ANNOTATION, Job, Step
from pinnace.authoring.kfp.values import ABSENT, ValueMismatch, conformed, encoded

COMPLETED = "ALL_UPSTREAM_TASKS_COMPLETED"
ENTRY = "entrypoint"
TURN = "iteration"
TASK_TAG = "{{$.pipeline_task_uuid}}"
ANY_END = "({0}.Succeeded || {0}.Failed || {0}.Errored || {0}.Skipped || {0}.Omitted)"


def lowered(package: Package, job: Job, arguments: Mapping[str, Any], *, caching: bool = True) -> Obj:
    """The Workflow's spec. Raises IrError, ValueMismatch (an argument), ExpressionProblem (a condition)."""
    made = _Lowering(package, job, caching)
    given = root_arguments(package, arguments)
    made.dag(ENTRY, package.pipeline.root)
    parameters = [{"name": name, "value": expressions.sealed(text)} for name, text in given.items()]
    spec: Obj = {"entrypoint": ENTRY, "templates": made.templates, "arguments": {"parameters": parameters}}
    spec.update(_whole_run(package.kubernetes.get("pipelineConfig") or {}))
    return spec


def root_arguments(package: Package, arguments: Mapping[str, Any]) -> dict[str, str]:
    """Each input of the pipeline as JSON text. Raises ValueMismatch with every problem at once."""
    declared = package.pipeline.root.input_definitions.parameters
    problems = [
        f"unknown input parameter {name!r}: {package.pipeline.pipeline_info.name} has "
        f"{', '.join(declared) or 'none'}"
        for name in arguments
        if name not in declared
    ]
    made: dict[str, str] = {}
    for name, parameter in declared.items():
        try:
            made[name] = _argument(name, parameter, arguments.get(name, UNSET))
        except ValueMismatch as problem:
            problems.append(str(problem))
    if problems:
        raise ValueMismatch("; ".join(problems))
    return made


def _argument(name: str, declared: Parameter, value: Any) -> str:
    if value is UNSET:
        value = declared.default_value
    if value is UNSET:
        if declared.is_optional:
            return ABSENT
        raise ValueMismatch(f"input parameter {name!r} has no value and no default")
    return encoded(conformed(name, declared, value))


def _whole_run(config: Obj) -> Obj:
    made: Obj = {}
    workspace = config.get("workspace")
    if workspace:
        patch = ((workspace.get("kubernetes") or {}).get("pvcSpecPatch")) or {}
        spec = {"accessModes": ["ReadWriteOnce"], **patch}
        spec["resources"] = {"requests": {"storage": workspace.get("size") or "1Gi"}}
        made["volumeClaimTemplates"] = [{"metadata": {"name": leaves.VOLUME}, "spec": spec}]
    deadline = int(config.get("activeDeadlineSeconds") or 0)
    if deadline:
        made["activeDeadlineSeconds"] = deadline
    ttl = {
        f"secondsAfter{when}": int(config[f"resourceTtlOn{when}"])
        for when in ("Completion", "Success", "Failure")
        if config.get(f"resourceTtlOn{when}")
    }
    if ttl:
        made["ttlStrategy"] = ttl
    return made


class _Scope:
    """Where a task stands: its DAG's tasks, and what its inputs' sources mean there."""

    def __init__(self, house: _Lowering, dag: Dag) -> None:
        self.house = house
        self.dag = dag

    def inputs(self, task: Task) -> dict[str, str]:
        """Each input's expression."""
        found = {
            name: self.source(source)
            for name, source in {**task.inputs.parameters, **task.inputs.artifacts}.items()
            if source.runtime_value is None
        }
        for name, source in task.inputs.parameters.items():
            if source.runtime_value is not None:
                found[name] = self.constant(source.runtime_value.constant, task, found)
        return found

    def constant(self, value: Any, task: Task, others: Mapping[str, str]) -> str:
        if value is UNSET:
            return expressions.literal(ABSENT)
        known = {**placeholders.of_job(self.house.job), ".pipeline_task_name": task_name(self.dag, task)}
        value = placeholders.put_deep(value, known)
        made = expressions.constant(value, others)
        return made if made is not None else expressions.literal(encoded(value))

    def source(self, source: Source) -> str:
        if source.task_final_status is not None:
            return self.final_status(source.task_final_status.producer_task)
        name = source.component_input_parameter or source.component_input_artifact
        output = source.task_output_parameter or source.task_output_artifact
        if name:
            made = f"(inputs.parameters[{expressions.literal(name)}] ?? '')"
        elif output is not None:
            made = produced(output.producer_task, output.output_parameter_key or output.output_artifact_key)
        else:
            made = expressions.literal(ABSENT)
        selector = source.parameter_expression_selector
        return expressions.selected(made, selector) if selector else made

    def final_status(self, producer: str) -> str:
        task = f"tasks[{expressions.literal(producer)}]"
        good = f"{task}.status == 'Succeeded' || {task}.status == 'Skipped'"
        error = f"{{'code': {good} ? 0 : 9, 'message': {task}.message ?? ''}}"
        status = (
            f"{{'state': {good} ? 'COMPLETE' : 'FAILED', 'error': {error}, "
            f"'pipelineJobResourceName': {expressions.literal(self.house.job.resource)}, "
            f"'pipelineTaskName': {expressions.literal(producer)}}}"
        )
        return f"toJson({status})"


def produced(task: str, key: str) -> str:
    return f"(tasks[{expressions.literal(task)}].outputs.parameters[{expressions.literal(key)}] ?? '')"


def task_name(dag: Dag, task: Task) -> str:
    return next((name for name, other in dag.tasks.items() if other is task), task.task_info.name)


def upstream(task: Task) -> list[str]:
    """Every task that this one waits for, named or implied by a source."""
    found = list(task.dependent_tasks)
    for source in [*task.inputs.parameters.values(), *task.inputs.artifacts.values()]:
        output = source.task_output_parameter or source.task_output_artifact or source.task_final_status
        if output is not None:
            found.append(output.producer_task)
    return list(dict.fromkeys(found))


class _Lowering:
    def __init__(self, package: Package, job: Job, caching: bool) -> None:
        self.pipeline = package.pipeline
        self.job = job
        self.caching = caching
        config = package.kubernetes
        self.executors: Obj = (config.get("deploymentSpec") or {}).get("executors") or {}
        self.workspace = bool((config.get("pipelineConfig") or {}).get("workspace"))
        self.templates: list[Obj] = []
        self.names: set[str] = set()

    def fresh(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self.names:
            number += 1
            name = f"{wanted}-{number}"
        self.names.add(name)
        return name

    def component(self, name: str) -> Component:
        found = self.pipeline.components.get(name)
        if found is None:
            raise IrError(f"components: there is no {name!r}, which a task refers to")
        return found

    # ---- DAGs --------------------------------------------------------------------------------------------

    def dag(self, wanted: str, component: Component, *, turn: bool = False) -> str:
        """`turn`: of a loop; then each output is a list of one, so that the loop's lists are unambiguous."""
        assert component.dag is not None
        name, dag = self.fresh(wanted), component.dag
        scope = _Scope(self, dag)
        made: Obj = {"name": name, "inputs": {"parameters": declared(component)}}
        place = len(self.templates)
        self.templates.append(made)
        tasks = [self.task(scope, task_key, task) for task_key, task in dag.tasks.items()]
        made["dag"] = {"tasks": tasks, "failFast": False}
        if any(task.trigger_policy.strategy == COMPLETED for task in dag.tasks.values()):
            made["dag"]["target"] = " ".join(dag.tasks)
        outputs = [
            {"name": key, "valueFrom": {"expression": _turned(expression) if turn else expression}}
            for key, expression in self.outputs(dag).items()
        ]
        if outputs:
            made["outputs"] = {"parameters": outputs}
        assert self.templates[place] is made
        return name

    def outputs(self, dag: Dag) -> dict[str, str]:
        made = {key: chosen(output.selectors) for key, output in dag.outputs.parameters.items()}
        made |= {key: chosen(output.artifact_selectors) for key, output in dag.outputs.artifacts.items()}
        return made

    def task(self, scope: _Scope, key: str, task: Task) -> Obj:
        component = self.component(task.component_ref.name)
        inputs = scope.inputs(task)
        hidden: dict[str, str] = {}
        iterator = task.parameter_iterator or task.artifact_iterator
        if iterator is not None:
            template = self.loop(key, task, component, inputs)
        else:
            template = self.single(key, task, component, scope, hidden)
        made: Obj = {"name": key, "template": template}
        arguments = [
            {"name": name, "value": expressions.formula(expression)}
            for name, expression in {**inputs, **hidden}.items()
        ]
        if arguments:
            made["arguments"] = {"parameters": arguments}
        if depends := self.depends(scope.dag, task):
            made["depends"] = depends
        if task.trigger_policy.condition:
            made["when"] = expressions.formula(
                expressions.condition(task.trigger_policy.condition, lambda name: inputs.get(name, "''"))
            )
        return made

    def depends(self, dag: Dag, task: Task) -> str:
        for name in upstream(task):
            if name not in dag.tasks:
                raise IrError(f"task {task_name(dag, task)!r} waits for {name!r}, which is not in its DAG")
        if task.trigger_policy.strategy == COMPLETED:
            return " && ".join(ANY_END.format(name) for name in upstream(task))
        return " && ".join(f"{name}.Succeeded" for name in upstream(task))

    def single(
        self, key: str, task: Task, component: Component, scope: _Scope, hidden: dict[str, str]
    ) -> str:
        if component.dag is not None:
            name = self.dag(key, component)
        else:
            name = self.leaf(key, task, component, scope, hidden)
        if task.retry_policy is not None and task.retry_policy.max_retry_count:
            template = next(one for one in self.templates if one["name"] == name)
            template["retryStrategy"] = retry(task.retry_policy)
        return name

    # ---- loops -------------------------------------------------------------------------------------------

    def loop(self, key: str, task: Task, component: Component, inputs: Mapping[str, str]) -> str:
        iterator = task.parameter_iterator or task.artifact_iterator
        assert iterator is not None
        name = self.fresh(key)
        made: Obj = {
            "name": name,
            "inputs": {"parameters": [{"name": each, "default": ABSENT} for each in inputs]},
        }
        self.templates.append(made)
        body = self.dag(f"{key}-{TURN}", self.body(task, component), turn=True)
        arguments = [
            {"name": each, "value": expressions.formula(f"inputs.parameters[{expressions.literal(each)}]")}
            for each in inputs
            if each in component.input_definitions.parameters or each in component.input_definitions.artifacts
        ]
        arguments.append({"name": iterator.item_input, "value": "{{item}}"})
        turn = {
            "name": TURN,
            "template": body,
            "withParam": items(task),
            "arguments": {"parameters": arguments},
        }
        made["dag"] = {"tasks": [turn], "failFast": False}
        if task.iterator_policy.parallelism_limit:
            made["parallelism"] = task.iterator_policy.parallelism_limit
        outputs = [
            *(_gathered(each, artifacts=False) for each in component.output_definitions.parameters),
            *(_gathered(each, artifacts=True) for each in component.output_definitions.artifacts),
        ]
        if outputs:
            made["outputs"] = {"parameters": outputs}
        return name

    @staticmethod
    def body(task: Task, component: Component) -> Component:
        """What one turn runs: a DAG, if need be of the one executor."""
        if component.dag is not None:
            return component
        inputs = component.input_definitions
        inner = msgspec.structs.replace(
            task,
            parameter_iterator=None,
            artifact_iterator=None,
            dependent_tasks=[],
            inputs=msgspec.structs.replace(
                task.inputs,
                parameters={name: Source(component_input_parameter=name) for name in inputs.parameters},
                artifacts={name: Source(component_input_artifact=name) for name in inputs.artifacts},
            ),
        )
        name = task.task_info.name or "task"
        outputs = msgspec.convert(
            {
                "parameters": {
                    key: {"valueFromParameter": {"producerSubtask": name, "outputParameterKey": key}}
                    for key in component.output_definitions.parameters
                },
                "artifacts": {
                    key: {"artifactSelectors": [{"producerSubtask": name, "outputArtifactKey": key}]}
                    for key in component.output_definitions.artifacts
                },
            },
            type(Dag().outputs),
        )
        return msgspec.structs.replace(
            component, executor_label="", dag=Dag(tasks={name: inner}, outputs=outputs)
        )

    # ---- leaves ------------------------------------------------------------------------------------------

    def leaf(self, key: str, task: Task, component: Component, scope: _Scope, hidden: dict[str, str]) -> str:
        executor = self.pipeline.deployment_spec.executors.get(component.executor_label)
        if executor is None:
            raise IrError(f"deploymentSpec.executors: there is no {component.executor_label!r}")
        if executor.importer is not None:
            return self.importer(key, component, executor.importer)
        container = executor.container
        if container is None:
            raise IrError(
                f"deploymentSpec.executors.{component.executor_label}: expected a container or an importer; "
                "resolvers and custom jobs run on no open backend"
            )
        claim = leaves.CLAIMS.get(container.image)
        if claim is not None:
            return self.add(claim(self.fresh(key), self.fresh(f"{key}-claim"), component, self.job.resource))

        def hide(source: Obj) -> str:
            name = f"platform-{len(hidden) + 1}"
            value = msgspec.convert(source, Source, strict=False)
            if value.runtime_value is not None:
                hidden[name] = scope.constant(value.runtime_value.constant, task, {})
            else:
                hidden[name] = scope.source(value)
            return name

        inputs = component.input_definitions
        extra = {  # what the SDK puts into images, resources and variables, without declaring it
            name: Parameter(parameter_type="", is_optional=True)
            for name in task.inputs.parameters
            if name not in inputs.parameters
        }
        step = Step(
            task=key,
            component=task.component_ref.name,
            container=container,
            job=self.job,
            inputs=msgspec.structs.replace(inputs, parameters={**inputs.parameters, **extra}),
            outputs=component.output_definitions,
            platform=kubernetes.replaced(self.executors.get(component.executor_label) or {}, hide),
            cached=self.caching and task.caching_options.enable_cache,
            cache_key=task.caching_options.cache_key,
            workspace=self.workspace,
            tagged=tagged(task),
            passthroughs=component.task_config_passthroughs,
        )
        return self.step(self.fresh(key), step, list(hidden))

    def step(self, name: str, step: Step, hidden: list[str]) -> str:
        inputs = [*step.inputs.parameters, *step.inputs.artifacts, *hidden]
        made: Obj = {
            "name": name,
            "annotations": {ANNOTATION: expressions.sealed(msgspec.json.encode(step).decode())},
            "inputs": {"parameters": [{"name": each, "default": ABSENT} for each in inputs]},
            "container": {"image": expressions.sealed(step.container.image)},
        }
        self.templates.append(made)
        return name

    def importer(self, key: str, component: Component, importer: Any) -> str:
        name = self.fresh(key)
        inner = self.fresh(f"{key}-at-once")
        made = leaves.importer(name, inner, component, importer, self.job)
        if importer.download_to_workspace:
            copy = self.step(self.fresh(f"{key}-download"), leaves.download(self.job, key), [])
            leaves.through_workspace(made, copy)
            return self.add([made])
        return self.add([made, {"name": inner, "suspend": {"duration": "0"}}])

    def add(self, templates: list[Obj]) -> str:
        self.templates += templates
        return str(templates[0]["name"])


def tagged(task: Task) -> list[str]:
    """Inputs whose constants name the task's id."""
    return [
        name
        for name, source in task.inputs.parameters.items()
        if source.runtime_value is not None and TASK_TAG in str(source.runtime_value.constant)
    ]


def declared(component: Component) -> list[Obj]:
    found: list[Obj] = []
    for name, parameter in component.input_definitions.parameters.items():
        default = parameter.default_value
        text = ABSENT if default is UNSET else expressions.sealed(encoded(default))
        found.append({"name": name, "default": text})
    known = {item["name"] for item in found}
    artifacts: dict[str, Artifact] = component.input_definitions.artifacts
    return [*found, *({"name": name, "default": ABSENT} for name in artifacts if name not in known)]


def chosen(selectors: list[Selector]) -> str:
    """One producer's output; of several, the first that ran."""
    if not selectors:
        return "''"
    found = [(one.producer_subtask, one.output_parameter_key or one.output_artifact_key) for one in selectors]
    if len(found) == 1:
        return produced(*found[0])
    made = "''"
    for task, key in reversed(found):
        made = f"(tasks[{expressions.literal(task)}].status == 'Succeeded' ? {produced(task, key)} : {made})"
    return made


def _turned(expression: str) -> str:
    return f"'[' + {expression} + ']'"


def _gathered(key: str, *, artifacts: bool) -> Obj:
    column = f"(tasks['{TURN}'].outputs.parameters[{expressions.literal(key)}] ?? '[]')"
    values = f"map(filter(fromJSON({column}), len(#) > 0), #[0])"
    made = f"toJson(flatten({values}))" if artifacts else f"toJson({values})"
    return {"name": key, "valueFrom": {"expression": made}}


def items(task: Task) -> str:
    """`withParam`: a list of JSON texts, one a turn."""
    iterator = task.parameter_iterator or task.artifact_iterator
    assert iterator is not None
    source = iterator.items
    if source.raw is not None:
        found = json.loads(source.raw)
        return json.dumps([expressions.sealed(encoded(item)) for item in found])
    name = source.input_parameter or source.input_artifact
    text = f"inputs.parameters[{expressions.literal(name)}]"
    value = f"fromJSON({text})"
    if source.input_artifact:
        return expressions.formula(f"toJson(map(flatten({value}), toJson([#])))")
    listed = f"(type({value}) == 'string' ? fromJSON({value}) : {value})"
    return expressions.formula(f"toJson(map({listed}, toJson(#)))")


def retry(policy: Retry) -> Obj:
    made: Obj = {"limit": str(policy.max_retry_count), "retryPolicy": "Always"}
    duration = policy.backoff_duration
    if duration and duration.rstrip("s") not in ("", "0"):
        made["backoff"] = {"duration": duration}
        if policy.backoff_factor:
            made["backoff"]["factor"] = str(round(policy.backoff_factor) or 1)
        if policy.backoff_max_duration:
            made["backoff"]["maxDuration"] = policy.backoff_max_duration
    return made
