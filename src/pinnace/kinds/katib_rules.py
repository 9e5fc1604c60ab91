"""What Katib's webhooks do to an Experiment: defaults that are stored, and everything that is refused.

Pure. Called by `objects/admission`. Source: kubeflow/katib
pkg/apis/controller/experiments/v1beta1/experiment_defaults.go and
pkg/webhook/v1beta1/experiment/validator/validator.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from pinnace.kinds import cause, katib, katib_algorithms, katib_trials
from pinnace.kinds.cause import Cause
from pinnace.kinds.katib import Experiment, Parameter
from pinnace.kinds.resource import Obj

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LONGEST = 40
"""Of a name: the trial's and the run's names add nine to it, and pods of theirs more."""
PARALLEL = 3
TYPES = ("double", "int", "discrete", "categorical")
DISTRIBUTIONS = ("uniform", "logUniform", "normal", "logNormal")
COLLECTORS = ("StdOut", "File", "TensorFlowEvent", "PrometheusMetric", "Custom", "None", "Push")
UNSHIPPED = ("PrometheusMetric",)
"""Katib's types know it, its configuration has no image for it: the webhook refuses it."""
BUDGET = ("parallelTrialCount", "maxTrialCount", "maxFailedTrialCount")


# Defaults -----------------------------------------------------------------------------------------------


def default(obj: Obj) -> None:
    """Fills in what upstream stores; of a document whose types are wrong it leaves alone what it cannot
    read."""
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    if spec.get("parallelTrialCount") is None:
        spec["parallelTrialCount"] = PARALLEL
    if not spec.get("resumePolicy"):
        spec["resumePolicy"] = katib.NEVER
    for parameter in _dicts(spec.get("parameters")):
        space = parameter.get("feasibleSpace")
        if isinstance(space, dict) and not space.get("distribution"):
            space["distribution"] = "uniform"
    _default_strategies(spec.get("objective"))
    _default_collector(spec)
    if isinstance(spec.get("trialTemplate"), dict):
        katib_trials.default(spec["trialTemplate"])


def _dicts(found: Any) -> list[Obj]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _default_strategies(objective: Any) -> None:
    """Each metric counts by its best value, unless a strategy says otherwise."""
    if not isinstance(objective, dict):
        return
    best = {"minimize": "min", "maximize": "max"}.get(str(objective.get("type")))
    others = objective.get("additionalMetricNames") or []
    if best is None or not isinstance(others, list):
        return
    given = _dicts(objective.get("metricStrategies"))
    named = {one.get("name") for one in given}
    metrics = dict.fromkeys([objective.get("objectiveMetricName"), *others])
    added = [{"name": one, "value": best} for one in metrics if isinstance(one, str) and one not in named]
    objective["metricStrategies"] = given + added


def _default_collector(spec: Obj) -> None:
    given = spec.get("metricsCollectorSpec")
    found = given if isinstance(given, dict) else {}
    collector = found.get("collector")
    if not isinstance(collector, dict) or not collector.get("kind"):
        collector = {**(collector if isinstance(collector, dict) else {}), "kind": "StdOut"}
    spec["metricsCollectorSpec"] = found = {**found, "collector": collector}
    if collector["kind"] == "File":
        path = _child(_child(found, "source"), "fileSystemPath")
        path.setdefault("format", "TEXT")
        path.setdefault("kind", "File")
        path.setdefault("path", katib.METRICS_FILE)
    elif collector["kind"] == "TensorFlowEvent":
        path = _child(_child(found, "source"), "fileSystemPath")
        path.setdefault("kind", "Directory")
        path.setdefault("path", katib.EVENTS_FOLDER)
    elif collector["kind"] == "PrometheusMetric":
        get = _child(_child(found, "source"), "httpGet")
        get.setdefault("path", "/metrics")
        get.setdefault("port", 8080)


def _child(parent: Obj, key: str) -> Obj:
    if not isinstance(parent.get(key), dict):
        parent[key] = {}
    child: Obj = parent[key]
    return child


def warnings(obj: Obj) -> list[str]:
    """What a cluster would do and this platform does not."""
    spec = obj.get("spec") or {}
    collector = (spec.get("metricsCollectorSpec") or {}).get("collector") or {}
    run = (spec.get("trialTemplate") or {}).get("trialSpec") or {}
    if collector.get("kind") == "Custom" and run.get("kind") == "Workflow":
        where = "spec.metricsCollectorSpec.collector.customCollector"
        return [f"{where} has no effect: no container is added to the pods of a Workflow; make it a sidecar"]
    return []


