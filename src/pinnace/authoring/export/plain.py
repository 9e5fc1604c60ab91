"""A pipeline as a Workflow that any Argo runs: Kubeflow Pipelines' driver and launcher as expressions.

The lowered Workflow (`authoring/kfp/lowering`) leaves each component's start to the platform; here each
becomes a DAG of one pod. The pod's words are expressions over its inputs, the executor's input among them;
the DAG turns what the pod wrote into the outputs that others read. Pure; called by `cli/export`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from msgspec import UNSET

from pinnace.authoring.export.tags import Tags, Unwritable
from pinnace.authoring.kfp import expressions, launch, step
from pinnace.authoring.kfp.expressions import formula, literal
from pinnace.authoring.kfp.ir import Package
from pinnace.authoring.kfp.kubernetes import Outfit, PlatformProblem
from pinnace.authoring.kfp.lowering import lowered
from pinnace.authoring.kfp.placeholders import of_job
from pinnace.authoring.kfp.step import PARAMETERS, WORKSPACE, Job, Step
from pinnace.authoring.kfp.values import ABSENT, encoded
from pinnace.kinds.resource import Obj

if TYPE_CHECKING:
    from pinnace.authoring.kfp.placeholders import Resolver

RUN = "run"
ROOT, FOLDER, KEY = "artifacts-root", "artifacts-folder", "artifacts-key"
WRITTEN = "executor-output"
WRITTEN_FILE = f"{PARAMETERS}/{WRITTEN}.json"
MADE = 'mkdir -p {folders} && exec "$0" "$@"'


class NotPlain(ValueError):
    """What only Kubeflow Pipelines can do; the text says what."""


def workflow(package: Package, name: str, arguments: Mapping[str, Any]) -> Obj:
    """Raises NotPlain, IrError, ValueMismatch."""
    pipeline = package.pipeline.pipeline_info.name
    job = Job(id=name, name=pipeline, resource=name, pipeline=pipeline)
    if any(one.importer is not None for one in package.pipeline.deployment_spec.executors.values()):
        raise NotPlain("it imports artifacts")
    spec = lowered(package, job, arguments, caching=False)
    templates: list[Obj] = []
    for template in spec["templates"]:
        found = step.of(template.get("annotations"))
        templates += [template] if found is None else plain(template, found)
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name},
        "spec": {**spec, "templates": templates},
    }  # fmt: skip


def plain(template: Obj, found: Step) -> list[Obj]:
    """The DAG under the step's name, and its pod."""
    inner = f"{template['name']}-pod"
    inputs = [one["name"] for one in template["inputs"]["parameters"]]
    root = root_of(found, inputs)
    arguments = [{"name": name, "value": formula(given(name))} for name in inputs]
    arguments += [
        {"name": ROOT, "value": formula(root)},
        {"name": FOLDER, "value": formula(f"replace({root}, 'minio://', '/minio/')")},
        {"name": KEY, "value": formula(f"replace({root}, {literal(step.BUCKET)}, '')")},
    ]
    outer: Obj = {
        "name": template["name"],
        "inputs": template["inputs"],
        "dag": {"tasks": [{"name": RUN, "template": inner, "arguments": {"parameters": arguments}}]},
    }
    if outputs := results(found, root):
        outer["outputs"] = {"parameters": outputs}
    made = pod(inner, inputs, found)
    if template.get("retryStrategy"):
        made["retryStrategy"] = template["retryStrategy"]
    return [outer, made]


def given(name: str) -> str:
    return f"inputs.parameters[{literal(name)}]"


def root_of(found: Step, inputs: list[str]) -> str:
    """Where a step's artifacts lie: equal inputs, equal place."""
    if not found.job.folder.startswith(step.BUCKET):
        raise NotPlain(f"its artifacts belong to {found.job.folder}, not to the default artifact repository")
    texts = " + '|' + ".join(given(name) for name in inputs) or "''"
    return f"{literal(f'{found.job.folder}/{found.task}/')} + sprig.sha256sum({texts})"


def pod(name: str, inputs: list[str], found: Step) -> Obj:
    tags = Tags(found, executor_input(found), of_job(found.job) | {".pipeline_task_name": found.task})
    try:
        made = template(name, inputs, found, tags)
    except (Unwritable, PlatformProblem) as problem:
        raise NotPlain(f"{found.task}: {problem}") from problem
    except (TypeError, AttributeError) as problem:  # a text where a map or a list was wanted
        raise NotPlain(f"{found.task}: a setting of its pod is computed when it runs") from problem
    if "{{" in json.dumps(made["container"].get("resources") or {}):
        raise NotPlain(f"{found.task}: its resources are computed when it runs")
    return made


def template(name: str, inputs: list[str], found: Step, tags: Tags) -> Obj:
    outfit = Outfit(found.platform, hidden).collect()
    command, args = tags.words(found.container.command), tags.words(found.container.args)
    if "--executor_input" not in found.container.args:
        command = [*prepared(found), *command]
    mounts = [*outfit.mounts, *([{"name": launch.VOLUME, "mountPath": WORKSPACE}] if found.workspace else [])]
    env = [
        {**one, "value": tags.text(one["value"])} if "value" in one else one for one in found.container.env
    ]
    container: Obj = {
        "image": tags.text(found.container.image), "command": command, "args": args,
        "env": [*env, *outfit.env], "volumeMounts": mounts,
        "resources": launch.resources(found.container.resources, cast("Resolver", tags)), **outfit.container,
    }  # fmt: skip
    made: Obj = {
        "name": name,
        "inputs": {"parameters": [{"name": each} for each in (*inputs, ROOT, FOLDER, KEY)]},
        "container": {key: value for key, value in container.items() if value},
        "outputs": collected(found),
        **outfit.template,
    }
    if taken := artifacts_in(found):
        made["inputs"]["artifacts"] = taken
    if outfit.volumes:
        made["volumes"] = outfit.volumes
    return made


