"""The IR of Kubeflow Pipelines as msgspec views, and how a package is read.

Only fields that decide something are typed; what only travels stays plain data. Source:
kubeflow/pipelines api/v2alpha1/pipeline_spec.proto (protojson, camelCase). Callers: `lowering`, `api/kfp`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
from msgspec import UNSET

Obj = dict[str, Any]
MAX_DOCUMENTS = 2


class IrError(ValueError):
    """The text is no pipeline; the message names the place and what was expected."""


class View(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """Unknown fields are ignored, as protojson's readers of older versions do."""


class Parameter(View):
    parameter_type: str = "STRING"
    default_value: Any = UNSET
    is_optional: bool = False
    literals: list[Any] = []
    description: str = ""


class Artifact(View):
    artifact_type: Obj = {}
    is_artifact_list: bool = False
    is_optional: bool = False
    description: str = ""


class Definitions(View):
    parameters: dict[str, Parameter] = {}
    artifacts: dict[str, Artifact] = {}


class TaskOutput(View):
    producer_task: str = ""
    output_parameter_key: str = ""
    output_artifact_key: str = ""


class Constant(View):
    constant: Any = UNSET


class FinalStatus(View):
    producer_task: str = ""


class Source(View):
    """Where one input comes from: exactly one is given."""

    component_input_parameter: str = ""
    component_input_artifact: str = ""
    task_output_parameter: TaskOutput | None = None
    task_output_artifact: TaskOutput | None = None
    task_final_status: FinalStatus | None = None
    runtime_value: Constant | None = None
    parameter_expression_selector: str = ""


class Inputs(View):
    parameters: dict[str, Source] = {}
    artifacts: dict[str, Source] = {}


class Caching(View):
    enable_cache: bool = False
    cache_key: str = ""


class Trigger(View):
    condition: str = ""
    strategy: str = ""


class Items(View):
    raw: str | None = None
    input_parameter: str = ""
    input_artifact: str = ""


class Iterator(View):
    items: Items = msgspec.field(default_factory=Items)
    item_input: str = ""


class IteratorPolicy(View):
    parallelism_limit: int = 0


class Retry(View):
    max_retry_count: int = 0
    backoff_duration: str = ""
    backoff_factor: float = 0
    backoff_max_duration: str = ""


class Named(View):
    name: str = ""


class Task(View):
    task_info: Named = msgspec.field(default_factory=Named)
    component_ref: Named = msgspec.field(default_factory=Named)
    inputs: Inputs = msgspec.field(default_factory=Inputs)
    dependent_tasks: list[str] = []
    caching_options: Caching = msgspec.field(default_factory=Caching)
    trigger_policy: Trigger = msgspec.field(default_factory=Trigger)
    parameter_iterator: Iterator | None = None
    artifact_iterator: Iterator | None = None
    iterator_policy: IteratorPolicy = msgspec.field(default_factory=IteratorPolicy)
    retry_policy: Retry | None = None


class Selector(View):
    producer_subtask: str = ""
    output_parameter_key: str = ""
    output_artifact_key: str = ""


class Selectors(View):
    parameter_selectors: list[Selector] = []


class ParameterOutput(View):
    value_from_parameter: Selector | None = None
    value_from_oneof: Selectors | None = None

    @property
    def selectors(self) -> list[Selector]:
        if self.value_from_parameter is not None:
            return [self.value_from_parameter]
        return self.value_from_oneof.parameter_selectors if self.value_from_oneof else []


class ArtifactOutput(View):
    artifact_selectors: list[Selector] = []


class Outputs(View):
    parameters: dict[str, ParameterOutput] = {}
    artifacts: dict[str, ArtifactOutput] = {}


class Dag(View):
    tasks: dict[str, Task] = {}
    outputs: Outputs = msgspec.field(default_factory=Outputs)


class Passthrough(View):
    """A kind of setting that an input of type TASK_CONFIG is told, and perhaps the task's own pod too."""

    field: str = ""
    apply_to_task: bool = False


