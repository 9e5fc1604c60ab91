"""One memory behind two APIs: what one writes the other finds; a restart forgets nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pinnace.api.http import Request
from pinnace.api.mlflow.face import Face as Mlflow
from pinnace.api.registry.face import Face as ModelRegistry
from pinnace.data.blobs import Blobs
from pinnace.objects.client import SYSTEM
from pinnace.objects.lineage.contents import Contents
from pinnace.objects.lineage.keeping import Keeper
from pinnace.objects.registry.files import Files
from pinnace.objects.registry.records import Registry
from pinnace.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio
ALPHA, V1 = "/api/model_registry/v1alpha3", "/api/model_registry/v1"
TRACKING, FILES = "/api/2.0/mlflow", "/api/2.0/mlflow-artifacts/artifacts"


class Client:
    """Speaks ASGI to the two faces."""

    def __init__(self, store: SqliteStore, data: Path) -> None:
        self.store = store
        self.registry = Registry(store)
        files = Files(store, Blobs(data))
        contents = Contents(store, files, Keeper(store))
        self.mlflow = Mlflow(self.registry, files, contents)
        self.model_registry = ModelRegistry(self.registry, contents)

    async def raw(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        path, _, query = path.partition("?")
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "headers": [],
                 "query_string": query.encode()}
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        request = Request(scope, receive, send)
        request.identity = SYSTEM
        await (self.model_registry if "model_registry" in path else self.mlflow)(request)
        return sent[0]["status"], b"".join(one.get("body", b"") for one in sent)

    async def call(self, method: str, path: str, status: int = 200, **body: Any) -> Any:
        content = json.dumps(body).encode() if body else b""
        code, answer = await self.raw(method, path, content)
        assert code == status, (method, path, code, answer)
        return json.loads(answer)


@pytest.fixture
async def client(tmp_path: Path) -> Any:
    store = SqliteStore.open(tmp_path / "store.db")
    yield Client(store, tmp_path / "data")
    await store.close()


@pytest.fixture
def models() -> Iterator[dict[str, str]]:
    yield {"name": "digits"}


async def test_what_the_model_registry_writes_mlflow_finds(client: Client) -> None:
    model = await client.call("POST", f"{ALPHA}/registered_models", 201, name="digits", owner="jean")
    assert model["state"] == "LIVE" and model["id"] == "1" and model["createTimeSinceEpoch"].isdigit()
    accuracy = {"metadataType": "MetadataDoubleValue", "double_value": 0.97}
    version = await client.call(
        "POST", f"{V1}/model_versions", 201, name="v1.0", registeredModelId="1", author="jean",
        customProperties={"accuracy": accuracy},
    )
    made = await client.call(
        "POST", f"{ALPHA}/model_versions/{version['id']}/artifacts", 201, artifactType="model-artifact",
        name="digits", uri="s3://somewhere/digits", modelFormatName="sklearn", modelFormatVersion="1.7",
    )
    assert made["state"] == "UNKNOWN"
    found = (await client.call("GET", f"{TRACKING}/model-versions/get?name=digits&version=1"))
    found = found["model_version"]
    assert (found["version"], found["source"], found["user_id"]) == ("1", "s3://somewhere/digits", "jean")
    assert {"key": "accuracy", "value": "0.97"} in found["tags"]
    assert {"key": "version.name", "value": "v1.0"} in found["tags"]
    listed = await client.call("GET", f"{TRACKING}/model-versions/search?filter=tags.accuracy%3D'0.97'")
    assert [one["name"] for one in listed["model_versions"]] == ["digits"]


async def test_what_mlflow_writes_the_model_registry_finds(client: Client) -> None:
    run = await client.call("POST", f"{TRACKING}/runs/create", experiment_id="0", run_name="first")
    run = run["run"]
    name = run["info"]["run_id"]
    params = [{"key": "lr", "value": "0.1"}]
    await client.call("POST", f"{TRACKING}/runs/log-batch", run_id=name, params=params,
                      metrics=[{"key": "acc", "value": v, "timestamp": v, "step": v} for v in (1, 3, 2)])
    place = run["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    text = b"flavors: {sklearn: {sklearn_version: 1.7.0}, python_function: {}}"
    assert (await client.raw("PUT", f"{FILES}/{place}/model/MLmodel", text))[0] == 200
    about = "small images"
    await client.call("POST", f"{TRACKING}/registered-models/create", name="digits", description=about)
    await client.call("POST", f"{TRACKING}/model-versions/create", name="digits", run_id=name,
                      source=f"{run['info']['artifact_uri']}/model",
                      tags=[{"key": "type", "value": "forest"}])
    model = await client.call("GET", f"{V1}/registered_model?name=digits")
    assert model["description"] == "small images"
    versions = await client.call("GET", f"{V1}/registered_models/{model['id']}/versions")
    assert [(one["name"], one["customProperties"]["type"]["string_value"]) for one in versions["items"]] == [
        ("1", "forest")
    ]
    parent = versions["items"][0]["id"]
    artifact = await client.call("GET", f"{V1}/model_artifact?name=digits&parentResourceId={parent}")
    assert (artifact["modelFormatName"], artifact["modelFormatVersion"]) == ("sklearn", "1.7.0")
    assert (artifact["modelSourceKind"], artifact["modelSourceId"]) == ("mlflow", name)
    logged = await client.call("GET", f"{ALPHA}/experiment_runs/1/artifacts")
    assert {(one["artifactType"], one["name"], one["value"]) for one in logged["items"]} == {
        ("parameter", "lr", "0.1"), ("metric", "acc", 3),
    }
    history = await client.call("GET", f"{ALPHA}/experiment_runs/1/metric_history?name=acc&stepIds=1,2")
    assert [one["value"] for one in history["items"]] == [1, 2]
    by_id = await client.call("GET", f"{ALPHA}/artifacts/{logged['items'][0]['id']}")
    assert by_id == logged["items"][0]


async def test_a_restart_forgets_nothing_and_gives_no_number_twice(client: Client, tmp_path: Path) -> None:
    for name in ("a", "b"):
        await client.call("POST", f"{TRACKING}/registered-models/create", name=name)
    for _ in range(2):
        await client.call("POST", f"{TRACKING}/model-versions/create", name="a", source="s3://x/y")
    await client.call("DELETE", f"{TRACKING}/model-versions/delete", name="a", version="2")
    again = Client(client.store, tmp_path / "data")
    made = await again.call("POST", f"{TRACKING}/model-versions/create", name="a", source="s3://x/z")
    assert made["model_version"]["version"] == "3"
    third = await again.call("POST", f"{ALPHA}/registered_models", 201, name="c")
    assert third["id"] == "3"


async def test_names_are_unique_where_upstream_says_so(client: Client) -> None:
    await client.call("POST", f"{ALPHA}/registered_models", 201, name="a", externalId="x")
    assert (await client.call("POST", f"{ALPHA}/registered_models", 409, name="a"))["code"] == "409"
    await client.call("POST", f"{ALPHA}/registered_models", 409, name="b", externalId="x")
    refused = await client.call("POST", f"{TRACKING}/registered-models/create", 400, name="a")
    assert refused["error_code"] == "RESOURCE_ALREADY_EXISTS"
    await client.call("POST", f"{ALPHA}/registered_models/1/versions", 201, name="v1")
    await client.call("POST", f"{ALPHA}/registered_models/1/versions", 409, name="v1")
    await client.call("POST", f"{ALPHA}/registered_models/9/versions", 404, name="v1")


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("POST", "/registered_models", 400, {"owner": "x"}),
        ("POST", "/registered_models", 400, {"name": "x", "state": "GONE"}),
        ("POST", "/registered_models", 400, {"name": "x", "customProperties": {"a": 1}}),
        ("POST", "/model_versions", 400, {"name": "x", "registeredModelId": "none"}),
        ("POST", "/model_versions", 404, {"name": "x", "registeredModelId": "7"}),
        ("GET", "/registered_models/7", 404, {}),
        ("GET", "/registered_models/x", 400, {}),
        ("GET", "/registered_model", 400, {}),
        ("GET", "/registered_models?filterQuery=name", 400, {}),
        ("GET", "/nothing", 404, {}),
        ("POST", "/artifacts", 400, {"artifactType": "no-artifact"}),
    ],
)
async def test_bad_questions_are_answered_in_the_registrys_words(
    client: Client, method: str, path: str, status: int, body: dict[str, Any]
) -> None:
    answer = await client.call(method, f"{ALPHA}{path}", status, **body)
    assert answer["code"] == str(status) and answer["message"]


async def test_serving_is_linked_to_what_it_serves(client: Client) -> None:
    await client.call("POST", f"{ALPHA}/registered_models", 201, name="a")
    await client.call("POST", f"{ALPHA}/registered_models/1/versions", 201, name="v1")
    await client.call("POST", f"{ALPHA}/serving_environments", 201, name="here")
    service = await client.call("POST", f"{ALPHA}/serving_environments/1/inference_services", 201,
                                name="a", registeredModelId="1", runtime="sklearn")
    assert service["desiredState"] == "DEPLOYED"
    assert (await client.call("GET", f"{ALPHA}/inference_services/1/model"))["name"] == "a"
    assert (await client.call("GET", f"{ALPHA}/inference_services/1/version"))["name"] == "v1"
    await client.call("POST", f"{ALPHA}/inference_services/1/serves", 201, modelVersionId="1")
    serves = await client.call("GET", f"{ALPHA}/inference_services/1/serves")
    assert serves["items"][0]["lastKnownState"] == "UNKNOWN" and serves["size"] == 1
    changed = await client.call("PATCH", f"{ALPHA}/inference_services/1", desiredState="UNDEPLOYED")
    assert (changed["desiredState"], changed["registeredModelId"]) == ("UNDEPLOYED", "1")


async def test_a_parameter_is_logged_once(client: Client) -> None:
    run = (await client.call("POST", f"{TRACKING}/runs/create", experiment_id="0"))["run"]["info"]["run_id"]
    for _ in range(2):
        await client.call("POST", f"{TRACKING}/runs/log-parameter", run_id=run, key="lr", value="1")
    other = {"run_id": run, "key": "lr", "value": "2"}
    refused = await client.call("POST", f"{TRACKING}/runs/log-parameter", 400, **other)
    assert "Changing param values is not allowed" in refused["message"]


async def test_runs_are_searched_ordered_and_paged(client: Client) -> None:
    for number in range(5):
        made = await client.call("POST", f"{TRACKING}/runs/create", experiment_id="0", run_name=f"r{number}",
                                 start_time=number + 1)
        run = made["run"]["info"]["run_id"]
        await client.call("POST", f"{TRACKING}/runs/log-metric", run_id=run, key="acc", value=number / 10,
                          timestamp=1)
    query = {"experiment_ids": ["0"], "filter": "metrics.acc >= 0.1", "order_by": ["metrics.acc DESC"]}
    first = await client.call("POST", f"{TRACKING}/runs/search", **query, max_results=3)
    names = [one["info"]["run_name"] for one in first["runs"]]
    more = await client.call("POST", f"{TRACKING}/runs/search", **query, max_results=3,
                             page_token=first["next_page_token"])
    assert names + [one["info"]["run_name"] for one in more["runs"]] == ["r4", "r3", "r2", "r1"]
    newest = await client.call("POST", f"{TRACKING}/runs/search", experiment_ids=["0"], max_results=1)
    assert newest["runs"][0]["info"]["run_name"] == "r4"
    unread = {"experiment_ids": ["0"], "filter": "metrics.acc >"}
    bad = await client.call("POST", f"{TRACKING}/runs/search", 400, **unread)
    assert bad["error_code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "a//b", "%2e%2e/x", "a/%2e%2e/x", "a/..%2fx", "a\\b", "."]
)
async def test_no_artifact_leaves_its_place(client: Client, path: str, tmp_path: Path) -> None:
    status, answer = await client.raw("PUT", f"{FILES}/1/run/artifacts/{path}", b"evil")
    assert status == 400, answer
    status, _ = await client.raw("GET", f"{FILES}/{path}")
    assert status in (400, 404)
    assert not [one for one in tmp_path.rglob("x") if one.is_file()]


async def test_what_a_browser_would_run_comes_as_text(client: Client) -> None:
    await client.raw("PUT", f"{FILES}/1/run/artifacts/page.html", b"<script>")
    status, body = await client.raw("GET", f"{FILES}/1/run/artifacts/page.html")
    assert (status, body) == (200, b"<script>")
    listed = await client.call("GET", f"{FILES}?path=1/run/artifacts")
    assert listed["files"] == [{"path": "page.html", "is_dir": False, "file_size": 8}]


async def test_aliases_and_stages(client: Client) -> None:
    await client.call("POST", f"{TRACKING}/registered-models/create", name="a")
    for _ in range(2):
        await client.call("POST", f"{TRACKING}/model-versions/create", name="a", source="s3://x/y")
    await client.call("POST", f"{TRACKING}/registered-models/alias", name="a", alias="best", version="2")
    found = await client.call("GET", f"{TRACKING}/registered-models/alias?name=a&alias=best")
    assert (found["model_version"]["version"], found["model_version"]["aliases"]) == ("2", ["best"])
    for number in ("1", "2"):
        await client.call("POST", f"{TRACKING}/model-versions/transition-stage", name="a", version=number,
                          stage="production", archive_existing_versions=True)
    latest = await client.call("POST", f"{TRACKING}/registered-models/get-latest-versions", name="a")
    stages = {one["current_stage"]: one["version"] for one in latest["model_versions"]}
    assert stages == {"Production": "2", "Archived": "1"}
    await client.call("DELETE", f"{TRACKING}/model-versions/delete", name="a", version="2")
    await client.call("GET", f"{TRACKING}/registered-models/alias?name=a&alias=best", 400)
