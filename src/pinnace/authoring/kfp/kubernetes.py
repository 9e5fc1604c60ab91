"""kfp-kubernetes' platform spec of an executor, put into a template's pod. Caller: `launch`.

Source: kubeflow/pipelines kubernetes_platform/proto/kubernetes_executor_config.proto,
backend/src/v2/driver/k8s.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pinnace.authoring.kfp.ir import Obj

Value = Callable[[Any], Any]
SOURCES = ("componentInputParameter", "taskOutputParameter", "runtimeValue", "taskFinalStatus")


class PlatformProblem(ValueError):
    """A setting that has no value and needs one."""


class Outfit:
    """Collects what the executor asks for: `template` fields, the container's env and mounts, volumes."""

    def __init__(self, config: Obj, value: Value) -> None:
        self.config = config
        self.value = value
        self.template: Obj = {}
        self.container: Obj = {}
        self.env: list[Obj] = []
        self.mounts: list[Obj] = []
        self.volumes: list[Obj] = []
        self.pull_secrets: list[Obj] = []

    def collect(self) -> Outfit:
        for kind, volume in (("secret", self._secret_volume), ("configMap", self._map_volume)):
            for item in self.config.get(f"{kind}AsVolume") or []:
                self._as_volume(item, kind, volume)
            for item in self.config.get(f"{kind}AsEnv") or []:
                self._as_env(item, kind)
        self._claims()
        self._fresh_volumes()
        self._placement()
        self._pod()
        return self

    def _name(self, item: Obj, kind: str) -> str:
        """Of a Secret or ConfigMap: empty if it is optional and nobody gave one."""
        found = self.value(item.get(f"{kind}NameParameter"))
        name = str(found or item.get(f"{kind}Name") or "")
        if not name and not item.get("optional"):
            raise PlatformProblem(f"platform spec: a {kind} that is not optional has no name")
        return name

    def _as_volume(self, item: Obj, kind: str, volume: Callable[[str, bool], Obj]) -> None:
        name = self._name(item, kind)
        if name:
            self._mount(f"{kind.lower()}-{name}", volume(name, bool(item.get("optional"))), item["mountPath"])

    @staticmethod
    def _secret_volume(name: str, optional: bool) -> Obj:
        return {"secret": {"secretName": name, "optional": optional}}

    @staticmethod
    def _map_volume(name: str, optional: bool) -> Obj:
        return {"configMap": {"name": name, "optional": optional}}

    def _as_env(self, item: Obj, kind: str) -> None:
        name = self._name(item, kind)
        for pair in (item.get("keyToEnv") or []) if name else []:
            reference = {"name": name, "key": pair[f"{kind}Key"], "optional": bool(item.get("optional"))}
            self.env.append({"name": pair["envVar"], "valueFrom": {f"{kind}KeyRef": reference}})

    def _claims(self) -> None:
        for item in self.config.get("pvcMount") or []:
            given = item.get("pvcNameParameter") or item
            source = next((given[key] for key in ("input",) if key in given), None)
            name = self.value({"input": source} if source else None) or item.get("constant")
            if not name:
                raise PlatformProblem("platform spec: pvcMount has no claim name")
            volume = {"persistentVolumeClaim": {"claimName": str(name)}}
            self._mount(f"pvc-{name}", volume, item["mountPath"], item.get("subPath", ""))

    def _fresh_volumes(self) -> None:
        for item in self.config.get("emptyDirMounts") or []:
            keep = {"medium": item.get("medium"), "sizeLimit": item.get("sizeLimit")}
            volume = {"emptyDir": {key: value for key, value in keep.items() if value}}
            self._mount(item["volumeName"], volume, item["mountPath"])
        for item in self.config.get("genericEphemeralVolume") or []:
            self._mount(item["volumeName"], {"emptyDir": {}}, "/" + item["mountPath"].lstrip("/"))
        if self.config.get("enabledSharedMemory"):
            item = self.config["enabledSharedMemory"]
            volume = {
                "emptyDir": {"medium": "Memory", **({"sizeLimit": item["size"]} if item.get("size") else {})}
            }
            self._mount(item.get("volumeName") or "shm", volume, "/dev/shm")  # noqa: S108

    def _mount(self, name: str, volume: Obj, path: str, sub_path: str = "") -> None:
        name = name.replace(".", "-").replace("_", "-")[:63].strip("-")
        if all(known["name"] != name for known in self.volumes):
            self.volumes.append({"name": name, **volume})
        mount = {"name": name, "mountPath": path}
        self.mounts.append({**mount, "subPath": sub_path} if sub_path else mount)

    def _placement(self) -> None:
        selector = self.config.get("nodeSelector") or {}
        labels = self.value(selector.get("nodeSelectorJson")) or selector.get("labels")
        if labels:
            self.template["nodeSelector"] = labels
        tolerations = [
            found for item in self.config.get("tolerations") or [] for found in self._toleration(item)
        ]
        if tolerations:
            self.template["tolerations"] = tolerations
        for item in self.config.get("nodeAffinity") or []:
            found = self.value(item.get("nodeAffinityJson"))
            if found:
                self.template["affinity"] = {"nodeAffinity": found}

    def _toleration(self, item: Obj) -> list[Obj]:
        found = self.value(item["tolerationJson"]) if "tolerationJson" in item else item
        made = found if isinstance(found, list) else [found] if found else []
        return [{**one, **_seconds(one)} for one in made]

    def _pod(self) -> None:
        metadata = self.config.get("podMetadata") or {}
        kept = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
        if kept:
            self.template["metadata"] = kept
        for item in self.config.get("imagePullSecret") or []:
            name = self.value(item.get("secretNameParameter")) or item.get("secretName")
            if name:
                self.pull_secrets.append({"name": str(name)})
        for item in self.config.get("fieldPathAsEnv") or []:
            self.env.append(
                {"name": item["name"], "valueFrom": {"fieldRef": {"fieldPath": item["fieldPath"]}}}
            )
        if self.config.get("imagePullPolicy"):
            self.container["imagePullPolicy"] = self.config["imagePullPolicy"]
        security = self.config.get("securityContext") or {}
        wanted = {key: int(security[key]) for key in ("runAsUser", "runAsGroup") if key in security}
        if wanted:
            self.container["securityContext"] = wanted
        deadline = int(self.config.get("activeDeadlineSeconds") or 0)
        if deadline:
            self.template["activeDeadlineSeconds"] = deadline


def _seconds(toleration: Obj) -> Obj:
    given = toleration.get("tolerationSeconds")
    return {} if given is None else {"tolerationSeconds": int(given)}


def replaced(config: Any, hide: Callable[[Obj], str]) -> Any:
    """The config with each source replaced by the name of a hidden input that `hide` gives."""
    if isinstance(config, list):
        return [replaced(item, hide) for item in config]
    if not isinstance(config, dict):
        return config
    source = {key: config[key] for key in SOURCES if key in config}
    rest = {key: replaced(item, hide) for key, item in config.items() if key not in source}
    return {**rest, "input": hide(source)} if source else rest