# Validation ---------------------------------------------------------------------------------------------


def check(obj: Obj) -> list[Cause]:
    """Of a new or changed Experiment, everything at once."""
    try:
        spec = katib.experiment(obj)
    except msgspec.ValidationError as error:
        words, _, path = str(error).partition(" - at `$")
        return [Cause(f"spec{path.rstrip('`')}", f"Invalid value: {words}", "FieldValueTypeInvalid")]
    return [
        *_name(obj), *_counts(spec), *_objective(spec), *_algorithm(spec), *_early_stopping(spec),
        *_resume(spec), *katib_trials.check(spec), *_space(spec), *_collector(spec),
    ]


def change(old: Obj, new: Obj) -> list[Cause]:
    """Only the budget may change, and a finished Experiment only goes on if it may be resumed."""
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if before == after or old["metadata"].get("deletionTimestamp"):
        return []
    return list(_changes(old, before, after))


def _changes(old: Obj, before: Obj, after: Obj) -> Iterator[Cause]:
    rest = [{key: one for key, one in spec.items() if key not in BUDGET} for spec in (before, after)]
    if rest[0] != rest[1]:
        words = "only spec.parallelTrialCount, spec.maxTrialCount and spec.maxFailedTrialCount are editable"
        yield cause.forbidden("spec", words)
    if not katib.completed(old):
        return
    if not restartable(old):
        words = (
            "Experiment can be restarted if it is in succeeded state by reaching max trials and "
            "spec.resumePolicy = LongRunning or spec.resumePolicy = FromVolume"
        )
        yield cause.invalid("spec.resumePolicy", before.get("resumePolicy") or "", words)
        return
    made, most = int((old.get("status") or {}).get("trials") or 0), after.get("maxTrialCount")
    if isinstance(most, int) and most <= made:
        yield cause.invalid("spec.maxTrialCount", most, f"must be greater than status.trials count: {made}")


def restartable(obj: Obj) -> bool:
    ended = katib.condition(obj, "Succeeded")
    policy = (obj.get("spec") or {}).get("resumePolicy")
    by_budget = ended is not None and ended.get("reason") == "ExperimentMaxTrialsReached"
    return by_budget and policy in (katib.LONG_RUNNING, katib.FROM_VOLUME)


def _name(obj: Obj) -> Iterator[Cause]:
    name = obj["metadata"].get("name") or ""
    if name and not _NAME.fullmatch(name):
        yield cause.invalid(
            "metadata.name", name,
            "name must consist of lower case alphanumeric characters or '-', start with an alphabetic "
            "character, and end with an alphanumeric character (e.g. 'my-name', or 'abc-123')",
        )
    if len(name) > LONGEST:
        yield cause.invalid("metadata.name", name, f"name must be less than or equal to {LONGEST} characters")


def _counts(spec: Experiment) -> Iterator[Cause]:
    failed, most, parallel = spec.max_failed_trial_count, spec.max_trial_count, spec.parallel_trial_count
    if failed is not None and failed < 0:
        yield cause.invalid("spec.maxFailedTrialCount", failed, "should not be less than 0")
    if most is not None and most <= 0:
        yield cause.invalid("spec.maxTrialCount", most, "must be greater than 0")
    if parallel is not None and parallel <= 0:
        yield cause.invalid("spec.parallelTrialCount", parallel, "must be greater than 0")
    limit = "should be less than or equal to spec.maxTrialCount"
    if most is not None and failed is not None and failed > most:
        yield cause.invalid("spec.maxFailedTrialCount", failed, limit)
    if most is not None and parallel is not None and parallel > most:
        yield cause.invalid("spec.parallelTrialCount", parallel, limit)