class Component(View):
    input_definitions: Definitions = msgspec.field(default_factory=Definitions)
    output_definitions: Definitions = msgspec.field(default_factory=Definitions)
    executor_label: str = ""
    dag: Dag | None = None
    task_config_passthroughs: list[Passthrough] = []


class Container(View):
    image: str = ""
    command: list[str] = []
    args: list[str] = []
    env: list[Obj] = []
    resources: Obj = {}


class Importer(View):
    artifact_uri: Obj = {}
    type_schema: Obj = {}
    metadata: Obj = {}
    reimport: bool = False
    download_to_workspace: bool = False


class Executor(View):
    container: Container | None = None
    importer: Importer | None = None
    resolver: Obj | None = None
    custom_job: Obj | None = None


class Executors(View):
    executors: dict[str, Executor] = {}


class Info(View):
    name: str = ""
    display_name: str = ""
    description: str = ""


class Pipeline(View):
    pipeline_info: Info
    root: Component
    schema_version: str = ""
    sdk_version: str = ""
    default_pipeline_root: str = ""
    components: dict[str, Component] = {}
    deployment_spec: Executors = msgspec.field(default_factory=Executors)


class Package(msgspec.Struct, frozen=True):
    """A pipeline as uploaded: the spec as it was written, its platform spec (or {}), and the view of it."""

    spec: Obj
    platform: Obj
    pipeline: Pipeline

    @property
    def kubernetes(self) -> Obj:
        found = (self.platform.get("platforms") or {}).get("kubernetes") or {}
        return dict(found)

    @property
    def argo(self) -> bool:
        """Compiled by kfp 1.8: the spec is a Workflow."""
        return "pipelineInfo" not in self.spec

    @property
    def document(self) -> Obj:
        """As the API shows it: the spec alone, or both under their names."""
        if not self.platform:
            return self.spec
        return {"pipeline_spec": self.spec, "platform_spec": self.platform}


def package(document: Obj) -> Package:
    """Of one JSON document: a PipelineSpec, `{pipeline_spec, platform_spec}`, or what kfp 1.8 compiled.
    Raises IrError."""
    if str(document.get("apiVersion") or "").startswith("argoproj.io/"):
        from pinnace.authoring.kfp import argo

        return argo.package(document)
    inner = document.get("pipeline_spec") or document.get("pipelineSpec")
    if inner is not None:
        platform = document.get("platform_spec") or document.get("platformSpec") or {}
        return Package(inner, platform, view(inner))
    return Package(document, {}, view(document))


def read(text: str | bytes) -> Package:
    """Of a YAML or JSON package. Raises IrError."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with suppress(msgspec.DecodeError, UnicodeError):
        found = msgspec.json.decode(text)
        if isinstance(found, dict):
            return package(found)
    try:
        documents = [one for one in yaml.load_all(text, loader) if one is not None]
    except yaml.YAMLError as error:
        raise IrError(f"the pipeline is neither YAML nor JSON: {error}") from None
    if not documents or not all(isinstance(one, dict) for one in documents):
        raise IrError("the pipeline is empty: expected a PipelineSpec with pipelineInfo, components and root")
    platforms = [one for one in documents if "platforms" in one]
    specs = [one for one in documents if "platforms" not in one]
    if len(specs) != 1 or len(documents) > MAX_DOCUMENTS:
        raise IrError(
            f"expected one PipelineSpec and at most one PlatformSpec, found {len(documents)} documents"
        )
    made = package(specs[0])
    return Package(made.spec, platforms[0], made.pipeline) if platforms else made


def view(spec: Any) -> Pipeline:
    if not isinstance(spec, dict):
        raise IrError("pipeline_spec: expected an object")
    for field in ("pipelineInfo", "root"):
        if field not in spec:
            raise IrError(f"{field}: missing, so this is no PipelineSpec as `kfp.compiler` writes it")
    try:
        found = msgspec.convert(spec, Pipeline, strict=False)
    except msgspec.ValidationError as error:
        raise IrError(f"the pipeline cannot be read: {error}") from None
    if not found.pipeline_info.name:
        raise IrError("pipelineInfo.name: a pipeline needs a name")
    return found