def hidden(source: Any) -> Any:
    """What the platform's part takes from an input, as a text."""
    if not isinstance(source, dict) or "input" not in source:
        return None
    return formula(expressions.plain(given(source["input"])))


def prepared(found: Step) -> list[str]:
    """A program that is not the SDK's finds the folders of its outputs made."""
    folders = [PARAMETERS] if found.outputs.parameters else []
    folders += ['"{{inputs.parameters.' + FOLDER + '}}"'] if found.outputs.artifacts else []
    return ["sh", "-c", MADE.format(folders=" ".join(folders))] if folders else []


def executor_input(found: Step) -> str:
    values = ", ".join(f"{literal(name)}: {value(name, found)}" for name in found.inputs.parameters)
    groups = ", ".join(
        f"{literal(name)}: {{'artifacts': ({given(name)} == '' ? [] : fromJSON({given(name)}))}}"
        for name in found.inputs.artifacts
    )
    files = ", ".join(
        f"{literal(name)}: {{'outputFile': {literal(f'{PARAMETERS}/{name}')}}}"
        for name in found.outputs.parameters
    )
    made = ", ".join(
        f"{literal(name)}: {{'artifacts': [{artifact(name, declared.artifact_type, given(ROOT), '{}')}]}}"
        for name, declared in found.outputs.artifacts.items()
    )
    return (
        f"toJson({{'inputs': {{'parameterValues': {{{values}}}, 'artifacts': {{{groups}}}}}, "
        f"'outputs': {{'parameters': {{{files}}}, 'artifacts': {{{made}}}, "
        f"'outputFile': {literal(WRITTEN_FILE)}}}}})"
    )


def value(name: str, found: Step) -> str:
    default = found.inputs.parameters[name].default_value
    text = literal(encoded(default)) if default is not UNSET else "'null'"
    return f"fromJSON({given(name)} == '' ? {text} : {given(name)})"


def artifact(name: str, kind: Any, root: str, metadata: str) -> str:
    return (
        f"{{'name': {literal(name)}, 'type': fromJSON({literal(encoded(kind))}), "
        f"'uri': {root} + {literal(f'/{name}')}, 'metadata': {metadata}}}"
    )


def artifacts_in(found: Step) -> list[Obj]:
    made = []
    for name, declared in found.inputs.artifacts.items():
        if declared.is_artifact_list or declared.is_optional:
            raise NotPlain(
                f"{found.task} takes {name!r}, {'a list' if declared.is_artifact_list else 'optional'}"
            )
        uri = f"fromJSON({given(name)})[0].uri"
        made.append({
            "name": name, "path": formula(f"replace({uri}, 'minio://', '/minio/')"),
            "s3": {"key": formula(f"replace({uri}, {literal(step.BUCKET)}, '')")},
        })  # fmt: skip
    return made


def collected(found: Step) -> Obj:
    parameters = [
        {"name": name, "valueFrom": {"path": f"{PARAMETERS}/{name}", "default": ABSENT}}
        for name in found.outputs.parameters
    ]
    parameters.append({"name": WRITTEN, "valueFrom": {"path": WRITTEN_FILE, "default": ABSENT}})
    made: Obj = {"parameters": parameters}
    artifacts = []
    for name, declared in found.outputs.artifacts.items():
        if declared.is_artifact_list:
            raise NotPlain(f"{found.task} makes {name!r}, a list of artifacts")
        artifacts.append({
            "name": name, "path": f"{{{{inputs.parameters.{FOLDER}}}}}/{name}", "optional": True,
            "archive": {"none": {}}, "s3": {"key": f"{{{{inputs.parameters.{KEY}}}}}/{name}"},
        })  # fmt: skip
    return {**made, "artifacts": artifacts} if artifacts else made


def results(found: Step, root: str) -> list[Obj]:
    """The outputs as others read them: JSON texts."""
    written = f"(tasks['{RUN}'].outputs.parameters['{WRITTEN}'] ?? '')"
    document = f"fromJSON({written} == '' ? '{{}}' : {written})".replace("'{}'", literal("{}"))
    made = []
    for name, declared in found.outputs.parameters.items():
        file = f"(tasks['{RUN}'].outputs.parameters[{literal(name)}] ?? '')"
        text = f"toJson({file})" if declared.parameter_type == "STRING" else file
        values = f"({document}.parameterValues ?? {{}})"
        made.append((name, (
            f"{literal(name)} in {values} ? toJson({values}[{literal(name)}]) : ({file} == '' ? '' : {text})"
        )))  # fmt: skip
    for name, output in found.outputs.artifacts.items():
        group = f"((({document}.artifacts ?? {{}})[{literal(name)}] ?? {{}}).artifacts ?? [{{}}])"
        one = artifact(name, output.artifact_type, root, f"({group}[0].metadata ?? {{}})")
        made.append((name, f"toJson([{one}])"))
    return [{"name": name, "valueFrom": {"expression": text}} for name, text in made]