def _objective(spec: Experiment) -> Iterator[Cause]:
    objective = spec.objective
    if objective is None:
        yield cause.required("spec.objective", "must be specified")
        return
    if objective.type not in ("minimize", "maximize"):
        yield cause.invalid("spec.objective.type", objective.type, "must be minimize or maximize")
    if not objective.objective_metric_name:
        yield cause.required("spec.objective.objectiveMetricName", "must be specified")
    if objective.objective_metric_name in objective.additional_metric_names:
        yield cause.invalid(
            "spec.objective.additionalMetricNames", list(objective.additional_metric_names),
            "should not contain spec.objective.objectiveMetricName",
        )
    for index, each in enumerate(objective.metric_strategies):
        if each.value not in ("min", "max", "latest"):
            path = f"spec.objective.metricStrategies[{index}].value"
            yield cause.unsupported(path, each.value, ("min", "max", "latest"))
    named = {each.name for each in objective.metric_strategies}
    if objective.type in ("minimize", "maximize") and not named >= set(objective.metrics):
        yield cause.invalid("spec.objective.metricStrategies", sorted(named), "must name every metric")


def _algorithm(spec: Experiment) -> Iterator[Cause]:
    if spec.algorithm is None:
        yield cause.required("spec.algorithm", "must be specified")
        return
    name, path = spec.algorithm.algorithm_name, "spec.algorithm.algorithmName"
    if not name:
        yield cause.required(path, "must be specified")
    elif name in katib_algorithms.NAS:
        yield cause.invalid(path, name, "searches architectures, which this platform does not do")
    elif name not in katib_algorithms.SETTINGS:
        known = ", ".join(katib_algorithms.SETTINGS)
        words = f"unable to get Suggestion config data for algorithm {name}: there is {known}"
        yield cause.invalid(path, name, words)


def _early_stopping(spec: Experiment) -> Iterator[Cause]:
    if spec.early_stopping is None:
        return
    name, path = spec.early_stopping.algorithm_name, "spec.earlyStopping.algorithmName"
    if not name:
        yield cause.required(path, "must be specified")
    elif name not in katib_algorithms.EARLY_STOPPING:
        words = f"unable to get EarlyStopping config data for algorithm {name}: there is medianstop"
        yield cause.invalid(path, name, words)


def _resume(spec: Experiment) -> Iterator[Cause]:
    policies = (katib.NEVER, katib.LONG_RUNNING, katib.FROM_VOLUME)
    if spec.resume_policy and spec.resume_policy not in policies:
        words = f"invalid ResumePolicyType (there is {', '.join(policies)})"
        yield cause.invalid("spec.resumePolicy", spec.resume_policy, words)


def _space(spec: Experiment) -> Iterator[Cause]:
    if spec.nas_config is not None and spec.parameters:
        words = "only one of spec.parameters and spec.nasConfig can be specified"
        yield cause.invalid("spec", "object", words)
    if spec.nas_config is None and not spec.parameters:
        yield cause.required("spec", "spec.parameters or spec.nasConfig must be specified")
    seen: set[str] = set()
    for index, parameter in enumerate(spec.parameters):
        path = f"spec.parameters[{index}]"
        if parameter.name in seen:
            yield cause.duplicate(f"{path}.name", parameter.name)
        seen.add(parameter.name)
        yield from _parameter(parameter, path)


def _parameter(parameter: Parameter, path: str) -> Iterator[Cause]:
    space, kind = parameter.feasible_space, parameter.parameter_type
    where = f"{path}.feasibleSpace"
    if not parameter.name:
        yield cause.required(f"{path}.name", "must be specified")
    if kind not in TYPES:
        words = f"parameterType: {kind} is not supported (there is {', '.join(TYPES)})"
        yield cause.invalid(f"{path}.parameterType", kind, words)
        return
    if space == katib.Space() or space == katib.Space(distribution="uniform"):
        yield cause.required(where, "feasibleSpace must be specified")
        return
    if space.distribution and space.distribution not in DISTRIBUTIONS:
        listed = ", ".join(DISTRIBUTIONS)
        words = f"distribution: {space.distribution} is not supported (there is {listed})"
        yield cause.invalid(f"{where}.distribution", space.distribution, words)
    if kind in ("double", "int"):
        yield from _range(parameter, where)
        return
    if space.min or space.max or space.step:
        words = f"feasibleSpace .max, .min and .step is not supported for parameterType: {kind}"
        yield cause.invalid(where, "object", words)
    if not space.list:
        words = f"feasibleSpace.list must be specified for parameterType: {kind}"
        yield cause.required(f"{where}.list", words)


