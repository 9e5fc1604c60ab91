"""From a component and its runtime to the pod template of a revision. Pure.

Source of the merge: kserve pkg/controller/v1beta1/inferenceservice/utils/utils.go (MergeRuntimeContainers,
ReplacePlaceholders) and components/predictor.go.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from pinnace.controllers.serving import agent
from pinnace.controllers.serving.selection import Problem
from pinnace.controllers.serving.storage import FOLDER, SOURCE, Source
from pinnace.kinds import reserved, serving
from pinnace.kinds.annotations import ARTIFACT, NETWORK, SOCKETS, STAGING
from pinnace.kinds.resource import Obj

SOCKET = "/run/pinnace/http.sock"
SOCKET_VARIABLE, GRPC_VARIABLE = "PINNACE_HTTP_SOCKET", "PINNACE_GRPC_PORT"
OURS = (
    "kserve/sklearnserver", "kserve/xgbserver", "kserve/lgbserver", "kserve/pmmlserver",
    "kserve/paddleserver", "kserve/huggingfaceserver", "tensorflow/serving", "nvidia/tritonserver",
    "pytorch/torchserve-kfs", "pinnace/onnxserver", "pinnace/pytorchserver",
)
"""Images that this platform runs by its own servers (environment rules), which listen on a unix socket."""
MLSERVER = "mlserver"
MULTI_MODEL = "MULTI_MODEL"
MODEL_CLASSES = {
    "sklearn": "mlserver_sklearn.SKLearnModel", "xgboost": "mlserver_xgboost.XGBoostModel",
    "lightgbm": "mlserver_lightgbm.LightGBMModel", "mlflow": "mlserver_mlflow.MLflowRuntime",
}
START = 600
"""Seconds in which a server of ours must have loaded its model, before it is asked whether it lives."""
PROGRAMS = ("tensorflow_model_server", "tritonserver")
"""What the images of ours start by themselves, wherever upstream's images have it."""
PORT = 8080
PREDICTOR_HOST, HTTP_PORT = "--predictor_host", "--http_port"
HTTP_PORTS = (HTTP_PORT, "--http-port", "--rest_api_port")
COLLOCATED = "transformer-container"
"""A transformer in the predictor's own pod: it has the pod's port, and asks the model on the loopback."""
NO_ART = (
    "explainer.art is not served by this platform: run the attack in a container named kserve-container "
    "(explainer.containers), as a kserve.Model whose explain() asks the predictor at --predictor_host"
)

