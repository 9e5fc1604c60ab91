"""Run by the environment of the unmodified `kubeflow` SDK: OptimizerClient over TrainJobs, told as JSON."""

from __future__ import annotations

import json

from kubeflow.optimizer import (  # type: ignore[import-not-found,unused-ignore]
    Objective,
    OptimizerClient,
    Search,
    TrialConfig,
)
from kubeflow.trainer import (  # type: ignore[import-not-found,unused-ignore]
    CustomTrainer,
    TrainJobTemplate,
)


def train(lr, rounds):  # type: ignore[no-untyped-def]  # its text alone goes to the trial
    print(f"loss={(float(lr) - 0.3) ** 2 + int(rounds)}", flush=True)


def main() -> None:
    client = OptimizerClient()
    trainer = CustomTrainer(
        func=train, func_args={"lr": "0.1", "rounds": "3"}, num_nodes=1, resources_per_node={"cpu": "1"}
    )
    name = client.optimize(
        trial_template=TrainJobTemplate(trainer=trainer), objectives=[Objective(metric="loss")],
        search_space={"lr": Search.uniform(0.0, 1.0), "rounds": Search.choice([1, 2])},
        trial_config=TrialConfig(num_trials=3, parallel_trials=2),
    )
    job = client.wait_for_job_status(name, timeout=600, polling_interval=2)
    best = client.get_best_results(name)
    logs, events = list(client.get_job_logs(name)), client.get_job_events(name)
    client.delete_job(name)
    print(json.dumps({
        "status": job.status, "losses": [float(one.metrics[0].min) for one in job.trials],
        "best": float(best.metrics[0].min), "parameters": best.parameters, "logs": logs,
        "events": [one.reason for one in events],
    }))


if __name__ == "__main__":
    main()
