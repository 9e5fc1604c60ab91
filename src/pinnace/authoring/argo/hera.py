"""A document of Argo as a program of Hera (7): running it makes the same document again. Pure.

What Hera has a class for is written with it; anything else of a template with Hera's own models, under Argo's
names. Callers: `api/authoring`, `pinnace convert`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pinnace.authoring.program import Call, Raw, call, identifier, source
from pinnace.kinds.resource import Obj

KINDS = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow")
MODELS = {
    "activeDeadlineSeconds": "", "affinity": "Affinity", "archiveLocation": "ArtifactLocation",
    "artifactGC": "ArtifactGC", "artifactRepositoryRef": "ArtifactRepositoryRef", "continueOn": "ContinueOn",
    "dnsConfig": "PodDNSConfig", "env": "EnvVar", "envFrom": "EnvFromSource", "executor": "ExecutorConfig",
    "hostAliases": "HostAlias", "imagePullSecrets": "LocalObjectReference", "initContainers": "UserContainer",
    "lifecycle": "Lifecycle", "livenessProbe": "Probe", "memoize": "Memoize", "metrics": "Metrics",
    "podDisruptionBudget": "PodDisruptionBudgetSpec", "podGC": "PodGC", "podMetadata": "Metadata",
    "ports": "ContainerPort", "readinessProbe": "Probe", "resources": "ResourceRequirements",
    "retryStrategy": "RetryStrategy", "sidecars": "UserContainer", "startupProbe": "Probe",
    "synchronization": "Synchronization", "templateDefaults": "Template", "templateRef": "TemplateRef",
    "tolerations": "Toleration", "ttlStrategy": "TTLStrategy", "volumeClaimGC": "VolumeClaimGC",
    "volumeClaimTemplates": "PersistentVolumeClaim", "volumeDevices": "VolumeDevice",
    "volumeMounts": "VolumeMount", "volumes": "Volume", "withSequence": "Sequence",
    "workflowMetadata": "WorkflowMetadata", "workflowTemplateRef": "WorkflowTemplateRef",
    "stopStrategy": "StopStrategy", "valueFrom": "ValueFrom", "archive": "ArchiveStrategy",
    "manifestFrom": "ManifestFrom",
}
"""Field → Hera's model of its value, or of each of its values."""
COMMON = frozenset({
    "name", "inputs", "outputs", "metadata", "activeDeadlineSeconds", "affinity", "daemon", "failFast",
    "initContainers", "memoize", "nodeSelector", "parallelism", "podSpecPatch", "priorityClassName",
    "retryStrategy", "schedulerName", "serviceAccountName", "sidecars", "synchronization", "timeout",
    "tolerations", "volumes", "hostAliases", "automountServiceAccountToken",
})
BODY = frozenset({
    "image", "command", "args", "env", "envFrom", "resources", "volumeMounts", "imagePullPolicy", "ports",
    "workingDir", "readinessProbe", "livenessProbe",
})
RESOURCE = frozenset({
    "action", "manifest", "successCondition", "failureCondition", "flags", "mergeStrategy",
    "setOwnerReference",
})
PARAMETER = frozenset({"name", "value", "default", "enum", "description", "globalName", "valueFrom"})
ARTIFACT = frozenset({
    "name", "path", "from", "fromExpression", "optional", "mode", "subPath", "archive", "globalName",
    "recurseMode",
})
CALLS = frozenset({
    "name", "template", "templateRef", "arguments", "when", "withItems", "withParam", "withSequence",
    "depends", "dependencies", "continueOn", "onExit", "hooks",
})
META = ("name", "generateName", "namespace", "labels", "annotations")
CRON = (
    "schedule", "schedules", "timezone", "concurrencyPolicy", "startingDeadlineSeconds", "suspend",
    "successfulJobsHistoryLimit", "failedJobsHistoryLimit", "stopStrategy", "when",
)
SPEC = frozenset({
    "activeDeadlineSeconds", "affinity", "archiveLogs", "artifactGC", "artifactRepositoryRef", "arguments",
    "automountServiceAccountToken", "dnsConfig", "dnsPolicy", "entrypoint", "executor", "hooks",
    "hostAliases", "hostNetwork", "imagePullSecrets", "metrics", "nodeSelector", "onExit", "parallelism",
    "podDisruptionBudget", "podGC", "podMetadata", "podPriorityClassName", "podSpecPatch", "priority",
    "retryStrategy", "schedulerName", "securityContext", "serviceAccountName", "shutdown", "suspend",
    "synchronization", "templateDefaults", "templates", "tolerations", "ttlStrategy", "volumeClaimGC",
    "volumeClaimTemplates", "volumes", "workflowMetadata", "workflowTemplateRef",
})
"""What Hera's Workflow has of Argo's spec."""
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class NoProgram(ValueError):
    """The document is none of Argo's that Hera has; the text names the field."""


