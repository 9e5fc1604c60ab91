"""The TensorFlow model server: a SavedModel, asked as TensorFlow Serving is by REST and gRPC (and by V2).

Takes the arguments of `tensorflow_model_server`. The folder holds versions (`1/saved_model.pb` …), of which
the newest is served, or one SavedModel itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import tensorflow_calls
from .model import CannotLoad, Missing
from .predictor import Format, Model, Tensor
from .program import main

KINDS = {
    "float32": "FP32", "float64": "FP64", "int64": "INT64", "int32": "INT32", "int16": "INT16",
    "int8": "INT8", "uint8": "UINT8", "bool": "BOOL", "string": "BYTES",
}
FILE = "saved_model.pb"


def load(folder: Path) -> Model:
    path, version = newest(folder)
    import tensorflow  # type: ignore[import-not-found, import-untyped, unused-ignore]

    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    try:
        loaded = tensorflow.saved_model.load(str(path))
        signature = chosen(loaded.signatures)
    except (OSError, ValueError, RuntimeError) as problem:
        raise CannotLoad(f"{path}: cannot be loaded: {str(problem).splitlines()[0]}") from None
    given = dict(signature.structured_input_signature[1])

    def predict(arrays: Any, kept: Any = loaded) -> Any:  # its variables live as long as it does
        tensors = {n: tensorflow.constant(each, dtype=given[n].dtype) for n, each in arrays.items()}
        return {name: value.numpy() for name, value in signature(**tensors).items()}

    inputs = tuple(tensor(name, spec) for name, spec in sorted(given.items()))
    state = {"version": version, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    return Model(
        predict, inputs=inputs,
        outputs=tuple(tensor(name, spec) for name, spec in sorted(signature.structured_outputs.items())),
        about={"model_version_status": [state]},
        calls=tensorflow_calls.of(predict, {each.name: each for each in inputs}, path, int(version)),
    )


def newest(folder: Path) -> tuple[Path, str]:
    if not folder.is_dir():
        raise Missing(f"{folder}: there is no such folder; is the model's storageUri right?")
    if (folder / FILE).is_file():
        return folder, "1"
    numbers = [each for each in folder.iterdir() if each.name.isdigit() and (each / FILE).is_file()]
    if not numbers:
        names = ", ".join(sorted(each.name for each in folder.iterdir())[:10]) or "nothing"
        raise (CannotLoad if names != "nothing" else Missing)(
            f"{folder}: expected a SavedModel ({FILE}) or versions of one (1/{FILE}), found {names}"
        )
    found = max(numbers, key=lambda each: int(each.name))
    return found, found.name


def chosen(signatures: Any) -> Any:
    if "serving_default" in signatures:
        return signatures["serving_default"]
    if len(signatures) == 1:
        return next(iter(signatures.values()))
    raise ValueError(f"no signature is named serving_default; there is {', '.join(signatures) or 'none'}")


def tensor(name: str, spec: Any) -> Tensor:
    sizes = spec.shape if spec.shape.rank is not None else (None,)
    shape = tuple(-1 if size is None else int(size) for size in sizes)
    return Tensor(name, KINDS.get(spec.dtype.name, "BYTES"), shape)


if __name__ == "__main__":
    main(Format("tensorflow", load))
