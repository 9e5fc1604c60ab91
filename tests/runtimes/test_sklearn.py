"""The scikit-learn server as a pod runs it: a process that sees nothing of the platform but this folder."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

import pinnace.runtimes

ROWS = [[5.1, 3.5, 1.4, 0.2], [6.2, 3.4, 5.4, 2.3]]


class Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("model", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


class Model:
    def __init__(self, path: str, process: subprocess.Popen[str]) -> None:
        self.path = path
        self.process = process

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = Unix(self.path)
        sent = body if isinstance(body, bytes | type(None)) else json.dumps(body).encode()
        connection.request(method, path, sent, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, json.loads(text) if text.startswith("{") else text

    def wait(self) -> Model:
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.ask("GET", "/v2/health/ready")[0] == 200:
                    return self
            except OSError:
                pass
            assert self.process.poll() is None, "the server ended"
            assert time.monotonic() < deadline
            time.sleep(0.02)


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts servers in an environment where only `pinnace/runtimes` of ours exists."""
    alone = tmp_path_factory.mktemp("alone")
    (alone / "pinnace").mkdir()
    (alone / "pinnace" / "runtimes").symlink_to(Path(pinnace.runtimes.__file__).parent)
    started: list[subprocess.Popen[str]] = []

    def begin(folder: Path, *arguments: str, **env: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "pinnace.runtimes.sklearn", "--model_name=iris", "--model_dir"]
        process = subprocess.Popen(
            [*argv, str(folder), "--http_port=8080", *arguments], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=alone, env={**os.environ, "PYTHONPATH": str(alone), **env},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.fixture(scope="module")
def model(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    folder = tmp_path_factory.mktemp("model")
    x, y = load_iris(return_X_y=True)
    skops.io.dump(DecisionTreeClassifier(random_state=0).fit(x, y), folder / "model.skops")
    joblib.dump("the other one", folder / "model.joblib")
    with tempfile.TemporaryDirectory(prefix="rt-", dir="/tmp") as short:
        path = f"{short}/m.sock"
        yield Model(path, start(folder, PINNACE_HTTP_SOCKET=path)).wait()


def test_v1_as_kserve_answers(model: Model) -> None:
    assert model.ask("GET", "/") == (200, {"status": "alive"})
    assert model.ask("GET", "/v1/models") == (200, {"models": ["iris"]})
    assert model.ask("GET", "/v1/models/iris") == (200, {"name": "iris", "ready": True})
    unknown = (404, {"error": "Model with name nope does not exist."})
    assert model.ask("GET", "/v1/models/nope") == unknown
    assert model.ask("POST", "/v1/models/nope:predict", {"instances": ROWS}) == unknown
    assert model.ask("POST", "/v1/models/iris:predict", {"instances": ROWS}) == (200, {"predictions": [0, 2]})
    assert model.ask("POST", "/v1/models/iris:predict", {"inputs": ROWS})[1] == {"predictions": [0, 2]}
    assert model.ask("POST", "/v1/models/iris%3Apredict", {"instances": ROWS})[0] == 200


@pytest.mark.parametrize(("body", "words"), [
    (b"{", "Unrecognized request format"), (b"[]", "expected a JSON object"), (b"\xff", "Unrecognized"),
    ({"instance": ROWS}, 'found "instance"'), ({"instances": 1}, 'Expected "instances" to be a list'),
    ({"instances": [[1, 2], [3]]}, '"instances": '),
    ({"instances": [[1.0, 2.0]]}, "ValueError : X has 2 features"),
    ({"instances": [{"a": 1}]}, "need pandas"), (b"[" * 100_000, "Unrecognized"),
])
def test_v1_says_what_is_wrong(model: Model, body: Any, words: str) -> None:
    status, answer = model.ask("POST", "/v1/models/iris:predict", body)
    if "pandas" in words and words not in answer["error"]:
        pytest.skip("pandas is installed here")
    assert status == 400
    assert words in answer["error"]


def tensor(**more: Any) -> Any:
    return {"inputs": [{"name": "input-0", "shape": [2, 4], "datatype": "FP32", "data": ROWS, **more}]}


def test_v2_as_the_open_inference_protocol_says(model: Model) -> None:
    assert model.ask("GET", "/v2")[1].keys() == {"name", "version", "extensions"}
    assert model.ask("GET", "/v2/health/live") == (200, {"live": True})
    assert model.ask("GET", "/v2/health/ready") == (200, {"ready": True})
    assert model.ask("GET", "/v2/models/iris/ready") == (200, {"name": "iris", "ready": True})
    assert model.ask("GET", "/v2/models/iris") == (200, {
        "name": "iris", "versions": [], "platform": "sklearn",
        "inputs": [{"name": "input-0", "datatype": "FP64", "shape": [-1, 4]}],
        "outputs": [{"name": "output-0", "datatype": "INT64", "shape": [-1]}],
    })
    status, answer = model.ask("POST", "/v2/models/iris/infer", {"id": "7", **tensor()})
    assert (status, answer) == (200, {
        "model_name": "iris", "id": "7",
        "outputs": [{"name": "output-0", "shape": [2], "datatype": "INT64", "data": [0, 2]}],
    })
    flat = [value for row in ROWS for value in row]
    assert model.ask("POST", "/v2/models/iris/infer", tensor(data=flat))[1]["outputs"][0]["data"] == [0, 2]
    assert len(model.ask("POST", "/v2/models/iris/infer", tensor())[1]["id"]) == 36


@pytest.mark.parametrize(("body", "words"), [
    ({}, 'Expected "inputs"'), ({"inputs": [1]}, "inputs[0]: expected an object"),
    (tensor(datatype="FP16"), "FP16"), (tensor(datatype="FLOAT"), "no datatype 'FLOAT'"),
    (tensor(shape=[3, 4]), "inputs[0].shape: [3, 4] does not fit 8 values"), (tensor(shape="x"), "shape"),
    (tensor(data="x"), "inputs[0].data: expected a list"),
    ({"inputs": [{"name": "a"}]}, "inputs[0].shape: required"),
    ({**tensor(), "outputs": [{"name": "other"}]}, "no output named 'other'"),
    (tensor(datatype="UINT8", data=[[300] * 4] * 2), "inputs[0].data"),
])
def test_v2_says_what_is_wrong(model: Model, body: Any, words: str) -> None:
    status, answer = model.ask("POST", "/v2/models/iris/infer", body)
    assert status == 400
    assert words in answer["error"]


def test_columns_may_come_as_tensors_of_their_own(model: Model) -> None:
    columns = [
        {"name": f"c{i}", "shape": [2], "datatype": "FP64", "data": [row[i] for row in ROWS]}
        for i in range(4)
    ]
    assert model.ask("POST", "/v2/models/iris/infer", {"inputs": columns})[1]["outputs"][0]["data"] == [0, 2]


def test_other_paths_and_methods_are_refused(model: Model) -> None:
    assert model.ask("GET", "/v3")[0] == 404
    assert model.ask("POST", "/v2")[0] == 405
    assert model.ask("GET", "/v1/models/iris:predict")[0] == 405
    assert model.ask("POST", "/v1/models/iris")[0] == 405
    assert model.ask("POST", "/v1/models/iris:explain", {})[0] == 501
    assert model.ask("GET", "/v2/models/iris/versions/3")[0] == 404


def test_metrics_carry_kserves_names(model: Model) -> None:
    model.ask("POST", "/v1/models/iris:predict", {"instances": ROWS})
    text = model.ask("GET", "/metrics")[1]
    assert 'request_predict_seconds_bucket{le="+Inf",model_name="iris"}' in text
    assert 'pinnace_inference_requests_total{model_name="iris",protocol="v1",code="200"}' in text


def test_strings_come_out_as_bytes(start: Start, tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    named = np.array(["setosa", "versicolor", "virginica"])[y]
    joblib.dump(DecisionTreeClassifier(random_state=0).fit(x, named), tmp_path / "model.pkl")
    with tempfile.TemporaryDirectory(prefix="rt-", dir="/tmp") as short:
        process = start(tmp_path, "--unix-socket", f"{short}/m.sock")
        model = Model(f"{short}/m.sock", process).wait()
        assert model.ask("POST", "/v1/models/iris:predict", {"instances": ROWS})[1] == {
            "predictions": ["setosa", "virginica"]
        }
        output = model.ask("POST", "/v2/models/iris/infer", tensor())[1]["outputs"][0]
        assert (output["datatype"], output["data"]) == ("BYTES", ["setosa", "virginica"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def shout(x: Any) -> Any:
    return x


@pytest.mark.parametrize(("files", "words"), [
    ({}, "expected one model file"), ({"a.joblib": 1, "b.pkl": 1}, "more than one model file"),
    ({"a.joblib": b"not a pickle"}, "a.joblib: cannot be loaded"),
    ({"a.skops": b"no zip"}, "is not a skops file"), ({"a.joblib": {"no": "model"}}, "a dict cannot predict"),
    ({"a.skops": "untrusted"}, "refused, it contains types that are not trusted"),
])
def test_what_cannot_be_loaded_ends_with_the_reason(
    start: Start, tmp_path: Path, files: dict[str, Any], words: str
) -> None:
    for name, content in files.items():
        if content == "untrusted":
            steps = [("a", FunctionTransformer(shout)), ("b", LinearRegression())]
            skops.io.dump(Pipeline(steps), tmp_path / name)
        elif isinstance(content, bytes):
            (tmp_path / name).write_bytes(content)
        else:
            joblib.dump(content, tmp_path / name)
    with tempfile.TemporaryDirectory(prefix="rt-", dir="/tmp") as short:
        process = start(tmp_path, "--unix-socket", f"{short}/m.sock")
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert words in output
