"""Experiments for tests, as a user would write them."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def double(name: str, low: str = "-2", high: str = "2", **space: str) -> Document:
    return {"name": name, "parameterType": "double", "feasibleSpace": {"min": low, "max": high, **space}}


def listed(name: str, kind: str, *choices: str) -> Document:
    return {"name": name, "parameterType": kind, "feasibleSpace": {"list": list(choices)}}


def job(script: str, **container: Any) -> Document:
    main = {"name": "training-container", "image": "alpine", "command": ["sh", "-c", script], **container}
    template = {"spec": {"restartPolicy": "Never", "containers": [main]}}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": template}}


SQUARE = 'awk "BEGIN{x=${trialParameters.x}; print \\"loss=\\" x*x}"'


def experiment(name: str = "square", script: str = SQUARE, **spec: Any) -> Document:
    """Minimises x² by random search over a Job, unless the spec says otherwise."""
    parameters = spec.pop("parameters", None) or [double("x")]
    template = {
        "primaryContainerName": "training-container",
        "trialParameters": [{"name": one["name"], "reference": one["name"]} for one in parameters],
        "trialSpec": job(script),
        **spec.pop("trialTemplate", {}),
    }
    body = {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": "random"},
        "parallelTrialCount": 2, "maxTrialCount": 4, "maxFailedTrialCount": 2,
        "parameters": parameters, "trialTemplate": template, **spec,
    }
    return {
        "apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {"name": name}, "spec": body,
    }
