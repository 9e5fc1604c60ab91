"""Run by the environment of the unmodified `kubeflow-katib`, after upstream's page on pushed metrics:
`python sdk_push_program.py ADDRESS`, where `kubectl port-forward` leads to katib-db-manager."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from kubeflow import katib  # type: ignore[import-not-found,unused-ignore]


def objective(parameters):  # type: ignore[no-untyped-def]  # its text alone goes to the trial
    import kubeflow.katib as katib

    result = 4 * int(parameters["a"]) - float(parameters["b"]) ** 2
    katib.report_metrics({"result": result})


def metrics(client: Any, trial: str, address: str) -> Any:
    """The forward may need a moment to stand."""
    for attempt in range(50):
        try:
            return client.get_trial_metrics(trial, db_manager_address=address)
        except RuntimeError:
            if attempt == 49:
                raise
            time.sleep(0.2)
    raise AssertionError


def main() -> None:
    client = katib.KatibClient(namespace="default")
    client.tune(
        name="push-metrics-exp", objective=objective, base_image="python:3.11",
        objective_metric_name="result", max_trial_count=3, parallel_trial_count=2,
        metrics_collector_config={"kind": "Push"},
        packages_to_install=["kubeflow-katib==0.19.0", "kubernetes==35.0.0"],
        parameters={"a": katib.search.int(min=10, max=20), "b": katib.search.double(min=0.1, max=0.2)},
    )
    client.wait_for_experiment_condition("push-metrics-exp", polling_interval=1, timeout=500)
    best = client.get_optimal_hyperparameters("push-metrics-exp")
    told = metrics(client, best.best_trial_name, sys.argv[1])
    print(json.dumps({
        "best": best.observation.metrics[0].latest, "told": [one.metric.value for one in told],
        "assigned": {one.name: one.value for one in best.parameter_assignments},
    }))


if __name__ == "__main__":
    main()