def _range(parameter: Parameter, where: str) -> Iterator[Cause]:
    space, kind = parameter.feasible_space, parameter.parameter_type
    if space.list:
        words = f"feasibleSpace.list is not supported for parameterType: {kind}"
        yield cause.invalid(f"{where}.list", list(space.list), words)
    if not space.min or not space.max:
        words = f"feasibleSpace.max or feasibleSpace.min must be specified for parameterType: {kind}"
        yield cause.required(f"{where}.max", words)
        return
    read = int if kind == "int" else float
    values: dict[str, float] = {}
    for field in ("min", "max", "step"):
        text = getattr(space, field)
        try:
            values[field] = read(text) if text else 0
        except ValueError:
            yield cause.invalid(f"{where}.{field}", text, f"must be a number of type {kind}")
            return
    if values["min"] > values["max"]:
        yield cause.invalid(f"{where}.min", space.min, "must not be greater than max")
    if space.step and values["step"] <= 0:
        yield cause.invalid(f"{where}.step", space.step, "must be greater than 0")
    if space.distribution in ("logUniform", "logNormal") and values["min"] <= 0:
        yield cause.invalid(f"{where}.min", space.min, f"must be greater than 0 for {space.distribution}")


def _collector(spec: Experiment) -> Iterator[Cause]:
    found, path = spec.metrics_collector_spec, "spec.metricsCollectorSpec"
    if found is None:
        return
    kind, source = found.kind, f"{path}.source"
    file = found.source.file_system_path if found.source else None
    if kind not in COLLECTORS:
        words = f"invalid metrics collector kind: {kind} (there is {', '.join(COLLECTORS)})"
        yield cause.invalid(f"{path}.collector.kind", kind, words)
    elif kind in UNSHIPPED:
        words = f"GetMetricsCollectorConfigData failed: Katib has no collector for {kind}; print the metrics"
        yield cause.invalid(f"{path}.collector.kind", kind, f"{words} (StdOut) or push them (Push)")
    elif kind == "File":
        yield from _file(file, f"{source}.fileSystemPath")
    elif kind == "TensorFlowEvent":
        yield from _events(file, source)
    elif kind == "Custom":
        yield from _custom(found, path)
    if kind not in ("Push", "None"):
        yield from _filters(found, f"{source}.filter")


def _file(file: katib.FilePath | None, path: str) -> Iterator[Cause]:
    if file is None or file.kind != "File" or not file.path.startswith("/"):
        yield cause.required(f"{path}.path", "file path where metrics file exists is required")
    elif file.format not in ("TEXT", "JSON"):
        yield cause.required(f"{path}.format", "format of metrics file is required: TEXT or JSON")


def _events(file: katib.FilePath | None, source: str) -> Iterator[Cause]:
    if file is None or file.kind != "Directory" or not file.path.startswith("/"):
        words = "directory path where tensorflow event files exist is required"
        yield cause.required(source, f"{words} by .spec.metricsCollectorSpec.source.fileSystemPath.path")
    elif file.format:
        yield cause.invalid(f"{source}.fileSystemPath.format", file.format, "must be empty")


def _custom(found: katib.MetricsCollector, path: str) -> Iterator[Cause]:
    container = found.collector.custom_collector if found.collector else None
    if not container:
        words = "metrics collector kind: Custom is required"
        yield cause.required(f"{path}.collector.customCollector", words)
    file = found.source.file_system_path if found.source else None
    if file is not None and (not file.path.startswith("/") or file.kind not in ("Directory", "File")):
        words = ".spec.metricsCollectorSpec.source is invalid"
        yield cause.invalid(f"{path}.source.fileSystemPath", "", words)


def _filters(found: katib.MetricsCollector, path: str) -> Iterator[Cause]:
    if found.filters and found.kind == "File" and found.format == "JSON":
        yield cause.invalid(path, "", "filter must be nil when format of metrics file is json")
        return
    for index, text in enumerate(found.filters):
        where = f"{path}.metricsFormat[{index}]"
        try:
            groups = _groups(text)
        except ValueError as error:
            yield cause.invalid(where, text, f"invalid filter: {error}")
            continue
        if groups < 2:
            yield cause.invalid(where, text, "two top subexpressions are required")


def _groups(pattern: str) -> int:
    """Upstream reads expressions as Go does, which is RE2's language."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return int(re2.compile(pattern, options).groups)
    except re2.error as error:
        raise ValueError(str(error)) from None
