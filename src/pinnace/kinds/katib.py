"""Katib's kinds as the platform reads them: resources and typed views of Experiment, Suggestion and Trial.

Pure. Callers: `katib_rules` (defaults and validation), `controllers/tuning`. Upstream's definitions keep
unknown fields, so a document may hold anything; `experiment` and its like convert what the platform reads and
raise msgspec.ValidationError with the path of what is of the wrong type.
Source: kubeflow/katib pkg/apis/controller/{common,experiments,suggestions,trials}/v1beta1.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.kinds.resource import Column, Obj, Resource

GROUP = "kubeflow.org"
VERSION = "v1beta1"
EXPERIMENT_LABEL = "katib.kubeflow.org/experiment"
TRIAL_LABEL = "katib.kubeflow.org/trial"
TRIAL_NAME = "KATIB_TRIAL_NAME"
GENERATION = "pbt.suggestion.katib.kubeflow.org/generation"
PARENT = "pbt.suggestion.katib.kubeflow.org/parent"
NEVER, LONG_RUNNING, FROM_VOLUME = "Never", "LongRunning", "FromVolume"
UNAVAILABLE = "unavailable"
METRICS_FILE = "/var/log/katib/metrics.log"
EVENTS_FOLDER = "/var/log/katib/tfevent/"
DB_MANAGER = "katib-db-manager"
"""The server to which trials push metrics, and its address's first name."""
PUSHING = frozenset({"Push", "Custom"})
"""Collectors of trials that report to it, themselves or by a container beside them."""


def _resource(kind: str, *columns: Column) -> Resource:
    lower = kind.lower()
    return Resource(
        group=GROUP, version=VERSION, kind=kind, plural=f"{lower}s", singular=lower, custom=True,
        categories=("all", "kubeflow", "katib"), subresources=frozenset({"status"}),
        columns=(
            Column("Type", "string", ".status.conditions[-1:].type"),
            Column("Status", "string", ".status.conditions[-1:].status"),
            *columns,
            Column("Age", "date", ".metadata.creationTimestamp"),
        ),
    )


EXPERIMENT = _resource("Experiment")
SUGGESTION = _resource(
    "Suggestion", Column("Requested", "string", ".spec.requests"),
    Column("Assigned", "string", ".status.suggestionCount"),
)
TRIAL = _resource("Trial")