_COMPONENT_FIELDS = frozenset((
    "name", "minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "scaleMetricType", "autoScaling",
    "containerConcurrency", "timeout", "canaryTrafficPercent", "logger", "batcher", "labels", "annotations",
    "deploymentStrategy", "storageUris", "storageContainerName", "workerSpec", "model", "containers",
    *serving.LEGACY,
))
_MODEL_FIELDS = frozenset((
    "modelFormat", "runtime", "storageUri", "storage", "runtimeVersion", "protocolVersion", "confidential",
))
_RUNTIME_FIELDS = frozenset((
    "nodeSelector", "affinity", "tolerations", "imagePullSecrets", "volumes", "hostIPC", "serviceAccountName",
))
_KEYS = {"env": "name", "volumeMounts": "mountPath", "ports": "containerPort"}
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FIELD = re.compile(r'\s*(?:\.(Name|Namespace)|\.(Labels|Annotations)\.([\w-]+)|index \.(\w+) "([^"]+)")\s*')
_KEPT_OUT = ("kubectl.kubernetes.io/last-applied-configuration",)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a revision is made of. `identity` changes exactly when KServe would make a new revision."""

    template: Obj
    """`metadata` (labels, annotations) and `spec` of its pods."""
    identity: str
    health: str
    """Path of the readiness question, '' for a TCP connect."""
    socket: str
    """Inside path of the unix socket it listens on, '' for TCP."""
    port: int = PORT
    h2: bool = False
    """That port speaks HTTP/2 alone (it is named `h2c`)."""
    grpc: int = 0
    """A second port, for gRPC."""
    agent: int = 0
    """The port of the agent before it (batches, logs), 0: there is none."""

    @property
    def entrance(self) -> int:
        """The port that requests come to."""
        return self.agent or self.port


def build(
    isvc: Obj, component: Obj, runtime: Obj | None, source: Source | None, kind: str = "predictor", *,
    listening: bool = False,
) -> Plan:
    """The plan of a component of this `kind`. `listening`: a server of ours too listens on its port, in a
    network of the pod's own, not on a socket. Raises Problem."""
    model = component.get("model")
    container = main_container(isvc, component, runtime)
    if kind != "predictor":
        container["args"] = told(isvc, component, container)
    beside_it = (*(component.get("containers") or ()), *(_spec(runtime).get("containers") or ()))
    others = [dict(each) for each in beside_it if each.get("name") != serving.CONTAINER]
    name = model_name(container, isvc["metadata"]["name"])
    front = next((each for each in others if each.get("name") == COLLOCATED), None)
    port, h2, grpc = spoken(container)
    if front is not None:
        port = port if container.get("ports") else served_at(container)
    socket = ""
    if not (listening or h2 or grpc or front):
        socket = listens_on(isvc, component, runtime, container)
    health = "" if h2 else health_path(container, model, runtime, name)
    finish(isvc, container, others, socket, source, health, port)
    if ours(container) and (h2 or grpc or (front and not says_grpc(container))):
        # Beside a transformer, KServe's usual port for gRPC is the transformer's.
        where = {"name": GRPC_VARIABLE, "value": str(grpc or (port if h2 else 0))}
        container["env"] = merge(container["env"], [where], "env")
    if front is not None:
        port, h2, grpc = spoken(front)
        health = "" if h2 else health_path(front, None, runtime, name)
        probed(front, health, port, socket)
    beside = agent.container(isvc, component, kind, port) if listening else None
    if beside is not None:
        others.append(beside)
    spec = pod_spec(component, runtime)
    spec["containers"] = [container, *others]
    if source is not None:
        spec["volumes"] = [*(spec.get("volumes") or ()), *source.volumes]
        if source.init:
            spec["initContainers"] = [*source.init, *(spec.get("initContainers") or ())]
    metadata = pod_metadata(isvc, component, runtime, socket, kind)
    uri = (model or {}).get("storageUri")
    kept = source.artifacts if source is not None else ()
    if uri or kept:
        metadata["annotations"][SOURCE] = uri or ",".join(f"{key}={folder}" for key, folder in kept)
    template: Obj = {"metadata": metadata, "spec": spec}
    identity = hashlib.blake2s(json.dumps(template, sort_keys=True).encode(), digest_size=10).hexdigest()
    if source is not None and source.network and not listening:
        metadata["annotations"][NETWORK] = source.network
    if source is not None and source.artifacts and serving.mode(isvc) == serving.STANDARD:
        named = [{"key": key, "path": path} for key, path in source.artifacts]
        metadata["annotations"][ARTIFACT] = json.dumps(named)
    elif source is not None and source.inputs:
        staged = json.dumps({"inputs": list(source.inputs)}, sort_keys=True)
        metadata = {**metadata, "annotations": {**metadata["annotations"], STAGING: staged}}
        template = {"metadata": metadata, "spec": spec}
    return Plan(template=template, identity=identity, health=health, socket=socket, port=port,
                h2=h2, grpc=grpc, agent=agent.PORT if beside else 0)


def main_container(isvc: Obj, component: Obj, runtime: Obj | None) -> Obj:
    model = component.get("model")
    if model is None:
        own = next((c for c in component.get("containers") or () if c.get("name") == serving.CONTAINER), None)
        if own is None and component.get("art"):
            raise Problem("InvalidPredictorSpec", NO_ART)
        if own is None:
            raise Problem("InvalidPredictorSpec", f"no container is named {serving.CONTAINER}")
        custom: Obj = replace_placeholders(dict(own), isvc)
        return custom
    containers = _spec(runtime).get("containers") or ()
    base = next((c for c in containers if c.get("name") == serving.CONTAINER), None)
    if base is None:
        who = (runtime or {}).get("metadata", {}).get("name")
        raise Problem("InvalidPredictorSpec", f"serving runtime {who} has no container {serving.CONTAINER}")
    over = {field: value for field, value in model.items() if field not in _MODEL_FIELDS}
    merged = merge_container(base, over)
    if model.get("runtimeVersion"):
        merged["image"] = with_tag(merged.get("image", ""), model["runtimeVersion"])
    if ours(merged) and str((merged.get("command") or [""])[0]).rpartition("/")[2] in PROGRAMS:
        merged = {field: value for field, value in merged.items() if field != "command"}
    if ours(merged) and several(model, merged):
        merged["env"] = merge(merged.get("env") or [], [{"name": MULTI_MODEL, "value": "true"}], "env")
    if MLSERVER in (runtime or {}).get("metadata", {}).get("name", "").split("-"):
        merged = with_mlserver(merged, isvc, model)
    return replaced(merged, labelled(isvc, model))


