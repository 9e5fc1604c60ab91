"""The gRPC questions of the KServe corpus: one message over HTTP/2 by curl, which needs no package for it.

Used by `kserve` for services that speak gRPC alone (their one port is named `h2c`).
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from pinnace.runtimes import wire

PREDICT = "/tensorflow.serving.PredictionService/Predict"
PREDICTIONS = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions"
SERVICE = "/inference.GRPCInferenceService/"
READY = f"{SERVICE}ServerReady"
STRING = 7


def alone(isvc: dict[str, Any]) -> bool:
    model = isvc["spec"]["predictor"].get("model") or {}
    names = [str(port.get("name")) for port in model.get("ports") or ()]
    return bool(names) and all(name.startswith(("h2c", "grpc")) for name in names)


def question(isvc: dict[str, Any]) -> tuple[str, bytes]:
    """What the document's own page asks: (path, message)."""
    kind = (isvc["spec"]["predictor"]["model"].get("modelFormat") or {}).get("name")
    if kind == "tensorflow":
        spec = wire.field(1, isvc["metadata"]["name"]) + wire.field(3, "serving_default")
        inputs = (entry("image_bytes", texts(b"hallo")), entry("key", texts(b"1")))
        return PREDICT, wire.field(1, spec) + b"".join(wire.field(2, each) for each in inputs)
    if kind == "pytorch":
        rows = entry("data", b'{"instances": [[1, 2, 3, 4]]}')
        return PREDICTIONS, wire.field(1, "mnist") + wire.field(3, rows)
    return READY, b""


def entry(name: str, value: bytes) -> bytes:
    return wire.field(1, name) + wire.field(2, value)


def texts(*values: bytes) -> bytes:
    """A TensorProto: dtype 1, tensor_shape 2, string_val 8."""
    shape = wire.field(2, wire.number(1, len(values)))
    return wire.number(1, STRING) + wire.field(2, shape) + b"".join(wire.field(8, each) for each in values)


def asked(port: int, host: str, path: str, message: bytes) -> tuple[bool, str]:
    """(whether it was answered with OK, what came)."""
    with tempfile.TemporaryDirectory(prefix="pinnace-grpc-") as folder:
        sent, said = Path(folder) / "sent", Path(folder) / "said"
        sent.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        words = ["curl", "-sS", "-m", "60", "--http2-prior-knowledge", "-D", "-", "-o", str(said),
                 "-H", f"Host: {host}", "-H", "content-type: application/grpc", "-H", "te: trailers",
                 "--data-binary", f"@{sent}", f"http://127.0.0.1:{port}{path}"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        status = re.search(r"(?im)^grpc-status: *(\d+)", done.stdout)
        why = re.search(r"(?im)^grpc-message: *(.*)$", done.stdout)
        body = said.read_bytes()[5:] if said.exists() else b""
    if status is not None and status[1] == "0":
        return True, repr(body[:120])
    first = done.stderr.strip() or (done.stdout.splitlines() or ["nothing"])[0]
    return False, f"status {status[1] if status else '?'}: {why[1].strip() if why else first}"
