"""The trial template of an Experiment: its defaults, what is refused of it, and the run it becomes.

Pure. Callers: `katib_rules`, `controllers/tuning`. Where upstream replaces text in a template's JSON,
strings are replaced in the tree here: the same, but a quote in a value breaks nothing.
Source: kubeflow/katib pkg/controller.v1beta1/experiment/manifest/generator.go and
pkg/controller.v1beta1/consts, pkg/apis/controller/experiments/v1beta1/experiment_defaults.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pinnace.kinds import cause, library
from pinnace.kinds.cause import Cause
from pinnace.kinds.katib import Experiment, TrialTemplate
from pinnace.kinds.pruning import unknown_fields
from pinnace.kinds.resource import Obj
from pinnace.kinds.validation import value_causes

PLACEHOLDER = re.compile(r"\$\{trialParameters\.(.+?)\}")
OF_RUN = re.compile(r"\$\{trialSpec\.(.+?)\}")
_ENTRY = re.compile(r"(Annotations|Labels)\[(.+)\]")
_SIMPLE = ("Name", "Namespace", "Kind", "APIVersion")
_JOB_LABELS = {"training.kubeflow.org/job-role": "master"}
_NODE_LABELS = {
    "jobset.sigs.k8s.io/replicatedjob-name": "node", "batch.kubernetes.io/job-completion-index": "0",
}


def _when(kind: str) -> str:
    return f'status.conditions.#(type=="{kind}")#|#(status=="True")#'


_SUCCEEDED = (_when("Succeeded"), _when("Failed"), _JOB_LABELS)
_COMPLETE = (_when("Complete"), _when("Failed"))
KNOWN: Mapping[str, tuple[str, str, dict[str, str]]] = {
    "Job": (*_COMPLETE, {}), "TFJob": _SUCCEEDED, "PyTorchJob": _SUCCEEDED, "XGBoostJob": _SUCCEEDED,
    "MPIJob": _SUCCEEDED, "TrainJob": (*_COMPLETE, _NODE_LABELS),
}
"""Kind → (success, failure, labels of the pod whose metrics count)."""
_GROUPS = {"Job": "batch/", "TrainJob": "trainer.kubeflow.org/"}


def known(run: Obj) -> tuple[str, str, dict[str, str]] | None:
    kind = str(run.get("kind"))
    if not str(run.get("apiVersion")).startswith(_GROUPS.get(kind, "kubeflow.org/")):
        return None
    return KNOWN.get(kind)


def default(template: Obj) -> None:
    run = template.get("trialSpec")
    found = known(run) if isinstance(run, dict) else None
    if found is None:
        return
    success, failure, labels = found
    if not template.get("successCondition"):
        template["successCondition"] = success
    if not template.get("failureCondition"):
        template["failureCondition"] = failure
    if labels and not template.get("primaryPodLabels"):
        template["primaryPodLabels"] = dict(labels)


# Validation ---------------------------------------------------------------------------------------------


def check(spec: Experiment) -> Iterator[Cause]:
    template, path = spec.trial_template, "spec.trialTemplate"
    if template is None:
        yield cause.required(path, "must be specified")
        return
    if not template.primary_container_name:
        yield cause.required(f"{path}.primaryContainerName", "must be specified")
    if not template.success_condition or not template.failure_condition:
        yield cause.required(path, "successCondition and failureCondition must be specified")
    if not template.trial_parameters:
        yield cause.required(f"{path}.trialParameters", "must be specified")
    yield from _source(template, path)
    yield from _parameters(spec, template, path)


def _source(template: TrialTemplate, path: str) -> Iterator[Cause]:
    run, place = template.trial_spec, template.config_map
    if run is None and place is None:
        words = "spec.trialTemplate.trialSpec or spec.trialTemplate.configMap must be specified"
        yield cause.required(f"{path}.TrialSource", words)
    elif run is not None and place is not None:
        yield cause.required(
            path, "only one of spec.trialTemplate.trialSpec or spec.trialTemplate.configMap can be specified"
        )
    if place is not None and "" in (place.config_map_name, place.config_map_namespace, place.template_path):
        words = "configMapName, configMapNamespace and templatePath must be specified"
        yield cause.required(f"{path}.configMap", words)
    if run is not None:
        yield from of_run(run, f"{path}.trialSpec")
        yield from _job(run, f"{path}.trialSpec")


def of_run(run: Obj, path: str) -> Iterator[Cause]:
    """What a run must have, and what is Katib's to give."""
    if not run.get("apiVersion") or not run.get("kind"):
        yield cause.required(path, "APIVersion and Kind in spec.trialTemplate must be specified")
    meta = run.get("metadata") or {}
    if meta.get("name") or meta.get("namespace"):
        words = "metadata.name and metadata.namespace in spec.trialTemplate must be omitted"
        yield cause.invalid(path, "", words)


