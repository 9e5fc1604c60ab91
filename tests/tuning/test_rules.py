"""Katib's webhooks at our door: what is stored, what is refused, in whose words."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.kinds import katib_rules, katib_trials

from .documents import Document, double, experiment, job, listed


def stored(**spec: Any) -> Document:
    made = experiment("it", **spec)
    katib_rules.default(made)
    return made


def said(document: Document) -> str:
    return "; ".join(str(one) for one in katib_rules.check(document))


def test_what_is_left_out_is_stored_with_upstreams_defaults() -> None:
    made = experiment(objective={
        "type": "maximize", "objectiveMetricName": "accuracy", "additionalMetricNames": ["loss"],
        "metricStrategies": [{"name": "loss", "value": "latest"}],
    })
    del made["spec"]["parallelTrialCount"]
    katib_rules.default(made)
    spec = made["spec"]
    assert (spec["parallelTrialCount"], spec["resumePolicy"]) == (3, "Never")
    assert spec["metricsCollectorSpec"] == {"collector": {"kind": "StdOut"}}
    assert spec["parameters"][0]["feasibleSpace"]["distribution"] == "uniform"
    assert spec["objective"]["metricStrategies"] == [
        {"name": "loss", "value": "latest"}, {"name": "accuracy", "value": "max"},
    ]
    complete = 'status.conditions.#(type=="Complete")#|#(status=="True")#'
    assert spec["trialTemplate"]["successCondition"] == complete
    assert said(made) == ""


@pytest.mark.parametrize(("kind", "version", "labels"), [
    ("PyTorchJob", "kubeflow.org/v1", {"training.kubeflow.org/job-role": "master"}),
    ("TrainJob", "trainer.kubeflow.org/v1alpha1", {
        "jobset.sigs.k8s.io/replicatedjob-name": "node", "batch.kubernetes.io/job-completion-index": "0",
    }),
])
def test_known_kinds_bring_their_conditions_and_labels(kind: str, version: str, labels: Any) -> None:
    run = {**job("${trialParameters.x}"), "kind": kind, "apiVersion": version}
    template = stored(trialTemplate={"trialSpec": run})["spec"]["trialTemplate"]
    assert template["primaryPodLabels"] == labels
    assert '"Failed"' in template["failureCondition"]


@pytest.mark.parametrize(("spec", "words"), [
    ({"maxTrialCount": 0}, "spec.maxTrialCount: Invalid value: 0: must be greater than 0"),
    ({"parallelTrialCount": 9}, "should be less than or equal to spec.maxTrialCount"),
    ({"algorithm": {"algorithmName": "tpee"}}, "unable to get Suggestion config data"),
    ({"algorithm": {"algorithmName": "enas"}}, "searches architectures"),
    ({"objective": {"type": "best", "objectiveMetricName": "a"}}, "must be minimize or maximize"),
    ({"objective": {"type": "minimize"}}, "objectiveMetricName: Required value"),
    ({"resumePolicy": "Often"}, "invalid ResumePolicyType"),
    ({"parameters": [double("x", "2", "1")]}, "must not be greater than max"),
    ({"parameters": [double("x", list=["1"])]},
     "feasibleSpace.list is not supported for parameterType: double"),
    ({"parameters": [{**listed("x", "categorical", "a"), "parameterType": "int"}]},
     "feasibleSpace.list is not"),
    ({"parameters": [double("x"), double("x")]}, "Duplicate value"),
    ({"parameters": [double("x", distribution="flat")]}, "distribution: flat is not supported"),
    ({"metricsCollectorSpec": {"collector": {"kind": "Odd"}}}, "invalid metrics collector kind: Odd"),
    ({"metricsCollectorSpec": {"source": {"filter": {"metricsFormat": ["(a"]}}}}, "invalid filter: "),
    ({"metricsCollectorSpec": {"source": {"filter": {"metricsFormat": ["(a)"]}}}},
     "two top subexpressions are required"),
    ({"trialTemplate": {"trialParameters": []}}, "trialParameters: Required value"),
    ({"trialTemplate": {"primaryContainerName": ""}}, "primaryContainerName: Required value"),
    ({"trialTemplate": {"trialSpec": job("${trialParameters.x} ${trialParameters.y}")}},
     "[${trialParameters.y}] in spec.trialTemplate not found"),
    ({"trialTemplate": {"trialSpec": job("true")}},
     "parameter name: x in spec.trialParameters not found in spec.trialTemplate"),
    ({"trialTemplate": {"trialParameters": [{"name": "x", "reference": "z"}]}},
     "reference z does not exist in spec.parameters"),
    ({"trialTemplate": {"trialParameters": [{"name": "x", "reference": "${trialSpec.Color}"}]}}, "Name, N"),
    ({"trialTemplate": {"configMap": {"templatePath": "x"}}},
     "only one of spec.trialTemplate.trialSpec or spec.trialTemplate.configMap can be specified"),
    ({"trialTemplate": {"trialSpec": {**job("${trialParameters.x}"), "kind": "Odd"}}},
     "successCondition and failureCondition must be specified"),
    ({"trialTemplate": {"trialSpec": {**job("${trialParameters.x}"), "metadata": {"name": "me"}}}},
     "metadata.name and metadata.namespace in spec.trialTemplate must be omitted"),
    ({"parameters": [{**double("x"), "parameterType": "float"}]}, "parameterType: float is not supported"),
    ({"parameters": [double("x", "", "2")]}, "feasibleSpace.max or feasibleSpace.min must be specified"),
    ({"parameters": [{**listed("x", "discrete", "1"), "feasibleSpace": {"list": ["1"], "step": "1"}}]},
     "feasibleSpace .max, .min and .step is not supported for parameterType: discrete"),
    ({"metricsCollectorSpec": {"collector": {"kind": "PrometheusMetric"}}},
     "GetMetricsCollectorConfigData failed"),
    ({"metricsCollectorSpec": {"collector": {"kind": "Custom"}}}, "customCollector: Required value"),
    ({"trialTemplate": {"trialSpec": job("${trialParameters.x}", comand=["a"])}}, "comand: Invalid value"),
    ({"trialTemplate": {"trialSpec": job("${trialParameters.x}", stdin="yes")}}, "unable to convert to Job"),
    ({"maxTrialCount": "many"}, "spec.maxTrialCount: Invalid value: Expected `int"),
])
def test_what_a_cluster_refuses_is_refused(spec: Document, words: str) -> None:
    assert words in said(stored(**spec))


def test_a_metrics_format_may_have_groups_within_its_two() -> None:
    text = r"{metricName: ([\w|-]+), metricValue: ((-?\d+)(\.\d+)?)}"
    assert said(stored(metricsCollectorSpec={"source": {"filter": {"metricsFormat": [text]}}})) == ""


def test_after_creation_only_the_budget_changes() -> None:
    old = stored()
    assert katib_rules.change(old, stored(maxTrialCount=9)) == []
    (found,) = katib_rules.change(old, stored(algorithm={"algorithmName": "tpe"}))
    assert "only spec.parallelTrialCount, spec.maxTrialCount" in str(found)


def test_values_land_wherever_a_template_names_them() -> None:
    view = katib_rules.katib.experiment(stored(trialTemplate={
        "trialSpec": {**job("${trialParameters.x}"), "metadata": {"labels": {"a": "b"}}},
        "trialParameters": [
            {"name": "x", "reference": "x"}, {"name": "me", "reference": "${trialSpec.Name}"},
            {"name": "label", "reference": "${trialSpec.Labels[a]}"},
        ],
    })).trial_template
    assert view is not None
    assert view.trial_spec is not None
    given = katib_trials.values(view, view.trial_spec, {"x": '1"2'}, "it-1", "default")
    assert given == {"x": '1"2', "me": "it-1", "label": "b"}
    filled = katib_trials.filled({"${trialParameters.me}": ["=${trialParameters.x}"]}, given)
    assert filled == {"it-1": ['=1"2']}