def replaced(container: Obj, isvc: Obj) -> Obj:
    final: Obj = replace_placeholders(container, isvc)
    return final


def labelled(isvc: Obj, model: Obj) -> Obj:
    """The service with the labels that KServe adds for its runtimes' placeholders: the class of a model for
    MLServer, the envelope of requests for TorchServe."""
    meta = isvc["metadata"]
    labels = {
        **(meta.get("labels") or {}),
        "modelClass": MODEL_CLASSES.get((model.get("modelFormat") or {}).get("name", ""), ""),
        "serviceEnvelope": "kservev2" if model.get("protocolVersion") == "v2" else "kserve",
    }
    return {**isvc, "metadata": {**meta, "labels": labels}}


def with_mlserver(container: Obj, isvc: Obj, model: Obj) -> Obj:
    """What KServe adds for MLServer (inference_service_defaults.go, SetMlServerDefaults)."""
    env = [{"name": "MLSERVER_MODEL_NAME", "value": isvc["metadata"]["name"]}]
    if model.get("storageUri") or model.get("storage"):
        env.append({"name": "MLSERVER_MODEL_URI", "value": FOLDER})
    return {**container, "env": merge(container.get("env") or [], env, "env")}


def told(isvc: Obj, component: Obj, container: Obj) -> list[str]:
    """What KServe tells a transformer or an explainer unless its own arguments say it: whom it serves, where
    the predictor is, where to listen (components/transformer.go)."""
    args = [str(word) for word in container.get("args") or ()]
    given = {word.partition("=")[0] for word in (*(container.get("command") or ()), *args)}
    meta, parallel = isvc["metadata"], component.get("containerConcurrency")
    wanted = {
        "--model_name": meta["name"],
        PREDICTOR_HOST: f"{serving.service(isvc)}.{meta['namespace']}",
        HTTP_PORT: str(first_port(container)),
        **({"--workers": str(parallel)} if parallel else {}),
    }
    return args + [word for name, value in wanted.items() if name not in given for word in (name, value)]


def merge_container(base: Obj, over: Obj) -> Obj:
    """The service's container over the runtime's; arguments follow each other, the last one wins."""
    merged: Obj = merge(base, over)
    args = [*(base.get("args") or ()), *(over.get("args") or ())]
    if args:
        merged["args"] = args
    merged["name"] = serving.CONTAINER
    return merged


def merge(base: Any, over: Any, field: str = "") -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        return {k: merge(base[k], over[k], k) if k in base and k in over else over.get(k, base.get(k))
                for k in (*base, *(k for k in over if k not in base))}
    if field in _KEYS and isinstance(base, list) and isinstance(over, list):
        key = _KEYS[field]
        named = {entry.get(key): entry for entry in base}
        for entry in over:
            named[entry.get(key)] = merge(named.get(entry.get(key), {}), entry)
        return list(named.values())
    return over


def with_tag(image: str, tag: str) -> str:
    """Another tag; an image named by digest keeps it."""
    if "@" in image:
        return image
    head, slash, last = image.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}:{tag}"


def replace_placeholders(value: Any, isvc: Obj) -> Any:
    """`{{.Name}}`, `{{.Namespace}}`, `{{.Labels.x}}`, `{{.Annotations.x}}` in every string."""
    if isinstance(value, dict):
        return {key: replace_placeholders(entry, isvc) for key, entry in value.items()}
    if isinstance(value, list):
        return [replace_placeholders(entry, isvc) for entry in value]
    if isinstance(value, str) and "{{" in value:
        return _PLACEHOLDER.sub(lambda match: _placeholder(match[1], isvc), value)
    return value


