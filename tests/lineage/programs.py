"""Programs that run with the real clients, in environments of their own, outside the platform."""

from __future__ import annotations

TRACKED = """
import os, pathlib, sys, tempfile
import mlflow
from mlflow import MlflowClient

mlflow.set_experiment("digits")
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "weights.txt").write_text("w" * 100)
(folder / "MLmodel").write_text("flavors: {python_function: {}, sklearn: {sklearn_version: 1.7.0}}")
with mlflow.start_run(run_name="first") as active:
    mlflow.log_params({"lr": 0.1, "layers": "10,3,1"})
    for step in range(5):
        mlflow.log_metric("accuracy", 0.5 + step / 10, step=step)
    mlflow.log_metric("strange", float("nan"))
    mlflow.set_tag("team", "a")
    mlflow.log_artifacts(str(folder), "model")
    mlflow.log_text("words", "notes/a b.txt")
run = active.info.run_id
client = MlflowClient()
found = client.get_run(run)
assert found.info.status == "FINISHED" and found.data.params == {"lr": "0.1", "layers": "10,3,1"}
assert found.data.metrics["accuracy"] == 0.9 and found.data.tags["team"] == "a"
assert [one.value for one in client.get_metric_history(run, "accuracy")] == [0.5, 0.6, 0.7, 0.8, 0.9]
assert {one.path for one in client.list_artifacts(run)} == {"model", "notes"}
assert open(mlflow.artifacts.download_artifacts(run_id=run, artifact_path="notes/a b.txt")).read() == "words"
number = client.get_experiment_by_name("digits").experiment_id
for condition, count in (
    ("metrics.accuracy > 0.8 and params.lr = '0.1'", 1), ("tags.team ILIKE 'A%'", 1),
    ("attributes.status = 'FAILED'", 0), ("run_name = 'first' and metrics.accuracy < 0.8", 0),
):
    runs = client.search_runs([number], condition, order_by=["metrics.accuracy DESC"])
    assert len(runs) == count, condition
version = mlflow.register_model(f"runs:/{run}/model", "of-mlflow", tags={"type": "forest"})
client.set_registered_model_alias("of-mlflow", "champion", version.version)
client.update_model_version("of-mlflow", version.version, "of a test")
here = set(os.listdir(mlflow.artifacts.download_artifacts("models:/of-mlflow@champion")))
assert {"MLmodel", "weights.txt"} <= here, here
assert [one.name for one in client.search_registered_models("name LIKE '%-mlflow'")] == ["of-mlflow"]
try:
    client.get_run("f" * 32)
except mlflow.exceptions.MlflowException as error:
    assert error.error_code == "RESOURCE_DOES_NOT_EXIST"
else:
    raise AssertionError("a run that never was")
if len(sys.argv) > 1:
    seen = client.get_model_version(sys.argv[1], "1")
    assert seen.source == "s3://elsewhere/mnist" and seen.tags["accuracy"] == "0.97", seen
"""

REGISTERED = """
import sys
from model_registry import ModelRegistry

port, token, name = sys.argv[1:4]
registry = ModelRegistry("http://127.0.0.1", int(port), author="jean", is_secure=False, user_token=token)
about = {"accuracy": 0.97, "layers": "10,3,1", "early_stop": True, "n": 3}
registry.register_model(
    name, "s3://elsewhere/mnist", model_format_name="tensorflow", model_format_version="1.0", version="v1.0",
    version_description="digits", metadata=about,
)
version = registry.get_model_version(name, "v1.0")
assert version.custom_properties == about, version
version.description = "model to recognize handwritten digits"
assert registry.update(version).description == version.description
artifact = registry.get_model_artifact(name, "v1.0")
assert (artifact.uri, artifact.model_format_name) == ("s3://elsewhere/mnist", "tensorflow")
for number in range(2, 5):
    registry.register_model(
        name, "s3://x", model_format_name="t", model_format_version="1", version=f"v{number}"
    )
names = [one.name for one in registry.get_model_versions(name).page_size(2)]
assert names == ["v1.0", "v2", "v3", "v4"], names
newest = [one.name for one in registry.get_model_versions(name).order_by_creation_time().descending()]
assert newest == names[::-1], newest
if len(sys.argv) > 4:
    model = registry.get_registered_model(sys.argv[4])
    (seen,) = registry.get_model_versions(model.name)
    assert seen.custom_properties == {"type": "forest"} and seen.description == "of a test", seen
    artifact = registry.get_model_artifact(model.name, seen.name)
    assert (artifact.model_format_name, artifact.model_format_version) == ("sklearn", "1.7.0"), artifact
if hasattr(registry, "start_experiment_run"):
    with registry.start_experiment_run(experiment_name="of-the-registry") as run:
        run.log_param("lr", 0.1)
        run.log_metric("accuracy", 0.9, step=1)
        run.log_metric("accuracy", 0.95, step=2)
    (one,) = registry.get_experiment_runs(experiment_name="of-the-registry")
    logged = {log.name for log in registry.get_experiment_run_logs(run_id=one.id)}
    assert {"lr", "accuracy"} <= logged, logged
"""

INSIDE = """
import os, pathlib, mlflow
assert os.environ["MLFLOW_TRACKING_TOKEN"].startswith("pinnace-pod.")
pathlib.Path("/tmp/m").mkdir()
pathlib.Path("/tmp/m/MLmodel").write_text("flavors: {sklearn: {sklearn_version: 1.7.0}}")
pathlib.Path("/tmp/m/weights").write_text(open("/tmp/in.csv").read())
with mlflow.start_run(run_name="in-step") as run:
    mlflow.log_param("lr", "0.5")
    mlflow.log_artifacts("/tmp/m", "model")
    mlflow.register_model(f"runs:/{run.info.run_id}/model", "of-a-step")
"""

IN_A_POD = """
from model_registry import ModelRegistry

where = "http://model-registry-service.kubeflow.svc.cluster.local"
registry = ModelRegistry(where, 8080, author="a pod", is_secure=False)
registry.register_model("from-a-pod", "s3://x", model_format_name="t", model_format_version="1", version="v1")
"""
