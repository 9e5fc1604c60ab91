"""A server of Triton's model repository layout: `<model>/config.pbtxt` and `<model>/<version>/model.…`.

Takes the arguments of `tritonserver` and serves every model of the folder by V2, on the CPU, with the ONNX
and TorchScript backends. A model without a config.pbtxt says its tensors itself (ONNX).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from . import onnx
from .model import CannotLoad, Missing
from .predictor import Format, Model, Tensor
from .program import main

KINDS = {"TYPE_STRING": "BYTES", **{
    f"TYPE_{name}": name for name in (
        "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32",
        "FP64",
    )
}}
_TOKEN = re.compile(r'\s*(?:#[^\n]*)?(?:("(?:[^"\\]|\\.)*")|([\w.+-]+)|([\[\]{}:,;]))')


def load(folder: Path) -> Model:
    if not folder.is_dir():
        raise Missing(f"{folder}: there is no such folder")
    versions = [each for each in folder.iterdir() if each.name.isdigit() and each.is_dir()]
    if not versions:
        raise Missing(f"{folder}: expected Triton's layout, {folder.name}/1/model.onnx or …/model.pt")
    place = max(versions, key=lambda each: int(each.name))
    described = folder / "config.pbtxt"
    config = parse(described.read_text()) if described.is_file() else {}
    inputs, outputs = tensors(config, "input"), tensors(config, "output")
    if (place / "model.onnx").exists():
        session, path = onnx.opened(place / "model.onnx")
        return onnx.by_name(session, path)
    if (place / "model.pt").is_file():
        if not inputs or not outputs:
            text = "TorchScript has no names: write input and output in config.pbtxt"
            raise CannotLoad(f"{folder.name}: {text}")
        return scripted(place / "model.pt", inputs, outputs)
    names = ", ".join(sorted(each.name for each in place.iterdir())) or "nothing"
    raise CannotLoad(f"{folder.name}/{place.name}: expected model.onnx or model.pt, found {names}")


def scripted(path: Path, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> Model:
    import torch  # type: ignore[import-not-found, unused-ignore]

    torch.set_num_threads(1)
    try:
        module = torch.jit.load(str(path), map_location="cpu").eval()
    except RuntimeError as problem:
        raise CannotLoad(f"{path.name}: is no TorchScript: {str(problem).splitlines()[0]}") from None

    def predict(arrays: Any) -> Any:
        with torch.inference_mode():
            found = module(*(torch.as_tensor(arrays[each.name].copy()) for each in inputs))
        found = found if isinstance(found, (tuple, list)) else (found,)
        return {each.name: value.numpy() for each, value in zip(outputs, found, strict=False)}

    return Model(predict, inputs=inputs, outputs=outputs)


def tensors(config: dict[str, list[Any]], field: str) -> tuple[Tensor, ...]:
    """With the batch before its dimensions, if the model batches."""
    batch = (-1,) if int((config.get("max_batch_size") or [0])[0]) > 0 else ()
    found = []
    for each in flat(config, field):
        kind = KINDS.get(each["data_type"][0], "FP32")
        found.append(Tensor(each["name"][0], kind, (*batch, *map(int, flat(each, "dims")))))
    return tuple(found)


def flat(entry: dict[str, list[Any]], field: str) -> list[Any]:
    """The values of a field, whether it was written as a list or again and again."""
    found = entry.get(field, ())
    return [each for value in found for each in (value if isinstance(value, list) else [value])]


def parse(text: str) -> dict[str, list[Any]]:
    """Protobuf's text format as config.pbtxt uses it: every field becomes the list of its values."""
    matches = [match.groups() for match in _TOKEN.finditer(text)]
    words = [next(part for part in groups if part) for groups in matches if any(groups)]
    return fields(words[::-1], "")


def fields(tokens: list[str], end: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    while tokens and tokens[-1] != end:
        name = tokens.pop()
        if name in ",;":
            continue
        if tokens and tokens[-1] == ":":
            tokens.pop()
        found.setdefault(name, []).append(value(tokens))
    if end and tokens:
        tokens.pop()
    return found


def value(tokens: list[str]) -> Any:
    word = tokens.pop() if tokens else ""
    if word == "{":
        return fields(tokens, "}")
    if word != "[":
        return word[1:-1] if word.startswith('"') else word
    items = []
    while tokens and tokens[-1] != "]":
        if tokens[-1] in ",;":
            tokens.pop()
        else:
            items.append(value(tokens))
    if tokens:
        tokens.pop()
    return items


if __name__ == "__main__":
    main(Format("triton", load))
