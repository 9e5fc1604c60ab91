"""Stands for the trainers in upstream's mnist images: their flags and their ways to report, no network.

The loss falls with each step, faster for some learning rates than for others; nothing is learnt.
"""

import argparse
import datetime
import json
import math
import os
import sys

parser = argparse.ArgumentParser()
for flags, kind, default in (
    (("--epochs", "--num-epochs"), int, 1), (("--batch-size",), int, 64), (("--lr",), float, 0.01),
    (("--momentum",), float, 0.5), (("--log-path",), str, ""), (("--logger",), str, "standard"),
    (("--checkpoint",), str, ""), (("--num-layers",), int, 3), (("--optimizer",), str, "sgd"),
    (("--num-examples",), int, 60000),
):
    parser.add_argument(*flags, type=kind, default=default)
options = parser.parse_args()
far = abs(math.log10(options.lr) + 1.5) + abs(options.momentum - 0.7) + abs(options.num_layers - 3) / 9


def told(metrics: dict[str, float]) -> list[str]:
    texts = {name: f"{value:.4f}" for name, value in metrics.items()}
    if options.logger == "hypertune":
        moment = datetime.datetime.now(datetime.UTC).isoformat()
        return [json.dumps({**texts, "timestamp": moment})]
    if options.log_path:
        return [f"{{metricName: {name}, metricValue: {text}}}" for name, text in texts.items()]
    return ["\t".join(f"{name}={text}" for name, text in texts.items())]


def tell(**metrics: float) -> None:
    for line in told(metrics):
        if options.log_path:
            os.makedirs(os.path.dirname(options.log_path), exist_ok=True)
            with open(options.log_path, "a") as file:
                file.write(line + "\n")
        else:
            print(line, flush=True)


for epoch in range(options.epochs):
    for step in range(4):
        loss = 2.3 * math.exp(-(4 * epoch + step + 1) / (2 + far)) + 0.05 * far
        right = math.exp(-loss)
        tell(accuracy=right, loss=loss, **{"Validation-accuracy": right, "Train-accuracy": right})
if options.checkpoint:
    with open(os.path.join(options.checkpoint, "state.json"), "a") as file:
        file.write(json.dumps({"lr": options.lr}) + "\n")
sys.exit(0)
