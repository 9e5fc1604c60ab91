"""TensorFlow Serving's gRPC face: Predict, GetModelMetadata and GetModelStatus of one SavedModel.

Used by `tensorflow`; TensorFlow itself reads and writes the tensors. Source: tensorflow/serving
tensorflow_serving/apis/{predict,model,get_model_metadata,get_model_status}.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import wire
from .predictor import Tensor
from .tensors import Invalid

PREDICTION, STATUS = "/tensorflow.serving.PredictionService/", "/tensorflow.serving.ModelService/"
SIGNATURE = "serving_default"
AVAILABLE = 30
MAP = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
Call = Callable[[bytes, str], bytes]


def of(
    predict: Callable[[Any], Any], inputs: Mapping[str, Tensor], path: Path, version: int
) -> dict[str, Call]:
    """The methods by their paths. They raise Invalid, and KeyError for a model that is not here."""

    def about(message: bytes, served: str) -> bytes:
        """A ModelSpec (name 1, version 2, signature_name 3) that asks for this model becomes its full one."""
        spec = next(wire.inner(message, 1), b"")
        name = next((found.decode(errors="replace") for found in wire.inner(spec, 1)), "")
        wanted = [wire.numbers(each, 1) for each in wire.inner(spec, 2)]
        if name != served or any(number not in ([version], []) for number in wanted):
            number = f" version {wanted[0][0]}" if wanted and wanted[0] else ""
            raise KeyError(f"Servable not found for request: {name}{number}; here is {served} {version}")
        return wire.field(1, served) + wire.field(2, wire.number(1, version)) + wire.field(3, SIGNATURE)

    def ask(message: bytes, served: str) -> bytes:
        """PredictRequest: model_spec 1, inputs 2, output_filter 3. PredictResponse: outputs 1, model_spec 2.
        """
        spec = about(message, served)
        given = dict(map(read, wire.inner(message, 2)))
        wrong = sorted(set(given) ^ set(inputs))
        if wrong:
            raise Invalid(f"input {wrong[0]!r} is missing or unknown; the model has {', '.join(inputs)}")
        found = predict(given)
        asked = [each.decode(errors="replace") for each in wire.inner(message, 3)] or list(found)
        unknown = [name for name in asked if name not in found]
        if unknown:
            raise Invalid(f"output_filter: no output {unknown[0]!r}, the model has {', '.join(found)}")
        return b"".join(wire.field(1, write(name, found[name])) for name in asked) + wire.field(2, spec)

    def metadata(message: bytes, served: str) -> bytes:
        """GetModelMetadataResponse: model_spec 1, metadata 2."""
        spec = about(message, served)
        value = wire.field(1, MAP) + wire.field(2, signatures(path))
        return wire.field(1, spec) + wire.field(2, wire.field(1, "signature_def") + wire.field(2, value))

    def status(message: bytes, served: str) -> bytes:
        """GetModelStatusResponse: model_version_status 1 (version 1, state 2, status 3)."""
        about(message, served)
        return wire.field(1, wire.number(1, version) + wire.number(2, AVAILABLE) + wire.field(3, b""))

    return {
        f"{PREDICTION}Predict": ask, f"{PREDICTION}GetModelMetadata": metadata,
        f"{STATUS}GetModelStatus": status,
    }


def read(entry: bytes) -> tuple[str, Any]:
    """An entry of a map of TensorProto."""
    import tensorflow  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from tensorflow.core.framework import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
        tensor_pb2,
    )

    name = next(wire.inner(entry, 1), b"").decode(errors="replace")
    try:
        return name, tensorflow.make_ndarray(tensor_pb2.TensorProto.FromString(next(wire.inner(entry, 2))))
    except Exception as problem:
        raise Invalid(f"input {name!r} is no tensor: {problem}") from None


def write(name: str, value: Any) -> bytes:
    import tensorflow

    tensor: bytes = tensorflow.make_tensor_proto(value).SerializeToString()
    return wire.field(1, name) + wire.field(2, tensor)


def signatures(path: Path) -> bytes:
    """A SignatureDefMap, out of the SavedModel's own file."""
    from tensorflow.core.protobuf import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
        saved_model_pb2,
    )

    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    found = saved.meta_graphs[0].signature_def
    return b"".join(
        wire.field(1, wire.field(1, name) + wire.field(2, found[name].SerializeToString()))
        for name in sorted(found)
    )
