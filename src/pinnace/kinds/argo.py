"""Argo Workflows as the engine reads it: typed views of Workflow, its templates and its status.

Only the fields that a controller decides on are typed; what merely travels to a Pod (containers, volumes,
affinity …) stays plain data. Callers: `controllers/workflow`. Source of names: argoproj/argo-workflows
v4.1.2 pkg/apis/workflow/v1alpha1/workflow_types.go.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from pinnace.kinds.resource import Column, Obj, Resource

GROUP = "argoproj.io"
VERSION = "v1alpha1"
DOMAIN = "workflows.argoproj.io/"


def _resource(kind: str, short: tuple[str, ...], namespaced: bool, columns: tuple[Column, ...]) -> Resource:
    return Resource(
        group=GROUP,
        version=VERSION,
        kind=kind,
        plural=kind.lower() + "s",
        singular=kind.lower(),
        namespaced=namespaced,
        short_names=short,
        custom=True,
        columns=columns,
    )


_AGE = Column("Age", "date", ".metadata.creationTimestamp")
WORKFLOW = _resource(
    "Workflow",
    ("wf",),
    True,
    (
        Column("Status", "string", ".status.phase"),
        Column("Age", "date", ".status.startedAt"),
        Column("Message", "string", ".status.message"),
    ),
)
WORKFLOW_TEMPLATE = _resource("WorkflowTemplate", ("wftmpl",), True, (_AGE,))
CLUSTER_WORKFLOW_TEMPLATE = _resource("ClusterWorkflowTemplate", ("clusterwftmpl", "cwft"), False, (_AGE,))
CRON_WORKFLOW = _resource("CronWorkflow", ("cwf", "cronwf"), True, (_AGE,))
EVENT_BINDING = _resource("WorkflowEventBinding", ("wfeb",), True, (_AGE,))


class View(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True, gc=False):
    """A typed view: unknown fields are ignored, absent ones have upstream's defaults."""


class ValueFrom(View):
    path: str = ""
    json_path: str = ""
    jq_filter: str = ""
    event: str = ""
    parameter: str = ""
    supplied: Obj | None = None
    config_map_key_ref: Obj | None = None
    expression: str = ""
    default: Any = UNSET


class Parameter(View):
    name: str = ""
    value: Any = UNSET
    default: Any = UNSET
    enum: list[Any] | None = None
    description: Any = None
    global_name: str = ""
    value_from: ValueFrom | None = None


class Artifact(View):
    """`location` keeps the whole document: which store it names is read there."""

    name: str = ""
    path: str = ""
    mode: int | None = None
    from_: str = msgspec.field(default="", name="from")
    from_expression: str = ""
    global_name: str = ""
    optional: bool = False
    sub_path: str = ""
    archive: Obj | None = None
    raw: Obj | None = None
    s3: Obj | None = None


class Arguments(View):
    parameters: list[Parameter] = []
    artifacts: list[Obj] = []


class Inputs(View):
    parameters: list[Parameter] = []
    artifacts: list[Obj] = []


class Outputs(View):
    parameters: list[Parameter] = []
    artifacts: list[Obj] = []


class TemplateRef(View):
    name: str = ""
    template: str = ""
    cluster_scope: bool = False


class ContinueOn(View):
    error: bool = False
    failed: bool = False


class Hook(View):
    template: str = ""
    template_ref: TemplateRef | None = None
    arguments: Arguments = msgspec.field(default_factory=Arguments)
    expression: str = ""


class Sequence(View):
    count: Any = None
    start: Any = None
    end: Any = None
    format: str = ""


class Task(View):
    """A step of a step group, or a task of a DAG: the two differ in `dependencies` and `depends` only."""

    name: str = ""
    template: str = ""
    inline: Obj | None = None
    template_ref: TemplateRef | None = None
    arguments: Arguments = msgspec.field(default_factory=Arguments)
    with_items: list[Any] | None = None
    with_param: str = ""
    with_sequence: Sequence | None = None
    when: str = ""
    continue_on: ContinueOn | None = None
    hooks: dict[str, Hook] | None = None
    on_exit: str = ""
    dependencies: list[str] | None = None
    depends: str = ""


class Dag(View):
    tasks: list[Task] = []
    target: str = ""
    fail_fast: bool | None = None


class Backoff(View):
    duration: Any = ""
    factor: Any = None
    max_duration: str = ""
    cap: str = ""


class RetryStrategy(View):
    limit: Any = None
    retry_policy: str = ""
    backoff: Backoff | None = None
    expression: str = ""


class Memoize(View):
    key: str = ""
    max_age: str = ""
    cache: Obj | None = None


class ResourceTemplate(View):
    action: str = ""
    manifest: str = ""
    manifest_from: Obj | None = None
    merge_strategy: str = ""
    set_owner_reference: bool = False
    success_condition: str = ""
    failure_condition: str = ""
    flags: list[str] | None = None


class Suspend(View):
    duration: Any = ""


