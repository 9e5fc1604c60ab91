"""kfp-kubernetes' platform spec of an executor, put into a template's pod. Caller: `launch`.

What the component passes on to a workload that it starts itself (`task_config_passthroughs`) is told in
`told`; it reaches the task's own pod only where the component says so. Source: kubeflow/pipelines
kubernetes_platform/proto/kubernetes_executor_config.proto, backend/src/v2/driver/k8s.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pinnace.authoring.kfp.ir import Obj, Passthrough

Value = Callable[[Any], Any]
SOURCES = ("componentInputParameter", "taskOutputParameter", "runtimeValue", "taskFinalStatus")


ENV, VOLUMES, RESOURCES = "ENV", "KUBERNETES_VOLUMES", "RESOURCES"
SELECTOR, TOLERATIONS = "KUBERNETES_NODE_SELECTOR", "KUBERNETES_TOLERATIONS"
AFFINITY, CLAIMS = "KUBERNETES_AFFINITY", "KUBERNETES_RESOURCE_CLAIMS"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class PlatformProblem(ValueError):
    """A setting that has no value and needs one."""


class Passing:
    """Who gets a setting: the task's pod, the workload that its program starts, or both."""

    def __init__(self, wanted: list[Passthrough]) -> None:
        self.passed = {one.field for one in wanted}
        self.kept = {one.field for one in wanted if one.apply_to_task}
        self.told: Obj = {}

    def here(self, field: str) -> bool:
        return field not in self.passed or field in self.kept

    def tell(self, field: str, name: str, value: Any) -> None:
        if field in self.passed and value:
            known = self.told.get(name)
            self.told[name] = [*known, *value] if isinstance(known, list) else value


class Outfit:
    """Collects what the executor asks for: `template` fields, the container's env and mounts, volumes."""

    def __init__(self, config: Obj, value: Value, passing: Passing | None = None) -> None:
        self.config = config
        self.value = value
        self.passing = passing or Passing([])
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
        self._downward()
        self._pass_on()
        self._fresh_volumes()
        self._placement()
        self._pod()
        self._before()
        return self

    def _pass_on(self) -> None:
        """What is collected so far may belong to the workload alone; what follows is always the pod's."""
        self.passing.tell(ENV, "env", self.env)
        self.passing.tell(VOLUMES, "volumes", self.volumes)
        self.passing.tell(VOLUMES, "volumeMounts", self.mounts)
        if not self.passing.here(ENV):
            self.env = []
        if not self.passing.here(VOLUMES):
            self.volumes, self.mounts = [], []

    def _name(self, item: Obj, kind: str) -> str:
        """Of a Secret or ConfigMap: empty if an optional input of the pipeline should have given it."""
        given = item.get(f"{kind}NameParameter")
        name = str((self.value(given) if given else item.get(f"{kind}Name")) or "")
        if not name and not given and not item.get("optional"):
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
        self._put(SELECTOR, "nodeSelector", labels)
        tolerations = [
            found for item in self.config.get("tolerations") or [] for found in self._toleration(item)
        ]
        self._put(TOLERATIONS, "tolerations", tolerations)
        affinity = {"nodeAffinity": self._nodes(), **self._pods()}
        self._put(AFFINITY, "affinity", {name: made for name, made in affinity.items() if made})
        devices = self.config.get("podResourceClaims") or []
        claims = [found for item in devices for found in self._device(item)]
        self.passing.tell(CLAIMS, "resourceClaims", claims)

    def _put(self, field: str, name: str, value: Any) -> None:
        self.passing.tell(field, name, value)
        if value and self.passing.here(field):
            self.template[name] = value

    def _nodes(self) -> Obj:
        made: Obj = {}
        for item in self.config.get("nodeAffinity") or []:
            if "nodeAffinityJson" in item:
                found = self.value(item["nodeAffinityJson"]) or {}
                terms = (found.get(REQUIRED) or {}).get("nodeSelectorTerms") or []
                _add(made, terms, found.get(PREFERRED) or [], "nodeSelectorTerms")
                continue
            term = {key: item[key] for key in ("matchExpressions", "matchFields") if item.get(key)}
            if term and "weight" in item:
                _add(made, [], [{"weight": int(item["weight"]), "preference": term}], "nodeSelectorTerms")
            elif term:
                _add(made, [term], [], "nodeSelectorTerms")
        return made

    def _pods(self) -> Obj:
        made: Obj = {}
        for item in self.config.get("podAffinity") or []:
            kind = made.setdefault("podAntiAffinity" if item.get("anti") else "podAffinity", {})
            term: Obj = {"topologyKey": item.get("topologyKey") or ""}
            for name, field in (("labelSelector", "Pod"), ("namespaceSelector", "Namespace")):
                labels = item.get(f"match{field}Labels")
                found = item.get(f"match{field}Expressions")
                if labels or found:
                    term[name] = {
                        **({"matchLabels": labels} if labels else {}),
                        **({"matchExpressions": found} if found else {}),
                    }
            if item.get("namespaces"):
                term["namespaces"] = item["namespaces"]
            if "weight" in item:
                _add(kind, [], [{"weight": int(item["weight"]), "podAffinityTerm": term}], "")
            else:
                _add(kind, [term], [], "")
        return made

    def _device(self, item: Obj) -> list[Obj]:
        """Claims on devices are told to whom they are passed on; this machine hands out none."""
        if "resourceClaimJson" in item:
            found = self.value(item["resourceClaimJson"])
            return found if isinstance(found, list) else [found] if found else []
        name = item.get("resourceClaimTemplateName")
        return [{"name": name, "resourceClaimTemplateName": name}] if name else []

    def _downward(self) -> None:
        for item in self.config.get("fieldPathAsEnv") or []:
            self.env.append(
                {"name": item["name"], "valueFrom": {"fieldRef": {"fieldPath": item["fieldPath"]}}}
            )

    def _before(self) -> None:
        """Containers that run before, or beside (`restartPolicy: Always`)."""
        made = [_first(item) for item in self.config.get("initContainers") or []]
        if made:
            self.template["initContainers"] = made

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
        if self.config.get("imagePullPolicy"):
            self.container["imagePullPolicy"] = self.config["imagePullPolicy"]
        security = self.config.get("securityContext") or {}
        wanted: Obj = {key: int(security[key]) for key in ("runAsUser", "runAsGroup") if key in security}
        if wanted:
            self.container["securityContext"] = wanted
        deadline = int(self.config.get("activeDeadlineSeconds") or 0)
        if deadline:
            self.template["activeDeadlineSeconds"] = deadline


def _add(made: Obj, required: list[Obj], preferred: list[Obj], inside: str) -> None:
    """Terms to an affinity; those that are required stand `inside` of an object, or are a list."""
    if required and inside:
        made.setdefault(REQUIRED, {}).setdefault(inside, []).extend(required)
    elif required:
        made.setdefault(REQUIRED, []).extend(required)
    if preferred:
        made.setdefault(PREFERRED, []).extend(preferred)


def _first(item: Obj) -> Obj:
    kept = ("name", "image", "command", "args", "env", "resources", "restartPolicy")
    made = {key: item[key] for key in kept if item.get(key)}
    mounts = [
        {"name": one["volumeName"], "mountPath": one["mountPath"]} for one in item.get("volumeMounts") or []
    ]
    return {**made, "volumeMounts": mounts} if mounts else made


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
