"""The kustomizations of a bundle: a base, an overlay for each environment, and what is applied apart.

Caller: `bundle`. kustomize knows neither the places of images in Argo's kinds nor who refers to what there;
`configuration` tells it, so that prefixes, suffixes and hashes of a user's own overlay reach into them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pinnace.kinds.resource import Obj

API = "kustomize.config.k8s.io/v1beta1"
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


def configuration() -> Obj:
    """kustomize's own tables, for the kinds that it does not know."""
    images = [
        {"path": f"{start}/{path}", "kind": kind} for kind, start in _TEMPLATES.items() for path in _IMAGES
    ]
    names = [
        {
            "kind": target,
            "fieldSpecs": [
                {"path": f"{start}/{path}", "kind": kind}
                for kind, start in _TEMPLATES.items()
                for path in paths
            ],
        }
        for target, paths in _NAMED.items()
    ]
    return {"images": images, "nameReference": names}


def base(files: Iterable[str], images: Iterable[Obj], part_of: str) -> Obj:
    made: Obj = {"apiVersion": API, "kind": "Kustomization", "resources": sorted(files)}
    made["sortOptions"] = {"order": "legacy"}
    made["labels"] = [{"pairs": {"app.kubernetes.io/part-of": part_of}}]
    made["configurations"] = ["kustomizeconfig.yaml"]
    if found := list(images):
        made["images"] = found
    return made


def overlay(name: str, part_of: str) -> Obj:
    return {
        "apiVersion": API, "kind": "Kustomization", "namespace": f"{part_of}-{name}",
        "resources": ["namespace.yaml", "../../base"],
        "labels": [{"pairs": {"environment": name}}],
    }  # fmt: skip


def namespace(name: str, part_of: str) -> Obj:
    metadata = {"name": f"{part_of}-{name}", "labels": {"app.kubernetes.io/part-of": part_of}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def apart(files: Iterable[str]) -> Obj:
    return {"apiVersion": API, "kind": "Kustomization", "resources": sorted(files)}


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