class Template(View):
    name: str = ""
    inputs: Inputs = msgspec.field(default_factory=Inputs)
    outputs: Outputs = msgspec.field(default_factory=Outputs)
    metadata: Obj | None = None
    annotations: dict[str, str] | None = None
    archive_location: Obj | None = None
    container: Obj | None = None
    container_set: Obj | None = None
    script: Obj | None = None
    steps: list[list[Task]] | None = None
    dag: Dag | None = None
    resource: ResourceTemplate | None = None
    suspend: Suspend | None = None
    data: Obj | None = None
    http: Obj | None = None
    plugin: Obj | None = None
    daemon: bool | None = None
    init_containers: list[Obj] | None = None
    sidecars: list[Obj] | None = None
    volumes: list[Obj] | None = None
    active_deadline_seconds: Any = None
    timeout: str = ""
    retry_strategy: RetryStrategy | None = None
    parallelism: int | None = None
    fail_fast: bool | None = None
    memoize: Memoize | None = None
    node_selector: dict[str, str] | None = None
    affinity: Obj | None = None
    tolerations: list[Obj] | None = None
    security_context: Obj | None = None
    service_account_name: str = ""
    automount_service_account_token: bool | None = None
    host_aliases: list[Obj] | None = None
    pod_spec_patch: str = ""
    priority_class_name: str = ""
    scheduler_name: str = ""
    synchronization: Obj | None = None
    metrics: Obj | None = None
    pending_timeout: str = ""
    pod_resources: Obj | None = None


class WorkflowTemplateRef(View):
    name: str = ""
    cluster_scope: bool = False


class Spec(View):
    templates: list[Template] = []
    entrypoint: str = ""
    arguments: Arguments = msgspec.field(default_factory=Arguments)
    workflow_template_ref: WorkflowTemplateRef | None = None
    on_exit: str = ""
    hooks: dict[str, Hook] | None = None
    parallelism: int | None = None
    suspend: bool | None = None
    shutdown: str = ""
    active_deadline_seconds: int | None = None
    priority: int | None = None
    retry_strategy: RetryStrategy | None = None
    template_defaults: Obj | None = None
    service_account_name: str = ""
    automount_service_account_token: bool | None = None
    artifact_repository_ref: Obj | None = None
    archive_logs: bool | None = None
    volumes: list[Obj] | None = None
    volume_claim_templates: list[Obj] | None = None
    volume_claim_gc: Obj | None = msgspec.field(default=None, name="volumeClaimGC")
    node_selector: dict[str, str] | None = None
    affinity: Obj | None = None
    tolerations: list[Obj] | None = None
    image_pull_secrets: list[Obj] | None = None
    host_network: bool | None = None
    dns_policy: str | None = None
    dns_config: Obj | None = None
    host_aliases: list[Obj] | None = None
    scheduler_name: str = ""
    pod_priority_class_name: str = ""
    security_context: Obj | None = None
    pod_spec_patch: str = ""
    pod_metadata: Obj | None = None
    ttl_strategy: Obj | None = None
    pod_gc: Obj | None = msgspec.field(default=None, name="podGC")
    synchronization: Obj | None = None
    metrics: Obj | None = None
    pod_resources: Obj | None = None
    pod_disruption_budget: Obj | None = None
    workflow_metadata: Obj | None = None


class Links(View):
    """What the engine keeps beside a node and no reader sees; `assembly` turns it into `children` and
    `outboundNodes`, so that a parent of 10,000 children is never rewritten for each of them."""

    order: int = 0
    """The how manieth node of its run this is."""
    parents: tuple[str, ...] = ()
    """Nodes that list this one as a child. (Tuples: a run's thousands share the empty one, and the collector
    need not look at them.)"""
    after: tuple[str, ...] = ()
    """Nodes whose outbound nodes list this one as a child."""
    ends: tuple[str, ...] = ()
    """Nodes whose outbound nodes are this one's outbound nodes."""
    loops: dict[str, list[Any]] = {}
    """The evaluated items of each looped step (on its step group) or task (on its task group)."""
    retry: dict[str, str] = {}
    """`retries` and `lastRetry.*` as this attempt saw them."""
    item: Any = UNSET
    target: Obj | None = None
    """Resource templates: apiVersion, kind, namespace and name of what is acted on."""


class NodeStatus(View):
    """One entry of `.status.nodes`, and the body of its row."""

    id: str
    name: str
    display_name: str = ""
    type: str = ""
    template_name: str = ""
    template_ref: Obj | None = None
    template_scope: str = ""
    phase: str = ""
    boundary_id: str = msgspec.field(default="", name="boundaryID")
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    progress: str = ""
    resources_duration: dict[str, int] | None = None
    pod_ip: str = msgspec.field(default="", name="podIP")
    daemoned: bool | None = None
    node_flag: Obj | None = None
    inputs: Any = None
    """A map; of a node that this process made, as `msgspec.Raw`: it is encoded once and never read here."""
    outputs: Obj | None = None
    host_node_name: str = ""
    memoization_status: Obj | None = None
    synchronization_status: Obj | None = None
    pinnace: Links | None = None


COMPLETED = frozenset({"Succeeded", "Failed", "Error"})
FULFILLED = COMPLETED | {"Skipped", "Omitted"}


def text(value: Any) -> str:
    """AnyString: a YAML number is its shortest decimal, a bool is `true` or `false`."""
    if isinstance(value, str):
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    return msgspec.json.encode(value).decode()
