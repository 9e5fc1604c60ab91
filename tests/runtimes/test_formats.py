"""Every model server really started over a real model, each in an environment of its own, and asked."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import pinnace
from pinnace.runtimes import wire
from scripts.conformance import kserve_calls
from tests.e2e.platform import eventually

SOURCE = Path(pinnace.__file__).parents[1]
ROWS = [[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]]
PMML = """<PMML xmlns="http://www.dmg.org/PMML-4_3" version="4.3"><Header/><DataDictionary numberOfFields="2">
<DataField name="x" optype="continuous" dataType="double"/>
<DataField name="y" optype="continuous" dataType="double"/></DataDictionary>
<RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/>
<MiningField name="y" usageType="target"/></MiningSchema><RegressionTable intercept="1">
<NumericPredictor name="x" coefficient="2"/></RegressionTable></RegressionModel></PMML>"""


class Case(NamedTuple):
    """`train` writes a model into the folder in argv[1]; `body` is asked by V1 (or V2, if `path` says so)."""

    needs: tuple[str, ...]
    train: str
    body: Any
    expected: Any
    path: str = "/v1/models/m:predict"


CASES = {
    "xgboost": Case(("xgboost-cpu>=2.1,<4",), """
import numpy, sys, xgboost
x = numpy.random.default_rng(0).random((50, 4))
xgboost.train({}, xgboost.DMatrix(x, label=x[:, 0] * 0 + 7), 2).save_model(sys.argv[1] + "/model.bst")
""", {"instances": ROWS}, lambda said: [round(each) for each in said["predictions"]] == [7, 7]),
    "lightgbm": Case(("lightgbm>=4,<5",), """
import lightgbm, numpy, sys
x = numpy.random.default_rng(0).random((50, 4))
data = lightgbm.Dataset(x, label=x[:, 0] * 0 + 7)
lightgbm.train({"verbose": -1}, data, 2).save_model(sys.argv[1] + "/model.bst")
""", {"instances": ROWS}, lambda said: [round(each) for each in said["predictions"]] == [7, 7]),
    "onnx": Case(("onnxruntime>=1.20,<2", "numpy", "onnx"), """
import sys
from onnx import TensorProto, helper, save
x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 4])
graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
save(model, sys.argv[1] + "/model.onnx")
""", {"instances": ROWS}, lambda said: said["predictions"] == [[2, 4, 6, 8], [8, 6, 4, 2]]),
    "pytorch": Case(("torch>=2.4,<3", "numpy"), """
import sys, torch
class Double(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2
torch.jit.script(Double()).save(sys.argv[1] + "/model.pt")
""", {"instances": ROWS}, lambda said: said["predictions"] == [[2, 4, 6, 8], [8, 6, 4, 2]]),
    "triton": Case(("onnxruntime>=1.20,<2", "torch>=2.4,<3", "numpy"), """
import os, sys, torch
class Double(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2
folder = sys.argv[1] + "/double"
os.makedirs(folder + "/1")
torch.jit.script(Double()).save(folder + "/1/model.pt")
open(folder + "/config.pbtxt", "w").write('''
name: "double" platform: "pytorch_libtorch" max_batch_size: 8
input [{name: "x" data_type: TYPE_FP32 dims: [4]}] output [{name: "y" data_type: TYPE_FP32 dims: [4]}]''')
""", {"inputs": [{"name": "x", "shape": [2, 4], "datatype": "FP32", "data": ROWS}]},
        lambda said: said["outputs"][0]["data"] == [2, 4, 6, 8, 8, 6, 4, 2], "/v2/models/double/infer"),
    "tensorflow": Case(("tensorflow-cpu>=2.16", "numpy"), """
import sys, tensorflow as tf
class Double(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, "x")])
    def __call__(self, x):
        return {"y": x * 2}
tf.saved_model.save(Double(), sys.argv[1] + "/1")
""", {"instances": ROWS}, lambda said: said["predictions"] == [[2, 4, 6, 8], [8, 6, 4, 2]]),
    "pmml": Case(("pypmml>=1.5,<2", "setuptools<80", "numpy"), f"""