def _placeholder(text: str, isvc: Obj) -> str:
    match = _FIELD.fullmatch(text)
    if match is None:
        offered = "{{.Name}}, {{.Namespace}}, {{.Labels.<key>}} and {{.Annotations.<key>}}"
        raise Problem("InvalidPredictorSpec", f"{{{{{text}}}}}: a runtime may use {offered}")
    meta = isvc["metadata"]
    if match[1]:
        return str(meta.get(match[1].lower()) or "")
    group, key = match[2] or match[4], match[3] or match[5]
    return str((meta.get(group.lower()) or {}).get(key) or "")


def several(model: Obj, container: Obj) -> bool:
    """A server that begins without a model: they are loaded into it (TrainedModel)."""
    env = {entry.get("name"): entry.get("value") for entry in container.get("env") or ()}
    return not (model.get("storageUri") or model.get("storage") or env.get("STORAGE_URI"))


def named(container: Obj) -> bool:
    """Whether the server is told its model's name."""
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    told_so = any(str(word).partition("=")[0] in ("--model_name", "--model-name") for word in words)
    return told_so or any(e.get("name") == "MLSERVER_MODEL_NAME" for e in container.get("env") or ())


def model_name(container: Obj, default: str) -> str:
    """The name in the protocol's paths (GetModelName): `--model_name`, MLSERVER_MODEL_NAME, the service's."""
    args = [*(container.get("command") or ()), *(container.get("args") or ())]
    found = default
    for index, word in enumerate(args):
        option, equals, value = str(word).partition("=")
        if option in ("--model_name", "--model-name"):
            found = value if equals else str(args[index + 1]) if index + 1 < len(args) else found
    if found != default:
        return found
    named = (e.get("value") for e in container.get("env") or () if e.get("name") == "MLSERVER_MODEL_NAME")
    return next((str(value) for value in named if value), default)


def spoken(container: Obj) -> tuple[int, bool, int]:
    """(port, whether it speaks HTTP/2 alone, a further port for gRPC or 0), by the names of its ports as
    Knative reads them."""
    ports = [port for port in container.get("ports") or () if port.get("containerPort")]
    grpc = [int(port["containerPort"]) for port in ports if is_grpc(str(port.get("name") or ""))]
    plain = [int(port["containerPort"]) for port in ports if not is_grpc(str(port.get("name") or ""))]
    if grpc and not plain:
        return grpc[0], True, 0
    return (plain[0] if plain else PORT), False, (grpc[0] if grpc else 0)


def is_grpc(name: str) -> bool:
    return name.startswith(("h2c", "grpc"))


def first_port(container: Obj) -> int:
    ports = (port.get("containerPort") for port in container.get("ports") or ())
    return next((int(port) for port in ports if port), PORT)


def listens_on(isvc: Obj, component: Obj, runtime: Obj | None, container: Obj) -> str:
    """The unix socket of the model server: as an annotation says, or because the server is ours."""
    for notes in _notes(isvc, component, runtime):
        if SOCKETS in notes:
            try:
                paths = msgspec.json.decode(notes[SOCKETS], type=dict[str, list[str]])
            except msgspec.DecodeError as error:
                raise Problem("InvalidPredictorSpec", f"annotation {SOCKETS}: {error}") from None
            return next(iter(paths.get(serving.CONTAINER, ())), "")
    return SOCKET if ours(container) and not container.get("command") else ""


def ours(container: Obj) -> bool:
    repository = str(container.get("image") or "").partition("@")[0].rpartition("/")
    return f"{repository[0].rpartition('/')[2]}/{repository[2].partition(':')[0]}" in OURS


def health_path(container: Obj, model: Obj | None, runtime: Obj | None, name: str) -> str:
    """The model's own readiness, not an open port; a custom container says itself, or is asked by TCP."""
    probe = (container.get("readinessProbe") or {}).get("httpGet")
    if probe:
        return str(probe.get("path") or "/")
    if model is None:
        return ""
    known = _spec(runtime).get("protocolVersions") or ["v1"]
    protocol = model.get("protocolVersion") or ("v1" if "v1" in known else known[0])
    if not named(container) or several(model, container):
        return "/v2/health/ready" if ours(container) or protocol == "v2" else ""
    return f"/v2/models/{name}/ready" if protocol == "v2" else f"/v1/models/{name}"


