"""Settings of a platform as the calls that make them: those of Kubernetes by name, others as data. Pure.

Caller: `block`. Source: kubeflow/pipelines kubernetes_platform/proto/kubernetes_executor_config.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pinnace.authoring.kfp.code.values import Values
from pinnace.authoring.kfp.ir import Obj, Source, Task
from pinnace.authoring.program import Call, Raw, source

Given = tuple[tuple[str, Any], ...]


class Setting(msgspec.Struct, frozen=True):
    function: str
    given: Given

    def written(self, variable: str, indent: int) -> str:
        call = Call(f"kubernetes.{self.function}", (("task", Raw(variable)), *self.given))
        return source(call, indent)


class Rest(msgspec.Struct, frozen=True):
    """What no function sets: the task's own record of it."""

    platform: str
    value: Obj

    def written(self, variable: str, indent: int) -> str:
        return f'{variable}.platform_config["{self.platform}"] = {source(self.value, indent)}'


def settings(platforms: Obj, label: str, values: Values, task: Task) -> Iterator[Setting | Rest]:
    """Of an executor, in an order in which nothing overwrites what was set before."""
    for name, platform in sorted((platforms or {}).items()):
        config = (((platform or {}).get("deploymentSpec") or {}).get("executors") or {}).get(label)
        if not config:
            continue
        if name != "kubernetes":
            yield Rest(name, config)
            continue
        rest = {key: value for key, value in config.items() if key not in _WAYS}
        if rest:
            yield Rest(name, rest)
        for key, value in config.items():
            if key in _WAYS:
                yield from _WAYS[key](value, _Parameters(values, task))


class _Parameters:
    """Names that may be a constant, an input or another task's output."""

    def __init__(self, values: Values, task: Task) -> None:
        self.values = values
        self.task = task

    def value(self, one: Obj, field: str, constant: str = "") -> Any:
        """`constant` is where older compilers wrote a text."""
        spec = one.get(field)
        if not spec and constant and one.get(constant):
            return one[constant]
        if not spec:
            kept = ("componentInputParameter", "taskOutputParameter")
            spec = {key: one[key] for key in kept if key in one}
        return Raw(self.values.expression(msgspec.convert(spec, Source), self.task))


def _named(function: str, kind: str, key: str = "") -> Any:
    """Secrets and config maps: as variables if `key` names what is mapped, else as a volume."""

    def ways(every: list[Obj], parameters: _Parameters) -> Iterator[Setting]:
        snake = "secret" if kind == "secret" else "config_map"
        for one in every:
            made: list[tuple[str, Any]] = [
                (f"{snake}_name", parameters.value(one, f"{kind}NameParameter", f"{kind}Name"))
            ]
            if key:
                mapped = {each[key]: each["envVar"] for each in one.get("keyToEnv") or ()}
                made.append((f"{snake}_key_to_env", mapped))
            else:
                made.append(("mount_path", one.get("mountPath", "")))
            yield Setting(function, tuple(made + ([("optional", True)] if one.get("optional") else [])))

    return ways


def _plain(function: str, **fields: str) -> Any:
    """One call for each of a list; arguments by the fields that they come from."""

    def ways(every: list[Obj], parameters: _Parameters) -> Iterator[Setting]:
        for one in every:
            yield Setting(function, tuple((name, one[key]) for name, key in fields.items() if key in one))

    return ways


def _pull_secrets(every: list[Obj], parameters: _Parameters) -> Iterator[Setting]:
    names = [parameters.value(one, "secretNameParameter", "secretName") for one in every]
    yield Setting("set_image_pull_secrets", (("secret_names", names),))


def _single(function: str, argument: str, read: Any = None) -> Any:
    def ways(value: Any, parameters: _Parameters) -> Iterator[Setting]:
        yield Setting(function, ((argument, read(value) if read else value),))

    return ways


def _node_selector(value: Obj, parameters: _Parameters) -> Iterator[Setting]:
    for key, label in (value.get("labels") or {}).items():
        yield Setting("add_node_selector", (("label_key", key), ("label_value", label)))
    if value.get("nodeSelectorJson"):
        found = parameters.value(value, "nodeSelectorJson")
        yield Setting("add_node_selector_json", (("node_selector_json", found),))


def _node_affinity(every: list[Obj], parameters: _Parameters) -> Iterator[Setting]:
    fields = (("match_expressions", "matchExpressions"), ("match_fields", "matchFields"))
    for one in every:
        if one.get("nodeAffinityJson"):
            found = parameters.value(one, "nodeAffinityJson")
            yield Setting("add_node_affinity_json", (("node_affinity_json", found),))
            continue
        made = [(name, one[key]) for name, key in fields if one.get(key)]
        weight = [("weight", int(one["weight"]))] if one.get("weight") else []
        yield Setting("add_node_affinity", (*made, *weight))


