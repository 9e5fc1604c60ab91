"""One executor's task as the engine carries it: what a pod will need, still unresolved.

It stands as JSON in a template's annotation. Made by `lowering`, read by `launch`, `outcome` and the engine.
"""

from __future__ import annotations

import uuid

import msgspec

from pinnace.authoring.kfp.ir import Container, Definitions, Obj, Passthrough

ANNOTATION = "pinnace.dev/pipeline-step"
DEFAULT_ROOT = "minio://mlpipeline/v2/artifacts"
BUCKET = "minio://mlpipeline/"
WORKSPACE = "/kfp-workspace"
OUTPUT_FILE = "output_metadata.json"
PARAMETERS = "/tmp/kfp/outputs"  # noqa: S108 - in the pod, as upstream


class Job(msgspec.Struct, frozen=True, omit_defaults=True):
    """The run, as placeholders name it. `resource`: the Workflow's name; `root`: where artifacts belong."""

    id: str
    name: str
    resource: str
    pipeline: str
    root: str = ""
    created: str = ""
    scheduled: str = ""

    @property
    def folder(self) -> str:
        if self.root and not self.root.startswith(DEFAULT_ROOT):
            return f"{self.root.rstrip('/')}/{self.pipeline}/{self.id}"
        return f"{DEFAULT_ROOT}/{self.pipeline}/{self.id}"


class Step(msgspec.Struct, omit_defaults=True):
    """`platform`: its part of the platform spec, sources replaced by `{"input": name}` of hidden inputs.
    `tagged`: inputs whose constants name the task's id, which is known only when it runs."""

    task: str
    component: str
    container: Container
    job: Job
    inputs: Definitions = msgspec.field(default_factory=Definitions)
    outputs: Definitions = msgspec.field(default_factory=Definitions)
    platform: Obj = {}
    cached: bool = False
    cache_key: str = ""
    workspace: bool = False
    tagged: list[str] = []
    passthroughs: list[Passthrough] = []


def of(annotations: dict[str, str] | None) -> Step | None:
    """The step that a template with these annotations stands for. Raises msgspec.ValidationError."""
    text = (annotations or {}).get(ANNOTATION)
    return msgspec.json.decode(text, type=Step) if text else None


def task_id(node: str) -> str:
    """A uuid as upstream's task ids are, of an engine's node."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"pinnace.dev/task/{node}"))


def path_of(uri: str) -> str:
    """Where the SDK looks for an artifact (`kfp.dsl.Artifact.path`)."""
    for scheme, folder in (("gs", "gcs"), ("minio", "minio"), ("s3", "s3")):
        if uri.startswith(f"{scheme}://"):
            return f"/{folder}/{uri[len(scheme) + 3 :]}"
    if uri.startswith("oci://"):
        return "/oci/" + uri[6:].replace("/", "_")
    return uri


def key_of(uri: str) -> str:
    """Its key in the local repository."""
    return uri[len(BUCKET) :] if uri.startswith(BUCKET) else path_of(uri).strip("/")