def program(document: Obj) -> str:
    """Raises NoProgram."""
    kind = str(document.get("kind") or "")
    if kind not in KINDS:
        raise NoProgram(f"kind: {kind!r}; Hera makes {', '.join(KINDS)}")
    try:
        return _Writing(document, kind).written()
    except (AttributeError, KeyError, TypeError) as error:
        raise NoProgram(f"spec: the document does not have the form of a {kind} ({error})") from None


def snake(field: str) -> str:
    """`podGC` → `pod_gc`, as Hera spells Argo's fields."""
    return "from_" if field == "from" else _HUMP.sub("_", field).lower()


class _Writing:
    def __init__(self, document: Obj, kind: str) -> None:
        self.document = document
        self.kind = kind
        self.used: set[str] = {kind}
        self.names: dict[str, str] = {}
        """Template → the variable that holds it."""

    def written(self) -> str:
        spec = self.document.get("spec") or {}
        inner = (spec.get("workflowSpec") or {}) if self.kind == "CronWorkflow" else spec
        outer = set(spec) - {*CRON, "workflowSpec"} if self.kind == "CronWorkflow" else set()
        for field in sorted(outer | (set(inner) - SPEC)):
            raise NoProgram(f"spec.{field}: Hera's {self.kind} has no word for it")
        parts = [self._assigned(one) for one in inner.get("templates") or ()]
        whole = Call(self.kind, tuple(self._whole(spec, inner)))
        body = "\n\n".join([*parts, f"w = {source(whole)}"])
        shown = ["", 'if __name__ == "__main__":', "    print(w.to_yaml())", ""]
        return "\n".join([*self._head(), body, *shown])

    def _head(self) -> Iterator[str]:
        names = sorted(self.used - {"m"})
        line = f"from hera.workflows import {', '.join(names)}"
        if len(line) > 100:
            line = "from hera.workflows import (\n" + "".join(f"    {name},\n" for name in names) + ")"
        yield line
        if "m" in self.used:
            yield "from hera.workflows import models as m"
        yield ""

    def _assigned(self, template: Obj) -> str:
        variable = identifier(str(template.get("name") or "template"), {*self.names.values(), "m", "w"})
        self.names[str(template.get("name"))] = variable
        return f"{variable} = {source(self._template(template))}"

    def _whole(self, spec: Obj, inner: Obj) -> Iterator[tuple[str, Any]]:
        meta = self.document.get("metadata") or {}
        yield from ((snake(field), meta[field]) for field in META if meta.get(field) is not None)
        if self.kind == "CronWorkflow":
            for field in CRON:
                if spec.get(field) is not None:
                    name = "cron_suspend" if field == "suspend" else snake(field)
                    yield name, self._value(field, spec[field])
        for field, value in inner.items():
            if field == "arguments":
                yield "arguments", self._arguments(value)
            elif field == "hooks":
                yield "hooks", self._hooks(value)
            elif field == "securityContext":
                yield "security_context", self._model("PodSecurityContext", value)
            elif field == "templates":
                yield "templates", [Raw(self.names[str(one.get("name"))]) for one in value or ()]
            elif value is not None:
                yield snake(field), self._value(field, value)

    # ---- templates -------------------------------------------------------------------------------

    def _template(self, template: Obj) -> Call:
        for kind, write in (
            ("container", self._container), ("script", self._script), ("dag", self._dag),
            ("steps", self._steps), ("suspend", self._suspend), ("resource", self._resource),
        ):
            if kind in template:
                made = write(template) if set(template) <= COMMON | {kind} else None
                return made if made is not None else self._model("Template", template)
        return self._model("Template", template)

    def _common(self, template: Obj) -> Iterator[tuple[str, Any]]:
        for field, value in template.items():
            if field in ("inputs", "outputs"):
                yield field, self._arguments(value)
            elif field == "metadata":
                yield from ((key, value[key]) for key in ("labels", "annotations") if value.get(key))
            elif field in COMMON and value is not None:
                yield snake(field), self._value(field, value)

    def _class(self, name: str, given: list[tuple[str, Any]]) -> Call:
        self.used.add(name)
        return Call(name, tuple(given))

    def _container(self, template: Obj) -> Call | None:
        body = template["container"] or {}
        if not body.get("image") or not set(body) <= BODY:
            return None
        return self._class("Container", [*self._common(template), *self._fields(body)])

    def _script(self, template: Obj) -> Call | None:
        body = template["script"] or {}
        whole = all(body.get(field) for field in ("image", "command", "source"))
        if not whole or not set(body) <= BODY | {"source"}:
            return None
        return self._class("Script", [*self._common(template), *self._fields(body)])

    def _resource(self, template: Obj) -> Call | None:
        body = template["resource"] or {}
        if not set(body) <= RESOURCE or not isinstance(body.get("manifest"), str):
            return None
        return self._class("Resource", [*self._common(template), *self._fields(body)])

    def _suspend(self, template: Obj) -> Call | None:
        body = template["suspend"] or {}
        if not set(body) <= {"duration"} or "volumes" in template:
            return None
        return self._class("Suspend", [*self._common(template), *self._fields(body)])

    def _dag(self, template: Obj) -> Call | None:
        body = template["dag"] or {}
        if not set(body) <= {"tasks", "target"} or {"failFast", "volumes"} & set(template):
            return None
        tasks = [self._called("Task", one) for one in body.get("tasks") or ()]
        if any(one is None for one in tasks):
            return None
        target = [("target", body["target"])] if body.get("target") else []
        return self._class("DAG", [*self._common(template), *target, ("tasks", tasks)])

    def _steps(self, template: Obj) -> Call | None:
        if "volumes" in template:
            return None
        groups: list[Any] = []
        for group in template["steps"] or ():
            steps = [self._called("Step", one) for one in group or ()]
            if not steps or any(one is None for one in steps):
                return None
            if len(steps) == 1:
                groups.append(steps[0])
            else:
                groups.append(self._class("Parallel", [("sub_steps", steps)]))
        return self._class("Steps", [*self._common(template), ("sub_steps", groups)])

    def _called(self, kind: str, one: Obj) -> Call | None:
        if not set(one) <= CALLS or not (one.get("template") or one.get("templateRef")):
            return None
        return self._class(kind, list(self._call_fields(one)))

    def _call_fields(self, one: Obj) -> Iterator[tuple[str, Any]]:
        for field, value in one.items():
            if field == "arguments":
                yield field, self._arguments(value)
            elif field == "hooks":
                yield field, self._hooks(value)
            elif value is not None:
                yield snake(field), self._value(field, value)

    # ---- values ----------------------------------------------------------------------------------

    def _fields(self, body: Obj) -> list[tuple[str, Any]]:
        return [(snake(key), self._value(key, value)) for key, value in body.items() if value is not None]

    def _value(self, field: str, value: Any) -> Any:
        model = MODELS.get(field)
        if not model:
            return value
        if isinstance(value, list):
            return [self._model(model, one) if isinstance(one, dict) else one for one in value]
        return self._model(model, value) if isinstance(value, dict) else value

    def _model(self, name: str, value: Obj) -> Call:
        self.used.add("m")
        return Call(f"m.{name}", tuple((key, _argued(name, key, one)) for key, one in value.items()))

    def _hooks(self, value: Obj) -> dict[str, Any]:
        return {name: self._model("LifecycleHook", one) for name, one in value.items()}

    def _arguments(self, value: Obj) -> list[Any]:
        if other := set(value) - {"parameters", "artifacts"}:
            raise NoProgram(f"{min(other)}: stands where only parameters and artifacts can be")
        return [
            *(self._parameter(one) for one in value.get("parameters") or ()),
            *(self._artifact(one) for one in value.get("artifacts") or ()),
        ]

    def _parameter(self, one: Obj) -> Call:
        if not set(one) <= PARAMETER:
            return self._model("Parameter", one)
        made = {
            key: _said(value) if key in ("value", "default") else self._value(key, value)
            for key, value in one.items() if value is not None
        }
        if isinstance(made.get("enum"), list):
            made["enum"] = [_said(each) for each in made["enum"]]
        self.used.add("Parameter")
        return call("Parameter", **{snake(key): value for key, value in made.items()})

    def _artifact(self, one: Obj) -> Call:
        if not set(one) <= ARTIFACT:
            return self._model("Artifact", one)
        self.used.add("Artifact")
        return call("Artifact", **{snake(k): self._value(k, v) for k, v in one.items() if v is not None})


def _argued(model: str, key: str, value: Any) -> Any:
    """A parameter's value is text in Hera's models too."""
    if model == "Parameter" and key in ("value", "default"):
        return _said(value)
    return value


def _said(value: Any) -> Any:
    return value if isinstance(value, str) or value is None else json.dumps(value)
