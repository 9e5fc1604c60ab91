"""The kustomizations of a bundle: a base, an overlay for each environment, and what is applied apart.

Caller: `bundle`. kustomize knows neither the places of images in Argo's kinds nor who refers to what there;
`configuration` tells it, so that prefixes, suffixes and hashes of a user's own overlay reach into them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pinnace.kinds.resource import Obj

API = "kustomize.config.k8s.io/v1beta1"
IN_ORDER = {"order": "fifo"}
OVERLAYS = ("dev", "test", "prod")
"""The environments of ksonnet's applications in the sources."""
_TEMPLATES = {
    "Workflow": "spec", "WorkflowTemplate": "spec", "ClusterWorkflowTemplate": "spec",
    "CronWorkflow": "spec/workflowSpec",
}  # fmt: skip
_IMAGES = (
    "templates/container/image", "templates/script/image", "templates/sidecars/image",
    "templates/initContainers/image", "templates/containerSet/containers/image",
    "templateDefaults/container/image", "templateDefaults/script/image",
)  # fmt: skip
_NAMED = {
    "ConfigMap": (
        "volumes/configMap/name", "templates/volumes/configMap/name",
        "templates/container/env/valueFrom/configMapKeyRef/name",
        "templates/script/env/valueFrom/configMapKeyRef/name",
        "templates/container/envFrom/configMapRef/name",
        "arguments/parameters/valueFrom/configMapKeyRef/name",
    ),
    "Secret": (
        "volumes/secret/secretName", "templates/volumes/secret/secretName", "imagePullSecrets/name",
        "templates/container/env/valueFrom/secretKeyRef/name",
        "templates/script/env/valueFrom/secretKeyRef/name",
        "templates/container/envFrom/secretRef/name",
    ),
    "PersistentVolumeClaim": (
        "volumes/persistentVolumeClaim/claimName", "templates/volumes/persistentVolumeClaim/claimName",
    ),
    "ServiceAccount": ("serviceAccountName", "templates/serviceAccountName"),
    "WorkflowTemplate": ("workflowTemplateRef/name", "templates/steps/templateRef/name",
                         "templates/dag/tasks/templateRef/name"),
}  # fmt: skip


FIRST = (
    "Namespace", "CustomResourceDefinition", "ServiceAccount", "Role", "ClusterRole", "RoleBinding",
    "ConfigMap", "Secret", "PersistentVolumeClaim", "PriorityClass", "Service", "ServingRuntime",
    "TrainingRuntime", "ClusterWorkflowTemplate", "WorkflowTemplate",
)  # fmt: skip
"""What has to be there before whatever refers to it."""


def configuration(kinds: Iterable[str]) -> Obj:
    """kustomize's own tables, for those of these kinds that it does not know."""
    present = set(kinds)
    templates = {kind: start for kind, start in _TEMPLATES.items() if kind in present}
    images = [
        {"path": f"{start}/{path}", "kind": kind} for kind, start in templates.items() for path in _IMAGES
    ]
    names = [
        {
            "kind": target,
            "fieldSpecs": [
                {"path": f"{start}/{path}", "kind": kind}
                for kind, start in templates.items()
                for path in paths
            ],
        }
        for target, paths in _NAMED.items()
    ]
    return {"images": images, "nameReference": names} if templates else {}


def rank(kind: str) -> int:
    return FIRST.index(kind) if kind in FIRST else len(FIRST)


def base(files: Iterable[str], images: Iterable[Obj], part_of: str, *, configured: bool) -> Obj:
    """`files` in the order in which they are to be applied."""
    made: Obj = {
        "apiVersion": API,
        "kind": "Kustomization",
        "resources": list(files),
        "sortOptions": IN_ORDER,
    }
    made["labels"] = [{"pairs": {"app.kubernetes.io/part-of": part_of}}]
    if configured:
        made["configurations"] = ["kustomizeconfig.yaml"]
    if found := list(images):
        made["images"] = found
    return made


def overlay(name: str, part_of: str) -> Obj:
    return {
        "apiVersion": API, "kind": "Kustomization", "namespace": f"{part_of}-{name}",
        "resources": ["namespace.yaml", "../../base"], "sortOptions": IN_ORDER,
        "labels": [{"pairs": {"environment": name}}],
    }  # fmt: skip


def namespace(name: str, part_of: str) -> Obj:
    metadata = {"name": f"{part_of}-{name}", "labels": {"app.kubernetes.io/part-of": part_of}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def apart(files: Iterable[str]) -> Obj:
    return {"apiVersion": API, "kind": "Kustomization", "resources": list(files), "sortOptions": IN_ORDER}


def text(document: Mapping[str, Any] | list[Any]) -> str:
    """YAML as people read it: long texts as blocks, keys in their order."""
    import yaml

    return yaml.dump(
        document, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=110, default_flow_style=False
    )


def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

    def words(dumper: Any, value: str) -> Any:
        style = "|" if "\n" in value and not value.startswith((" ", "\n")) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, words)
    return Dumper
