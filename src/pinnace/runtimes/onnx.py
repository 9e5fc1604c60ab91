"""The ONNX model server: one `.onnx` file with one input, run by onnxruntime on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .files import only
from .model import CannotLoad
from .predictor import Format, Model, main

TYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(int64)": "int64",
    "tensor(int32)": "int32", "tensor(bool)": "bool", "tensor(float16)": "float16", "tensor(uint8)": "uint8",
}


def load(folder: Path) -> Model:
    import numpy as np
    import onnxruntime  # type: ignore[import-not-found, unused-ignore]

    path = only(folder, ".onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as problem:
        raise CannotLoad(f"{path.name}: cannot be loaded: {problem}") from None
    inputs, output = session.get_inputs(), session.get_outputs()[0]
    if len(inputs) != 1 or inputs[0].type not in TYPES:
        named = ", ".join(f"{each.name}: {each.type}" for each in inputs)
        raise CannotLoad(f"{path.name}: expected one tensor of numbers as input, found {named}")
    name, kind = inputs[0].name, TYPES[inputs[0].type]
    shape = inputs[0].shape

    def predict(given: Any) -> Any:
        return session.run([output.name], {name: np.asarray(given, dtype=kind)})[0]

    columns = shape[1] if len(shape) == 2 and isinstance(shape[1], int) else -1
    return Model(predict, columns, "INT64" if output.type == "tensor(int64)" else "FP32")


if __name__ == "__main__":
    main(Format("onnx", load))
