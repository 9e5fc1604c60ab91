"""The executors that need no program of the user's: importers, and claims on volumes. Caller: `lowering`.

A claim is made by upstream's driver for the images `argostub/createpvc` and `argostub/deletepvc`, which are
kfp-kubernetes' way to ask for it and are never pulled; here it is a resource template.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import UNSET

from pinnace.authoring.kfp import expressions, placeholders
from pinnace.authoring.kfp.ir import Artifact, Component, Container, Definitions, Importer, Obj, Parameter
from pinnace.authoring.kfp.launch import VOLUME as VOLUME
from pinnace.authoring.kfp.step import WORKSPACE, Job, Step
from pinnace.authoring.kfp.values import ABSENT, encoded

OUTPUT = "artifact"
_COPY = 'mkdir -p "$(dirname "$1")" && rm -rf "$1" && cp -r "$0" "$1"'


def inputs(component: Component) -> list[Obj]:
    made: list[Obj] = []
    for name, parameter in component.input_definitions.parameters.items():
        value = parameter.default_value
        default = ABSENT if value is UNSET else expressions.sealed(encoded(value))
        made.append({"name": name, "default": default})
    return made


def _input(name: str) -> str:
    return f"(inputs.parameters[{expressions.literal(name)}] ?? '')"


def importer(name: str, inner: str, component: Component, wanted: Importer, job: Job) -> Obj:
    """The artifact is the output of a DAG that does nothing: a DAG must have a task."""
    known = placeholders.of_job(job)
    sources = {each: _input(each) for each in component.input_definitions.parameters}
    metadata = placeholders.put_deep(wanted.metadata, known)
    shown = expressions.constant(metadata, sources) or expressions.literal(encoded(metadata))
    origin = wanted.artifact_uri
    if origin.get("runtimeParameter"):
        uri = expressions.plain(_input(origin["runtimeParameter"]))
    else:
        found = origin.get("constant")
        found = found.get("stringValue", found) if isinstance(found, dict) else found
        uri = expressions.literal(placeholders.put(str(found or ""), known))
    kind = expressions.literal(encoded(wanted.type_schema))
    made = (
        f"toJson([{{'name': '{OUTPUT}', 'type': fromJSON({kind}), 'uri': {uri}, "
        f"'metadata': fromJSON({shown})}}])"
    )
    return {
        "name": name,
        "inputs": {"parameters": inputs(component)},
        "dag": {"tasks": [{"name": "import", "template": inner}]},
        "outputs": {"parameters": [{"name": OUTPUT, "valueFrom": {"expression": made}}]},
    }


def through_workspace(made: Obj, copy: str) -> None:
    """The imported artifact is copied into the workspace, and its URI is where it lies there."""
    (output,) = made["outputs"]["parameters"]
    artifact = output["valueFrom"]["expression"]
    task = {
        "name": "download",
        "template": copy,
        "arguments": {"parameters": [{"name": "source", "value": expressions.formula(artifact)}]},
    }
    made["dag"] = {"tasks": [task]}
    plain = f"fromJSON({artifact})[0]"
    moved = (
        f"toJson([{{'name': {plain}.name, 'type': {plain}.type, 'metadata': {plain}.metadata, "
        "'uri': fromJSON(tasks['download'].outputs.parameters['path'])}])"
    )
    output["valueFrom"]["expression"] = moved


def download(job: Job, key: str) -> Step:
    target = f"{WORKSPACE}/.artifacts/{{{{$.pipeline_task_uuid}}}}/{key}"
    script = f'{_COPY} && mkdir -p "$(dirname "$2")" && printf %s "$1" > "$2"'
    container = Container(
        image="busybox",
        command=[
            "sh",
            "-c",
            script,
            "{{$.inputs.artifacts['source'].path}}",
            target,
            "{{$.outputs.parameters['path'].output_file}}",
        ],
    )
    return Step(
        task=f"{key}-download",
        component=key,
        container=container,
        job=job,
        workspace=True,
        inputs=Definitions(artifacts={"source": Artifact()}),
        outputs=Definitions(parameters={"path": Parameter()}),
    )


def _claim(name: str, inner: str, component: Component, action: str, manifest: str) -> list[Obj]:
    resource: Obj = {"action": action, "manifest": "{{inputs.parameters.manifest}}"}
    leaf: Obj = {"name": inner, "inputs": {"parameters": [{"name": "manifest"}]}, "resource": resource}
    task = {
        "name": action,
        "template": inner,
        "arguments": {"parameters": [{"name": "manifest", "value": expressions.formula(manifest)}]},
    }
    made: Obj = {"name": name, "inputs": {"parameters": inputs(component)}, "dag": {"tasks": [task]}}
    if action == "create":
        leaf["outputs"] = {"parameters": [{"name": "name", "valueFrom": {"jsonPath": "{.metadata.name}"}}]}
        shown = f"toJson(tasks['{action}'].outputs.parameters['name'])"
        made["outputs"] = {"parameters": [{"name": "name", "valueFrom": {"expression": shown}}]}
    return [made, leaf]


def _given(name: str) -> str:
    return f"({_input(name)} == '' ? nil : fromJSON({_input(name)}))"


def created(name: str, inner: str, component: Component, workflow: str) -> list[Obj]:
    prefix = expressions.literal(workflow + "-")
    suffix = f"trimPrefix({_given('pvc_name_suffix')} ?? '', '-')"
    called = f"({_given('pvc_name')} ?? '') != '' ? {_given('pvc_name')} : {prefix} + {suffix}"
    classed = _given("storage_class_name")
    manifest = (
        "toJson({'apiVersion': 'v1', 'kind': 'PersistentVolumeClaim', "
        f"'metadata': {{'name': {called}, 'annotations': {_given('annotations')} ?? {{}}}}, "
        f"'spec': {{'accessModes': {_given('access_modes')} ?? ['ReadWriteOnce'], "
        f"'storageClassName': ({classed} ?? '') == '' ? nil : {classed}, "
        f"'volumeName': {_given('volume_name')}, "
        f"'resources': {{'requests': {{'storage': {_given('size')} ?? '1Gi'}}}}}}}})"
    )
    return _claim(name, inner, component, "create", manifest)


def deleted(name: str, inner: str, component: Component, workflow: str) -> list[Obj]:
    manifest = (
        "toJson({'apiVersion': 'v1', 'kind': 'PersistentVolumeClaim', "
        f"'metadata': {{'name': {_given('pvc_name')}}}}})"
    )
    return _claim(name, inner, component, "delete", manifest)


CLAIMS: dict[str, Callable[[str, str, Component, str], list[Obj]]] = {
    "argostub/createpvc": created,
    "argostub/deletepvc": deleted,
}