class _View(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A field that is `null` in the document counts as absent: see `view`."""


class Setting(_View, frozen=True):
    name: str = ""
    value: str = ""


class Space(_View, frozen=True):
    min: str = ""
    max: str = ""
    step: str = ""
    list: tuple[str, ...] = ()
    distribution: str = ""


class Parameter(_View, frozen=True):
    name: str = ""
    parameter_type: str = ""
    feasible_space: Space = Space()


class Strategy(_View, frozen=True):
    name: str = ""
    value: str = ""


class Objective(_View, frozen=True):
    type: str = ""
    goal: float | None = None
    objective_metric_name: str = ""
    additional_metric_names: tuple[str, ...] = ()
    metric_strategies: tuple[Strategy, ...] = ()

    @property
    def maximize(self) -> bool:
        return self.type == "maximize"

    @property
    def metrics(self) -> tuple[str, ...]:
        return (self.objective_metric_name, *self.additional_metric_names)

    def strategy(self, metric: str) -> str:
        named = (each.value for each in self.metric_strategies if each.name == metric)
        return next(named, "max" if self.maximize else "min")


class Algorithm(_View, frozen=True):
    algorithm_name: str = ""
    algorithm_settings: tuple[Setting, ...] = ()

    @property
    def settings(self) -> dict[str, str]:
        return {each.name: each.value for each in self.algorithm_settings}


class TrialParameter(_View, frozen=True):
    name: str = ""
    description: str = ""
    reference: str = ""


class ConfigMapSource(_View, frozen=True):
    config_map_name: str = ""
    config_map_namespace: str = ""
    template_path: str = ""


class TrialTemplate(_View, frozen=True):
    retain: bool = False
    trial_spec: dict[str, Any] | None = None
    config_map: ConfigMapSource | None = None
    trial_parameters: tuple[TrialParameter, ...] = ()
    primary_pod_labels: dict[str, str] = {}
    primary_container_name: str = ""
    success_condition: str = ""
    failure_condition: str = ""


class FilePath(_View, frozen=True):
    path: str = ""
    kind: str = ""
    format: str = ""


class Filter(_View, frozen=True):
    metrics_format: tuple[str, ...] = ()


class Source(_View, frozen=True):
    http_get: dict[str, Any] | None = None
    file_system_path: FilePath | None = None
    filter: Filter | None = None


class Collector(_View, frozen=True):
    kind: str = ""
    custom_collector: dict[str, Any] | None = None


class MetricsCollector(_View, frozen=True):
    source: Source | None = None
    collector: Collector | None = None

    @property
    def kind(self) -> str:
        return (self.collector and self.collector.kind) or "StdOut"

    @property
    def path(self) -> str:
        """Of the file or folder; '' where there is none."""
        found = self.source.file_system_path if self.source else None
        return found.path if found else ""

    @property
    def of_file(self) -> bool:
        """Whether `path` is a file's, not a folder's."""
        found = self.source.file_system_path if self.source else None
        return self.kind == "File" or (found is not None and found.kind == "File")

    @property
    def format(self) -> str:
        found = self.source.file_system_path if self.source else None
        return (found and found.format) or "TEXT"

    @property
    def filters(self) -> tuple[str, ...]:
        found = self.source.filter if self.source else None
        return found.metrics_format if found else ()


class Experiment(_View, frozen=True):
    """The spec of an Experiment."""

    parameters: tuple[Parameter, ...] = ()
    objective: Objective | None = None
    algorithm: Algorithm | None = None
    early_stopping: Algorithm | None = None
    trial_template: TrialTemplate | None = None
    metrics_collector_spec: MetricsCollector | None = None
    parallel_trial_count: int | None = None
    max_trial_count: int | None = None
    max_failed_trial_count: int | None = None
    nas_config: dict[str, Any] | None = None
    resume_policy: str = ""


class Assignment(_View, frozen=True):
    name: str
    value: str


class Rule(_View, frozen=True):
    """Stop a trial when its best value so far compares so to `value` after `start_step` reports."""

    name: str
    value: str
    comparison: str
    start_step: int = 0


class Suggested(_View, frozen=True):
    """One entry of a Suggestion's status: a trial to make, with its name."""

    name: str
    parameter_assignments: tuple[Assignment, ...] = ()
    early_stopping_rules: tuple[Rule, ...] = ()
    labels: dict[str, str] = {}


class Trial(_View, frozen=True):
    """The spec of a Trial."""

    objective: Objective = Objective()
    parameter_assignments: tuple[Assignment, ...] = ()
    early_stopping_rules: tuple[Rule, ...] = ()
    run_spec: dict[str, Any] = {}
    retain_run: bool = False
    metrics_collector: MetricsCollector = MetricsCollector()
    primary_pod_labels: dict[str, str] = {}
    primary_container_name: str = ""
    success_condition: str = ""
    failure_condition: str = ""
    labels: dict[str, str] = {}


def experiment(obj: Obj) -> Experiment:
    return msgspec.convert(_without_nulls(obj.get("spec") or {}), Experiment)


def trial(obj: Obj) -> Trial:
    return msgspec.convert(_without_nulls(obj.get("spec") or {}), Trial)


def algorithm(found: Obj | None) -> Algorithm:
    return msgspec.convert(_without_nulls(found or {}), Algorithm)


def suggested(found: Obj) -> Suggested:
    return msgspec.convert(_without_nulls(found), Suggested)


def plain(view: Any) -> Any:
    """A view as it stands in a document: camel case, without what is empty."""
    return _without_empty(msgspec.to_builtins(view))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_nulls(one) for one in value]
    return value


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        cleaned = {key: _without_empty(one) for key, one in value.items()}
        return {key: one for key, one in cleaned.items() if one not in (None, "", [], {}, ())}
    if isinstance(value, list | tuple):
        return [_without_empty(one) for one in value]
    return value


# Conditions ---------------------------------------------------------------------------------------------


def condition(obj: Obj, kind: str) -> Obj | None:
    """The condition of this type, if it is true."""
    found: list[Obj] = (obj.get("status") or {}).get("conditions") or []
    return next((each for each in found if each["type"] == kind and each["status"] == "True"), None)


def completed(obj: Obj) -> bool:
    """Of an Experiment or a Suggestion."""
    return bool(condition(obj, "Succeeded") or condition(obj, "Failed"))


ENDINGS = ("Killed", "Failed", "MetricsUnavailable", "EarlyStopped", "Succeeded")


def phase(obj: Obj) -> str:
    """Of a Trial: one of ENDINGS, Running, or Pending."""
    return next((kind for kind in (*ENDINGS, "Running") if condition(obj, kind)), "Pending")
