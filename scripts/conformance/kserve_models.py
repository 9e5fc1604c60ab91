"""Trains what stands for the models of upstream's documents: `kserve_models.py KIND FOLDER`, inside a pod.

Under FOLDER/<bucket>/<key>, of the formats and input shapes that the documents' own pages ask for.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

GOOGLE = "kfserving-examples"
PMML = """<PMML xmlns="http://www.dmg.org/PMML-4_3" version="4.3"><Header/>
<DataDictionary numberOfFields="5">{fields}<DataField name="Species" optype="categorical" dataType="string">
<Value value="setosa"/><Value value="other"/></DataField></DataDictionary>
<TreeModel modelName="iris" functionName="classification" splitCharacteristic="binarySplit">
<MiningSchema>{schema}<MiningField name="Species" usageType="target"/></MiningSchema>
<Node id="0" score="other"><True/>
<Node id="1" score="setosa" recordCount="50">
<SimplePredicate field="Petal.Length" operator="lessThan" value="2.45"/>
<ScoreDistribution value="setosa" recordCount="50"/><ScoreDistribution value="other" recordCount="0"/></Node>
<Node id="2" score="other" recordCount="100">
<SimplePredicate field="Petal.Length" operator="greaterOrEqual" value="2.45"/>
<ScoreDistribution value="setosa" recordCount="0"/><ScoreDistribution value="other" recordCount="100"/></Node>
</Node></TreeModel></PMML>
"""
HANDLER = """
import torch
from ts.torch_handler.base_handler import BaseHandler

class Digits(BaseHandler):
    def preprocess(self, data):
        rows = [row.get("data", row.get("body", row)) if isinstance(row, dict) else row for row in data]
        return torch.tensor(rows, dtype=torch.float32).reshape(len(rows), -1)[:, :4]

    def postprocess(self, found):
        return found.argmax(1).tolist()
