"""Requests and answers of the two inference protocols, as arrays: pure functions, no sockets, no model.

V1 is TensorFlow Serving's row format as KServe speaks it; V2 is the Open Inference Protocol (REST). What a
client got wrong raises `Invalid`, which becomes a 400 with its text.
"""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

DATATYPES: dict[str, Any] = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP32": np.float32,
    "FP64": np.float64,
}
_BY_DTYPE = {np.dtype(kind): name for name, kind in DATATYPES.items()}


class Invalid(Exception):
    """The request cannot be understood; the text says what was expected."""


def decode(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise Invalid(f"Unrecognized request format: {problem}") from None
    if not isinstance(document, dict):
        raise Invalid("Unrecognized request format: expected a JSON object")
    return document


def read_v1(document: dict[str, Any]) -> Any:
    """The model's input: an array, a list of strings, or (rows given as objects) a DataFrame."""
    name = "inputs" if "inputs" in document else "instances"
    if name not in document:
        found = listed(document) or "nothing"
        raise Invalid(f'Expected "instances" (or "inputs") in the request, found {found}')
    instances = document[name]
    if not isinstance(instances, list):
        raise Invalid(f'Expected "{name}" to be a list')
    if instances and isinstance(instances[0], dict):
        return frame(instances)
    if instances and isinstance(instances[0], str):
        return instances
    return array(instances, None, f'"{name}"')


def write_v1(result: Any) -> dict[str, Any]:
    return {"predictions": result.tolist() if hasattr(result, "tolist") else list(result)}


def read_v2(document: dict[str, Any]) -> Any:
    inputs = document.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise Invalid('Expected "inputs" to be a list of at least one tensor')
    tensors = dict(map(tensor, range(len(inputs)), inputs))
    if len(tensors) != len(inputs):
        raise Invalid("inputs: two tensors have the same name")
    parameters = document.get("parameters") or {}
    if isinstance(parameters, dict) and parameters.get("content_type") == "pd":
        return frame_of(tensors)
    if len(tensors) > 1:
        return columns(tensors)
    return next(iter(tensors.values()))


def tensor(index: int, given: Any) -> tuple[str, Any]:
    where = f"inputs[{index}]"
    if not isinstance(given, dict):
        raise Invalid(f"{where}: expected an object with name, shape, datatype and data")
    for field in ("name", "shape", "datatype", "data"):
        if field not in given:
            raise Invalid(f"{where}.{field}: required, found {listed(given) or 'nothing'}")
    name, shape, datatype = given["name"], given["shape"], given["datatype"]
    if not isinstance(name, str):
        raise Invalid(f"{where}.name: expected a string")
    if not isinstance(shape, list) or not all(type(size) is int and size >= -1 for size in shape):
        raise Invalid(f"{where}.shape: expected a list of integers")
    return name, reshape(values(given["data"], datatype, where), shape, where)


def values(data: Any, datatype: Any, where: str) -> Array:
    if isinstance(data, np.ndarray):
        return data  # it came as bytes
    if datatype == "FP16":
        raise Invalid(f"{where}: Receiving FP16 data via JSON is not supported; send FP32")
    if not isinstance(data, list):
        raise Invalid(f"{where}.data: expected a list")
    if datatype == "BYTES":
        return array(data, object, f"{where}.data")
    if datatype not in DATATYPES:
        known = " ".join(("BYTES", *DATATYPES))
        raise Invalid(f"{where}.datatype: no datatype {datatype!r}, expected one of {known}")
    return array(data, DATATYPES[datatype], f"{where}.data")


def array(data: list[Any], dtype: Any, where: str) -> Array:
    try:
        return np.asarray(data, dtype=dtype)
    except (ValueError, TypeError, OverflowError) as problem:
        raise Invalid(f"{where}: {problem}") from None


def reshape(found: Array, shape: list[int], where: str) -> Array:
    try:
        return found.reshape(shape)
    except (ValueError, OverflowError):
        raise Invalid(f"{where}.shape: {shape} does not fit {found.size} values") from None


def columns(tensors: dict[str, Array]) -> Array:
    """Several tensors of one row count are the columns of one matrix, in the order given."""
    parts = [part.reshape(len(part), -1) if part.ndim else part.reshape(1, 1) for part in tensors.values()]
    if len({len(part) for part in parts}) != 1:
        raise Invalid("inputs: the tensors have different numbers of rows")
    return np.concatenate(parts, axis=1)


def frame(rows: list[Any]) -> Any:
    pandas = pandas_module()
    frames = [pandas.DataFrame(row if any_list(row) else [row]) for row in rows]
    return pandas.concat(frames, axis=0, ignore_index=True)


def frame_of(tensors: dict[str, Array]) -> Any:
    pandas = pandas_module()
    try:
        return pandas.DataFrame({name: list(column.ravel()) for name, column in tensors.items()})
    except ValueError as problem:
        raise Invalid(f"inputs: {problem}") from None


def any_list(row: Any) -> bool:
    return isinstance(row, dict) and any(isinstance(cell, (list, dict)) for cell in row.values())


def pandas_module() -> Any:
    try:
        import pandas  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise Invalid("rows given as objects need pandas in the environment; send lists") from None
    return pandas


def write_v2(model: str, request: dict[str, Any], result: Any) -> dict[str, Any]:
    """The answer; the data of its outputs are flat arrays."""
    found = np.asarray(result)
    datatype = datatype_of(found.dtype)
    data = found.astype(str).ravel() if datatype == "BYTES" else found.ravel()
    output = {"name": "output-0", "shape": list(found.shape), "datatype": datatype, "data": data}
    wanted = request.get("outputs")
    names = [o.get("name") for o in wanted if isinstance(o, dict)] if isinstance(wanted, list) else []
    if names and "output-0" not in names:
        raise Invalid(f"outputs: no output named {names[0]!r}, the model has output-0")
    identity = request.get("id")
    return {
        "model_name": model,
        "id": identity if isinstance(identity, str) and identity else str(uuid.uuid4()),
        "outputs": [output],
    }


def listed_out(value: Array) -> Any:
    """As JSON has it; a text that is not UTF-8 as `{"b64": …}`."""
    return texts(value.tolist()) if value.dtype.kind in "OSU" else value.tolist()


def texts(value: Any) -> Any:
    if isinstance(value, list):
        return [texts(each) for each in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    return value


def datatype_of(dtype: np.dtype[Any] | None) -> str:
    if dtype is None:
        return "BYTES"
    return "FP16" if dtype == np.float16 else _BY_DTYPE.get(dtype, "BYTES")


def listed(document: dict[str, Any]) -> str:
    return ", ".join(f'"{name}"' for name in list(document)[:8])