def _tolerations(every: list[Obj], parameters: _Parameters) -> Iterator[Setting]:
    for one in every:
        if one.get("tolerationJson"):
            found = parameters.value(one, "tolerationJson")
            yield Setting("add_toleration_json", (("toleration_json", found),))
            continue
        plain = ("key", "operator", "value", "effect")
        made: list[tuple[str, Any]] = [(key, one[key]) for key in plain if key in one]
        if "tolerationSeconds" in one:
            made.append(("toleration_seconds", int(one["tolerationSeconds"])))
        yield Setting("add_toleration", tuple(made))


def _pod_metadata(value: Obj, parameters: _Parameters) -> Iterator[Setting]:
    for field, word in (("labels", "label"), ("annotations", "annotation")):
        for key, one in (value.get(field) or {}).items():
            yield Setting(f"add_pod_{word}", ((f"{word}_key", key), (f"{word}_value", one)))


def _security(value: Obj, parameters: _Parameters) -> Iterator[Setting]:
    numbers = (("run_as_user", "runAsUser"), ("run_as_group", "runAsGroup"))
    made: list[tuple[str, Any]] = [(name, int(value[key])) for name, key in numbers if key in value]
    if "runAsNonRoot" in value:
        made.append(("run_as_non_root", value["runAsNonRoot"]))
    yield Setting("set_security_context", tuple(made))


def _claims(every: list[Obj], parameters: _Parameters) -> Iterator[Setting]:
    for one in every:
        name = parameters.value(one, "pvcNameParameter", "constant")
        made: list[tuple[str, Any]] = [("pvc_name", name), ("mount_path", one.get("mountPath", ""))]
        if one.get("subPath"):
            made.append(("sub_path", one["subPath"]))
        yield Setting("mount_pvc", tuple(made))


def _ephemeral(every: list[Obj], parameters: _Parameters) -> Iterator[Setting]:
    fields = (
        ("volume_name", "volumeName"), ("mount_path", "mountPath"), ("access_modes", "accessModes"),
        ("size", "size"), ("storage_class_name", "storageClassName"),
    )
    for one in every:
        made = [(name, one[key]) for name, key in fields if key in one]
        about = one.get("metadata") or {}
        made += [(name, about[name]) for name in ("labels", "annotations") if about.get(name)]
        yield Setting("add_ephemeral_volume", tuple(made))


_WAYS: dict[str, Any] = {
    "secretAsEnv": _named("use_secret_as_env", "secret", "secretKey"),
    "secretAsVolume": _named("use_secret_as_volume", "secret"),
    "configMapAsEnv": _named("use_config_map_as_env", "configMap", "configMapKey"),
    "configMapAsVolume": _named("use_config_map_as_volume", "configMap"),
    "emptyDirMounts": _plain(
        "empty_dir_mount", volume_name="volumeName", mount_path="mountPath", medium="medium",
        size_limit="sizeLimit",
    ),
    "fieldPathAsEnv": _plain("use_field_path_as_env", env_name="name", field_path="fieldPath"),
    "imagePullSecret": _pull_secrets,
    "imagePullPolicy": _single("set_image_pull_policy", "policy"),
    "activeDeadlineSeconds": _single("set_timeout", "seconds", int),
    "nodeSelector": _node_selector, "nodeAffinity": _node_affinity, "tolerations": _tolerations,
    "podMetadata": _pod_metadata, "securityContext": _security, "pvcMount": _claims,
    "genericEphemeralVolume": _ephemeral,
}


def pipeline_config(platforms: Obj) -> Call | None:
    """What holds for the whole pipeline."""
    given = ((platforms or {}).get("kubernetes") or {}).get("pipelineConfig") or {}
    made: list[tuple[str, Any]] = []
    space = given.get("workspace") or {}
    if space.get("size"):
        patch = (space.get("kubernetes") or {}).get("pvcSpecPatch")
        room: list[tuple[str, Any]] = [("size", space["size"])]
        if patch:
            room.append(("kubernetes", Call("dsl.KubernetesWorkspaceConfig", (("pvcSpecPatch", patch),))))
        made.append(("workspace", Call("dsl.WorkspaceConfig", tuple(room))))
    for name, key in (
        ("ttl_seconds_after_finished", "resourceTtlOnCompletion"),
        ("ttl_seconds_after_success", "resourceTtlOnSuccess"),
        ("ttl_seconds_after_failure", "resourceTtlOnFailure"),
        ("active_deadline_seconds", "activeDeadlineSeconds"),
    ):
        if given.get(key):
            made.append((name, int(given[key])))
    return Call("dsl.PipelineConfig", tuple(made)) if made else None
