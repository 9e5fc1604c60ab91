"""The ONNX model server: one `.onnx` file, run by onnxruntime on the CPU. Also a backend of `triton`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .files import only
from .model import CannotLoad
from .predictor import Format, Model, Tensor
from .program import main

TYPES = {
    "tensor(float)": ("float32", "FP32"), "tensor(double)": ("float64", "FP64"),
    "tensor(int64)": ("int64", "INT64"), "tensor(int32)": ("int32", "INT32"),
    "tensor(bool)": ("bool", "BOOL"), "tensor(float16)": ("float16", "FP16"),
    "tensor(uint8)": ("uint8", "UINT8"), "tensor(string)": ("object", "BYTES"),
}


def load(folder: Path) -> Model:
    """A model of one input takes arrays; one of more takes them by their names."""
    session, path = opened(folder)
    inputs, output = session.get_inputs(), session.get_outputs()[0]
    if len(inputs) != 1:
        return by_name(session, path)
    if inputs[0].type not in TYPES:
        raise CannotLoad(f"{path.name}: expected a tensor of numbers as input, found {inputs[0].type}")
    import numpy as np

    name, kind = inputs[0].name, TYPES[inputs[0].type][0]
    shape = inputs[0].shape

    def predict(given: Any) -> Any:
        return session.run([output.name], {name: np.asarray(given, dtype=kind)})[0]

    columns = shape[1] if len(shape) == 2 and isinstance(shape[1], int) else -1
    return Model(predict, columns, "INT64" if output.type == "tensor(int64)" else "FP32")


def opened(folder: Path) -> tuple[Any, Path]:
    import onnxruntime  # type: ignore[import-not-found, unused-ignore]

    path = only(folder, ".onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]), path
    except Exception as problem:
        raise CannotLoad(f"{path.name}: cannot be loaded: {problem}") from None


def by_name(session: Any, path: Path) -> Model:
    import numpy as np

    inputs = tuple(tensor(each, path) for each in session.get_inputs())
    outputs = tuple(tensor(each, path) for each in session.get_outputs())
    kinds = {each.name: TYPES[each.type][0] for each in session.get_inputs()}

    def predict(arrays: Any) -> Any:
        given = {name: np.asarray(each, dtype=kinds[name]) for name, each in arrays.items()}
        names = [each.name for each in outputs]
        return dict(zip(names, map(np.asarray, session.run(names, given)), strict=True))

    return Model(predict, inputs=inputs, outputs=outputs)


def tensor(each: Any, path: Path) -> Tensor:
    if each.type not in TYPES:
        raise CannotLoad(f"{path.name}: {each.name} is a {each.type}; expected a tensor")
    shape = tuple(size if isinstance(size, int) else -1 for size in each.shape)
    return Tensor(each.name, TYPES[each.type][1], shape)


if __name__ == "__main__":
    main(Format("onnx", load))