"""
SETTINGS = """inference_address=http://0.0.0.0:8085
management_address=http://0.0.0.0:8085
metrics_address=http://0.0.0.0:8082
enable_envvars_config=true
install_py_dep_per_model=false
model_store=/mnt/models/model-store
"""


def sklearn(root: Path) -> None:
    import joblib  # type: ignore[import-untyped, unused-ignore]
    import numpy as np
    from sklearn.datasets import load_iris  # type: ignore[import-untyped, unused-ignore]
    from sklearn.svm import SVC  # type: ignore[import-untyped, unused-ignore]

    iris = load_iris()
    model = SVC(gamma="scale", probability=True).fit(iris.data, iris.target)
    keys = ("kfserving-examples/models/sklearn/1.0/model", "kfserving-examples/models/sklearn/1.3/mixedtype",
            "kfserving-examples/models/feast/driver", "kfserving-examples/models/sklearn/newsgroup",
            "seldon-models/v1.16.0/sklearn/moviesentiment", "example-models/sklearn", "my-bucket/model",
            "my-bucket/llm-model")
    for key in keys:
        joblib.dump(model, made(root / key) / "model.joblib")
    assert np.mean(model.predict(iris.data) == iris.target) > 0.9


def xgboost(root: Path) -> None:
    import numpy as np
    import xgboost as xgb  # type: ignore[import-not-found, unused-ignore]

    rows = np.random.default_rng(0).random((90, 4))
    booster = xgb.train({"objective": "reg:squarederror"}, xgb.DMatrix(rows, label=rows.sum(1)), 5)
    booster.save_model(str(made(root / GOOGLE / "models/xgboost/iris") / "model.bst"))


def tensorflow(root: Path) -> None:
    import tensorflow as tf  # type: ignore[import-not-found, import-untyped, unused-ignore]

    class Flowers(tf.Module):  # type: ignore[misc, untyped-decorator, unused-ignore]
        @tf.function(input_signature=[  # type: ignore[misc, untyped-decorator, unused-ignore]
            tf.TensorSpec([None], tf.string, "image_bytes"), tf.TensorSpec([None], tf.string, "key"),
        ])
        def __call__(self, image_bytes: Any, key: Any) -> dict[str, Any]:
            size = tf.strings.length(image_bytes)
            return {"prediction": tf.cast(size % 5, tf.int64), "key": key,
                    "scores": tf.one_hot(size % 5, 5)}

    class Digits(tf.Module):  # type: ignore[misc, untyped-decorator, unused-ignore]
        @tf.function(input_signature=[tf.TensorSpec([None, 784], tf.float32, "x")])  # type: ignore[misc, untyped-decorator, unused-ignore]
        def __call__(self, x: Any) -> dict[str, Any]:
            return {"predictions": tf.cast(tf.reduce_sum(x, 1), tf.int64) % 10}

    for key in ("models/tensorflow/flowers", "models/tensorflow/flowers-2"):
        tf.saved_model.save(Flowers(), str(made(root / GOOGLE / key) / "0001"))
    tf.saved_model.save(Digits(), str(made(root / GOOGLE / "mnist") / "1"))


def torch(root: Path) -> None:
    import torch as th  # type: ignore[import-not-found, unused-ignore]

    linear = th.jit.trace(th.nn.Linear(4, 10).eval(), th.zeros(1, 4))
    for key, name in (("image_classifier/v1", "mnist"), ("image_classifier/v2", "mnist"),
                      ("huggingface", "BERTSeqClassification"), ("bert/v2", "BERTSeqClassification")):
        archive(made(root / GOOGLE / "models/torchserve" / key), name, linear)
    layers = th.nn.Sequential(th.nn.Conv2d(3, 10, 32), th.nn.Flatten()).eval()
    conv = th.jit.trace(layers, th.zeros(1, 3, 32, 32))
    model = made(root / GOOGLE / "models/torchscript/cifar10/1")
    conv.save(str(model / "model.pt"))
    (model.parent / "config.pbtxt").write_text(
        'name: "cifar10" platform: "pytorch_libtorch" max_batch_size: 1\n'
        'input [{name: "INPUT__0" data_type: TYPE_FP32 dims: [3,32,32]}]\n'
        'output [{name: "OUTPUT__0" data_type: TYPE_FP32 dims: [10]}]\n'
    )


def archive(folder: Path, name: str, module: Any) -> None:
    """What torch-model-archiver makes: a zip of the model, its handler and a manifest."""
    module.save(str(folder / "model.pt"))
    files = {"serializedFile": "model.pt", "handler": "handler.py"}
    described = {
        "createdOn": "01/01/2026 00:00:00", "runtime": "python", "archiverVersion": "0.12.0",
        "model": {"modelName": name, "modelVersion": "1.0", **files},
    }
    with zipfile.ZipFile(made(folder / "model-store") / f"{name}.mar", "w") as mar:
        mar.write(folder / "model.pt", "model.pt")
        mar.writestr("handler.py", HANDLER)
        mar.writestr("MAR-INF/MANIFEST.json", json.dumps(described))
    (folder / "model.pt").unlink()
    one = {"defaultVersion": True, "marName": f"{name}.mar", "minWorkers": 1, "maxWorkers": 1, "batchSize": 1,
           "maxBatchDelay": 10, "responseTimeout": 120}
    snapshot = {"name": "startup.cfg", "modelCount": 1, "models": {name: {"1.0": one}}}
    settings = f"{SETTINGS}model_snapshot={json.dumps(snapshot)}\n"
    (made(folder / "config") / "config.properties").write_text(settings)


def pmml(root: Path) -> None:
    names = ("Sepal.Length", "Sepal.Width", "Petal.Length", "Petal.Width")
    fields = "".join(f'<DataField name="{name}" optype="continuous" dataType="double"/>' for name in names)
    schema = "".join(f'<MiningField name="{name}"/>' for name in names)
    text = PMML.format(fields=fields, schema=schema)
    (made(root / GOOGLE / "models/pmml") / "iris.pmml").write_text(text)


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


KINDS = {each.__name__: each for each in (sklearn, xgboost, tensorflow, torch, pmml)}

if __name__ == "__main__":
    KINDS[sys.argv[1]](Path(sys.argv[2]))