def _job(run: Obj, path: str) -> Iterator[Cause]:
    """A batch Job must be one, down to each field's name and type; other kinds are judged when they are
    made."""
    if (run.get("apiVersion"), run.get("kind")) != ("batch/v1", "Job"):
        return
    schema = library.schema("batch", "v1", "Job")
    words = "invalid spec.trialTemplate: unable to convert"
    for field in unknown_fields(schema, run):
        yield cause.invalid(f"{path}.{field}", "", f"{words} to Job: it has no such field")
    for found in value_causes(schema, run, ""):
        if found.reason == "FieldValueTypeInvalid":
            yield Cause(f"{path}.{found.field}", f"{found.message} ({words} to Job)", found.reason)


def _parameters(spec: Experiment, template: TrialTemplate, path: str) -> Iterator[Cause]:
    names, references = set[str](), set[str]()
    searched = {each.name for each in spec.parameters}
    for index, each in enumerate(template.trial_parameters):
        where = f"{path}.trialParameters[{index}]"
        if not each.name or not each.reference or "{" in each.name or "}" in each.name:
            words = "name and reference must be specified and name must not contain '{' or '}'"
            yield cause.invalid(where, "", words)
            continue
        for field, value, seen in (("name", each.name, names), ("reference", each.reference, references)):
            if value in seen:
                words = f"parameter {field} {value} can't be duplicated in spec.trialTemplate.trialParameters"
                yield cause.invalid(f"{where}.{field}", value, words)
        names.add(each.name)
        references.add(each.reference)
        yield from _reference(each.reference, searched, template, f"{where}.reference")
    if template.trial_spec is None:
        return
    used = set(placeholders(template.trial_spec))
    for name in sorted(used - names):
        told = f"parameters: [${{trialParameters.{name}}}] in spec.trialTemplate not found in"
        listed = ", ".join(sorted(names)) or "none"
        yield cause.invalid(path, "", f"{told} spec.trialParameters: {listed}")
    for name in sorted(names - used):
        words = f"parameter name: {name} in spec.trialParameters not found in spec.trialTemplate"
        yield cause.invalid(f"{path}.trialParameters", name, f"{words}: no ${{trialParameters.{name}}}")


def _reference(reference: str, searched: set[str], template: TrialTemplate, where: str) -> Iterator[Cause]:
    of_run = OF_RUN.fullmatch(reference)
    if of_run is None:
        if searched and reference not in searched:
            listed = ", ".join(sorted(searched))
            words = f"parameter reference {reference} does not exist in spec.parameters: {listed}"
            yield cause.invalid(where, reference, words)
        return
    entry = _ENTRY.fullmatch(of_run[1])
    if of_run[1] not in _SIMPLE and entry is None:
        yield cause.invalid(
            where, reference, f"must be one of {', '.join(_SIMPLE)}, Annotations[key] or Labels[key]"
        )
    elif entry is not None and template.trial_spec is not None:
        have = (template.trial_spec.get("metadata") or {}).get(entry[1].lower()) or {}
        if entry[2] not in have:
            words = f"the trialSpec has no such entry: {', '.join(have) or 'none'}"
            yield cause.invalid(where, reference, words)


def placeholders(value: Any) -> Iterator[str]:
    """The names of `${trialParameters.name}` anywhere in a tree."""
    if isinstance(value, str):
        yield from PLACEHOLDER.findall(value)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from placeholders(key)
            yield from placeholders(one)
    elif isinstance(value, list):
        for one in value:
            yield from placeholders(one)


# The run ------------------------------------------------------------------------------------------------


class Unfit(Exception):
    """The template cannot become a run; the message says why."""


def values(
    template: TrialTemplate, run: Obj, assigned: Mapping[str, str], name: str, namespace: str
) -> dict[str, str]:
    """The value of every trialParameter. `run` is the template before substitution."""
    found: dict[str, str] = {}
    for each in template.trial_parameters:
        match = OF_RUN.fullmatch(each.reference)
        if match is not None:
            found[each.name] = _of_run(match[1], run, name, namespace)
        elif each.reference in assigned:
            found[each.name] = assigned[each.reference]
        else:
            raise Unfit(f"trialParameter {each.name}: the suggestion assigns no {each.reference}")
    return found


def _of_run(what: str, run: Obj, name: str, namespace: str) -> str:
    kind, version = run.get("kind"), run.get("apiVersion")
    simple = {"Name": name, "Namespace": namespace, "Kind": kind, "APIVersion": version}
    if what in simple:
        return str(simple[what])
    entry = _ENTRY.fullmatch(what)
    entries = ((run.get("metadata") or {}).get(entry[1].lower()) or {}) if entry else {}
    if entry is None or entry[2] not in entries:
        raise Unfit(f"${{trialSpec.{what}}}: the trialSpec has no such thing")
    return str(entries[entry[2]])


def filled(value: Any, given: Mapping[str, str]) -> Any:
    """A tree with its placeholders replaced."""
    if isinstance(value, str):
        return written(value, given)
    if isinstance(value, dict):
        return {written(key, given): filled(one, given) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, given) for one in value]
    return value


def written(text: str, given: Mapping[str, str]) -> str:
    if "${" not in text:
        return text
    return PLACEHOLDER.sub(lambda match: given.get(match[1], match[0]), text)


def placed(run: Obj, name: str, namespace: str) -> Obj:
    """The run under the trial's name."""
    return {**run, "metadata": {**(run.get("metadata") or {}), "name": name, "namespace": namespace}}
