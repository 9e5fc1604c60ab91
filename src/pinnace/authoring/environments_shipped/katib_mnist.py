"""What stands for the trainer in Katib's pytorch-mnist images: the same flags and the same ways to report.

It trains a small convolutional network for real, on the handwritten digits that scikit-learn brings, because
no data set is downloaded. In a distributed job every process reads its own part of the rows.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

import numpy
import torch  # type: ignore[import-not-found,unused-ignore]
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import distributed, nn  # type: ignore[import-not-found,unused-ignore]
from torch.nn import functional  # type: ignore[import-not-found,unused-ignore]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for flag, number in (
        ("--batch-size", 64), ("--test-batch-size", 1000), ("--epochs", 10), ("--seed", 1),
        ("--log-interval", 10),
    ):
        parser.add_argument(flag, type=int, default=number)
    for flag, share in (
        ("--lr", 0.01), ("--momentum", 0.5), ("--weight-decay", 0.0), ("--dropout-rate", 0.0),
    ):
        parser.add_argument(flag, type=float, default=share)
    for flag in ("--no-cuda", "--save-model"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--log-path", default="")
    parser.add_argument("--logger", choices=("standard", "hypertune"), default="standard")
    parser.add_argument("--backend", default="gloo")
    return parser.parse_args()


class Reports:
    """Lines with their moment, on the standard output or in the file; `hypertune` has its metrics there."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.json = options.logger == "hypertune"
        self.path = options.log_path
        if self.path:
            os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)

    def line(self, text: str) -> None:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.write(f"{moment} INFO     {text}", sys.stdout if self.json or not self.path else None)

    def metric(self, name: str, value: float, step: int) -> None:
        body = {"timestamp": time.time(), "trial": "0", name: str(value), "global_step": str(step)}
        self.write(json.dumps(body), None if self.path else sys.stdout)

    def write(self, text: str, stream: Any) -> None:
        if stream is not None:
            print(text, file=stream, flush=True)
            return
        with open(self.path, "a") as file:
            print(text, file=file)


def network(dropout: float) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Dropout(dropout), nn.Linear(64, 10),
    )


def rows() -> list[Any]:
    """Images to train with and to judge by, their labels likewise."""
    images, labels = load_digits(return_X_y=True)
    shaped = (images / 16).astype(numpy.float32).reshape(-1, 1, 8, 8)
    parts = train_test_split(shaped, labels, test_size=0.25, random_state=0)
    return [torch.from_numpy(numpy.ascontiguousarray(part)) for part in parts]


def train(
    model: Any, optimizer: Any, data: tuple[Any, Any], epoch: int, options: argparse.Namespace,
    reports: Reports,
) -> None:
    images, labels = data
    model.train()
    order = torch.randperm(len(images))
    for number, start in enumerate(range(0, len(images), options.batch_size)):
        batch = order[start : start + options.batch_size]
        loss = functional.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if number % options.log_interval == 0:
            share = 100 * start / len(images)
            told = f"Train Epoch: {epoch} [{start}/{len(images)} ({share:.0f}%)]\tloss={loss.item():.4f}"
            reports.line(told)


def test(model: Any, images: Any, labels: Any, epoch: int, reports: Reports) -> None:
    model.eval()
    with torch.no_grad():
        found = model(images)
    loss = functional.cross_entropy(found, labels).item()
    right = (found.argmax(1) == labels).float().mean().item()
    told = {"accuracy": right, "loss": loss}
    words = (f"{{metricName: {name}, metricValue: {value:.4f}}}" for name, value in told.items())
    reports.line(";".join(words))
    if reports.json:
        for name, value in told.items():
            reports.metric(name, value, epoch)


def main() -> None:
    options = arguments()
    reports = Reports(options)
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    images, held, labels, answers = rows()
    model = network(options.dropout_rate)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        distributed.init_process_group(options.backend)
        part, of = distributed.get_rank(), distributed.get_world_size()
        images, labels = images[part::of][: len(images) // of], labels[part::of][: len(images) // of]
        model = nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=options.lr, momentum=options.momentum, weight_decay=options.weight_decay
    )
    for epoch in range(1, options.epochs + 1):
        train(model, optimizer, (images, labels), epoch, options, reports)
        test(model, held, answers, epoch, reports)
    if options.save_model:
        torch.save(model.state_dict(), "mnist_cnn.pt")


if __name__ == "__main__":
    main()