def finish(
    isvc: Obj, container: Obj, others: list[Obj], socket: str, source: Source | None, health: str, port: int
) -> None:
    """What every served pod gets: its name in the environment, the model, a readiness probe."""
    variable = {"name": "INFERENCE_SERVICE_NAME", "value": isvc["metadata"]["name"]}
    for each in (container, *others):
        each["env"] = merge(each.get("env") or [], [variable], "env")
    if socket:
        where = {"name": SOCKET_VARIABLE, "value": socket}
        container["env"] = merge(container["env"], [where], "env")
    for each in (container, *(one for one in others if one.get("name") == COLLOCATED)):
        if source is not None and source.mounts:
            mounts = [mount for mount in each.get("volumeMounts") or () if mount.get("mountPath") != FOLDER]
            each["volumeMounts"] = [*mounts, *source.mounts]
    action = probed(container, health, port, socket)
    if ours(container) and container.get("livenessProbe"):
        # A framework's import takes longer than the start of upstream's compiled servers.
        slow = {"periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": START}
        container.setdefault("startupProbe", {**action, **slow})
        container["startupProbe"] = at_port(container["startupProbe"], port)


def probed(container: Obj, health: str, port: int, socket: str) -> Obj:
    """The question by which it is found ready, which its probe asks unless it has one of its own."""
    action: Obj = {"httpGet": {"path": health, "port": port}} if health else {"tcpSocket": {"port": port}}
    if not socket:
        container.setdefault("ports", [{"containerPort": port, "protocol": "TCP"}])
    container.setdefault("readinessProbe", {**action, "periodSeconds": 1, "timeoutSeconds": 2})
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        if container.get(probe):
            container[probe] = at_port(container[probe], port)
    return action


def says_grpc(container: Obj) -> bool:
    """Whether its own arguments name a port for gRPC."""
    words = (str(word).partition("=")[0] for word in container.get("args") or ())
    return any(word in ("--grpc_port", "--grpc-port", "--port") for word in words)


def served_at(container: Obj) -> int:
    """The port that a server's own arguments say, behind a collocated transformer that has the pod's."""
    words = [str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ()))]
    found = PORT
    for index, word in enumerate(words):
        option, equals, value = word.partition("=")
        value = value if equals else "".join(words[index + 1 : index + 2])
        if option in HTTP_PORTS and value.isdigit():
            found = int(value)
    return found


def at_port(probe: Obj, port: int) -> Obj:
    """A probe that names no port asks the server's own, as Knative has it."""
    lacking = {kind for kind in ("httpGet", "tcpSocket") if kind in probe and not probe[kind].get("port")}
    return {**probe, **{kind: {**probe[kind], "port": port} for kind in lacking}}


def pod_spec(component: Obj, runtime: Obj | None) -> Obj:
    base = {field: value for field, value in _spec(runtime).items() if field in _RUNTIME_FIELDS}
    own = {field: value for field, value in component.items() if field not in _COMPONENT_FIELDS}
    spec: Obj = merge(base, own)
    spec.setdefault("restartPolicy", "Always")
    return spec


def pod_metadata(isvc: Obj, component: Obj, runtime: Obj | None, socket: str, kind: str) -> Obj:
    """Labels and annotations: the component's win over the service's, those over the runtime's."""
    meta: dict[str, Obj] = {"labels": {}, "annotations": {}}
    for source in (_spec(runtime), isvc["metadata"], component):
        for field in meta:
            meta[field].update(reserved.without(source.get(field)))
    for name in (*_KEPT_OUT, serving.STOP):
        meta["annotations"].pop(name, None)
    meta["labels"][f"{serving.GROUP}/inferenceservice"] = isvc["metadata"]["name"]
    meta["labels"]["component"] = kind
    if socket:
        meta["annotations"][SOCKETS] = json.dumps({serving.CONTAINER: [socket]})
    return meta


def _notes(isvc: Obj, component: Obj, runtime: Obj | None) -> Iterable[dict[str, str]]:
    for source in (component, isvc["metadata"], _spec(runtime)):
        yield source.get("annotations") or {}


def _spec(runtime: Obj | None) -> Obj:
    return (runtime or {}).get("spec") or {}
