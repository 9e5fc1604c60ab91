"""Stands for the trainer in upstream's tf-mnist-with-summaries images: it writes scalars as TensorFlow's
summaries are written, into `train` and `test` below its folder, and learns nothing."""

import argparse
import os
import struct
import time

parser = argparse.ArgumentParser()
for flags, kind, default in (
    (("--epochs",), int, 1), (("--batch-size", "--batch_size"), int, 64),
    (("--learning-rate", "--learning_rate"), float, 0.01),
    (("--log-path", "--log_dir"), str, "/tmp/summaries"),
):
    parser.add_argument(*flags, type=kind, default=default)
options = parser.parse_args()


def field(number: int, wire: int, content: bytes) -> bytes:
    return bytes([number << 3 | wire]) + (bytes([len(content)]) if wire == 2 else b"") + content


def record(tag: str, value: float) -> bytes:
    scalar = field(1, 2, tag.encode()) + field(2, 5, struct.pack("<f", value))
    event = field(1, 1, struct.pack("<d", time.time())) + field(5, 2, field(1, 2, scalar))
    return struct.pack("<Q", len(event)) + b"\0" * 4 + event + b"\0" * 4


for part in ("train", "test"):
    folder = os.path.join(options.log_path, part)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"events.out.tfevents.{os.getpid()}"), "wb") as file:
        for step in range(1, 5):
            right = 1 - 1 / (1 + step * options.learning_rate * 50)
            file.write(record("accuracy", right) + record("accuracy_1", right))