import sys
open(sys.argv[1] + "/model.pmml", "w").write('''{PMML}''')
""", {"instances": [[3.0], [5.0]]},
        lambda said: [next(iter(each.values())) for each in said["predictions"]] == [7, 11]),
    "paddle": Case(("paddlepaddle>=3,<4", "numpy", "setuptools"), """
import sys, paddle
layer = paddle.nn.Linear(4, 4)
layer.weight.set_value(paddle.eye(4) * 2)
layer.bias.set_value(paddle.zeros([4]))
spec = [paddle.static.InputSpec([None, 4], "float32", "x")]
paddle.jit.save(layer, sys.argv[1] + "/model", input_spec=spec)
""", {"instances": ROWS}, lambda said: said["predictions"] == [[2, 4, 6, 8], [8, 6, 4, 2]]),
    "huggingface": Case(("transformers>=4.45", "torch>=2.4,<3", "numpy"), """
import sys, torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]
open(sys.argv[1] + "/vocab.txt", "w").write("\\n".join(words))
BertTokenizerFast(vocab_file=sys.argv[1] + "/vocab.txt").save_pretrained(sys.argv[1])
size = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
BertForSequenceClassification(BertConfig(vocab_size=7, num_labels=2, **size)).save_pretrained(sys.argv[1])
""", {"instances": ["good", "bad good"]}, lambda said: all(each in (0, 1) for each in said["predictions"])),
}


def python(folder: Path, needs: tuple[str, ...]) -> str:
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    places = os.environ.get("PIP_FIND_LINKS", "").split()
    links = [word for place in places for word in ("--find-links", place)]
    found = str(folder / "bin" / "python")
    subprocess.run(["uv", "pip", "install", "-q", *links, "--python", found, *needs], check=True)
    return found


@contextmanager
def served(name: str, program: str, model: Path, grpc: int) -> Iterator[str]:
    words = ["-m", f"pinnace.runtimes.{name}", "--model_name", "m", "--model_dir", str(model)]
    words += ["--http_port", "0", "--grpc_port", str(grpc)]
    env = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([program, *words], env=env, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            for line in running.stdout:
                if " at http://" in line:
                    yield line.split(" at ")[1].strip()
                    return
            pytest.fail(f"the server of {name} ended: {running.wait()}")
        finally:
            running.terminate()


def ask(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            assert problem.code == 503, problem.read()
            assert time.monotonic() < deadline


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CASES)
def test_a_real_model_is_served(name: str, tmp_path: Path) -> None:
    case, model = CASES[name], tmp_path / "model"
    model.mkdir()
    program = python(tmp_path / "venv", (*case.needs, "grpclib>=0.4.7,<0.5"))
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        grpc = int(trial.getsockname()[1])
    script = tmp_path / "train.py"
    script.write_text(case.train)
    subprocess.run([program, str(script), str(model)], check=True, timeout=300)
    with served(name, program, model, grpc) as url:
        assert case.expected(ask(f"{url}{case.path}", case.body))
        if case.path.startswith("/v1"):
            with urllib.request.urlopen(f"{url}/v2/models/m", timeout=30) as answer:
                assert json.load(answer)["platform"] == name
        for method, message, expected in calls(name):
            asked = partial(kserve_calls.asked, grpc, "localhost", method, message)
            eventually(partial(answers, asked, expected), f"{method} at {grpc}")


def answers(asked: Callable[[], tuple[bool, str]], expected: str) -> bool:
    return expected in asked()[1]


def calls(name: str) -> list[tuple[str, bytes, str]]:
    """gRPC methods, their messages, and words of their answers."""
    served_as = "double" if name == "triton" else "m"
    found = [(f"{kserve_calls.SERVICE}ModelReady", wire.field(1, served_as), r"\x08\x01")]
    if name == "tensorflow":
        rows = wire.number(1, 1) + wire.field(2, b"".join(
            wire.field(2, wire.number(1, size)) for size in (1, 4)
        )) + wire.field(4, struct.pack("<4f", 1, 2, 3, 4))
        doubled = repr(struct.pack("<4f", 2, 4, 6, 8))[2:-1]
        message = wire.field(1, wire.field(1, "m")) + wire.field(2, kserve_calls.entry("x", rows))
        found.append((kserve_calls.PREDICT, message, doubled))
    return found
