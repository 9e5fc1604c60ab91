"""Run by the environment of the unmodified `kubeflow-katib`: prints one JSON line of what it saw."""

from __future__ import annotations

import json
from typing import Any

from kubeflow import katib  # type: ignore[import-not-found,unused-ignore]


def objective(parameters):  # type: ignore[no-untyped-def]  # its text alone goes to the trial
    from sklearn.datasets import load_digits
    from sklearn.linear_model import SGDClassifier
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    train, test, truth, answers = train_test_split(images / 16, labels, random_state=0)
    alpha, rounds = float(parameters["alpha"]), int(parameters["rounds"])
    model = SGDClassifier(alpha=alpha, max_iter=rounds, random_state=0).fit(train, truth)
    print(f"accuracy={model.score(test, answers)}")


def raise_budget(client: Any, trials: int) -> None:
    """The SDK sends back what it has read: it is refused when the status has changed in between."""
    for attempt in range(10):
        try:
            client.edit_experiment_budget("tuned", max_trial_count=trials)
            return
        except RuntimeError:
            if attempt == 9:
                raise


def main() -> None:
    client = katib.KatibClient(namespace="default")
    client.tune(
        name="tuned", objective=objective, base_image="pinnace/python-sklearn",
        objective_metric_name="accuracy", max_trial_count=3, parallel_trial_count=2,
        resources_per_trial={"cpu": "500m"}, retain_trials=True,
        parameters={
            "alpha": katib.search.double(min=0.00001, max=1.0), "rounds": katib.search.int(min=5, max=40),
        },
    )
    raise_budget(client, 4)
    ended = client.wait_for_experiment_condition("tuned", polling_interval=1, timeout=600)
    best = client.get_optimal_hyperparameters("tuned")
    trials = client.list_trials(experiment_name="tuned")
    details = client.get_success_trial_details("tuned")
    suggested = client.get_suggestion("tuned").status.suggestion_count
    logs = list(client.get_job_logs("tuned", best.best_trial_name))
    client.delete_experiment("tuned")
    print(json.dumps({
        "ended": ended.status.trials_succeeded, "trials": len(trials), "suggested": suggested,
        "best": float(best.observation.metrics[0].max), "details": len(details), "logs": logs,
        "assigned": {one.name: one.value for one in best.parameter_assignments},
    }))


if __name__ == "__main__":
    main()
