"""Bad input is a 4xx Status, always; big lists and watches hold nobody up."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import random
import threading
import time
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pinnace.api.kube import body, presentation
from pinnace.kinds import advice
from pinnace.objects.errors import StatusError
from tests.api.conftest import Stack

MAPS = "/api/v1/namespaces/default/configmaps"
WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/default/workflows"
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    [
        "apiVersion",
        "kind",
        "metadata",
        "spec",
        "data",
        "status",
        "name",
        "namespace",
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "templates",
        "containers",
        "deletionTimestamp",
        "resourceVersion",
        "uid",
        "generateName",
        "managedFields",
        "creationTimestamp",
        "",
    ]
)
objects = st.dictionaries(fields, st.dictionaries(fields, values, max_size=4) | values, max_size=5)
places = st.sampled_from(
    [
        MAPS,
        WORKFLOWS,
        "/api/v1/namespaces",
        "/api/v1/namespaces/default/pods",
        "/apis/batch/v1/namespaces/default/jobs",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/api/v1/namespaces/default/secrets",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "/apis/authentication.k8s.io/v1/tokenreviews",
        "/api/v1/namespaces/default/events",
        "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices",
    ]
)
media = st.sampled_from(
    [
        "application/json",
        "application/yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
        "text/plain",
        "",
        "application/vnd.kubernetes.protobuf",
    ]
)
relaxed = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


header_words = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12)


def refused_or_done(found: httpx.Response) -> None:
    """504 is upstream's answer to a resourceVersion of the future."""
    assert found.status_code < 500 or found.status_code == 504, (found.request.url, found.text)
    if found.status_code >= 400:
        assert found.json()["kind"] == "Status"
        assert found.json()["message"]


@relaxed
@given(
    place=places,
    method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]),
    document=objects | values,
    kind=media,
)
def test_no_document_is_a_500(stack: Stack, place: str, method: str, document: Any, kind: str) -> None:
    with stack.http() as client:
        path = place if method == "POST" else f"{place}/kube-none"
        refused_or_done(
            client.request(method, path, content=json.dumps(document), headers={"content-type": kind})
        )


@relaxed
@given(place=places, body=st.binary(max_size=60), kind=media, method=st.sampled_from(["POST", "PATCH"]))
def test_no_bytes_are_a_500(stack: Stack, place: str, body: bytes, kind: str, method: str) -> None:
    with stack.http() as client:
        path = place if method == "POST" else f"{place}/default"
        refused_or_done(client.request(method, path, content=body, headers={"content-type": kind}))
        refused_or_done(client.request(method, path, content=b"k8s\0" + body, headers={"content-type": kind}))


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
query_names = st.sampled_from(
    [
        "limit",
        "continue",
        "labelSelector",
        "fieldSelector",
        "resourceVersion",
        "watch",
        "timeoutSeconds",
        "pretty",
        "dryRun",
        "fieldManager",
        "fieldValidation",
        "force",
        "tailLines",
        "sinceTime",
        "container",
        "propagationPolicy",
        "gracePeriodSeconds",
    ]
)


@relaxed
@given(
    place=places,
    query=st.dictionaries(query_names, words, max_size=3),
    accept=header_words,
    method=st.sampled_from(["GET", "DELETE"]),
)
def test_no_query_is_a_500(stack: Stack, place: str, query: dict[str, str], accept: str, method: str) -> None:
    query = {**query, "timeoutSeconds": "1"} if "watch" in query else query
    path = place if method == "GET" else f"{place}/kube-none"
    with stack.http(headers={"accept": accept}) as client, client.stream(method, path, params=query) as found:
        if "watch" in query and found.status_code == 200:
            return
        found.read()
        refused_or_done(found)


@relaxed
@given(
    parts=st.lists(
        words
        | st.sampled_from(
            ["..", ".", "%2e%2e", "%2f", "api", "apis", "v1", "namespaces", "pods", "log", "proxy"]
        ),
        max_size=8,
    )
)
def test_no_path_is_a_500(stack: Stack, parts: list[str]) -> None:
    with stack.http() as client:
        try:
            request = client.build_request("GET", "/" + "/".join(parts))
        except (httpx.InvalidURL, UnicodeError):
            return
        found = client.send(request)
        assert found.status_code < 500, found.text


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api/v2", 404),
        ("GET", "/apis/none.example", 404),
        ("GET", "/api/v1/things", 404),
        ("GET", "/api/v1/namespaces/default/pods/x/y/z", 404),
        ("POST", "/api/v1/pods", 405),
        ("PUT", MAPS, 405),
        ("POST", f"{MAPS}/x", 405),
        ("PATCH", "/api/v1", 405),
        ("GET", "/api/v1/namespaces/default/configmaps/..%2f..%2fetc", 400),
        ("GET", f"{MAPS}/%2e%2e", 400),
        ("GET", "/openapi/v4", 404),
        ("GET", "/openapi/v3/apis/none/v1", 404),
        ("DELETE", "/api/v1/namespaces", 405),
        ("GET", f"{MAPS}?limit=x", 400),
        ("GET", f"{MAPS}?limit=-1", 400),
        ("GET", f"{MAPS}?labelSelector=(", 400),
        ("GET", f"{MAPS}?continue=x", 400),
        ("GET", f"{MAPS}?watch=1&resourceVersion=x", 400),
        ("GET", f"{MAPS}?watch=maybe", 400),
        ("GET", "/api/v1/namespaces/default/services/a/proxy/x", 404),
    ],
)
def test_wrong_requests_have_their_code(stack: Stack, method: str, path: str, code: int) -> None:
    with stack.http() as client:
        found = client.request(method, path)
        assert found.status_code == code, found.text
        assert found.json()["kind"] == "Status"
        assert found.json()["code"] == code


def test_media_types_that_are_not_spoken(stack: Stack) -> None:
    with stack.http() as client:
        found = client.get(MAPS, headers={"accept": "application/vnd.kubernetes.protobuf"})
        assert found.status_code == 406
        found = client.post(MAPS, content=b"x", headers={"content-type": "application/cbor"})
        assert found.status_code == 415
        assert "application/json, application/yaml" in found.json()["message"]


def test_yaml_in_and_out(stack: Stack) -> None:
    body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata: {when: 2020-01-01, 1: 'yes'}\n"
    with stack.http() as client:
        refused = client.post(MAPS, content=body, headers={"content-type": "application/yaml"})
        assert refused.status_code == 201, refused.text
        found = client.get(f"{MAPS}/yaml", headers={"accept": "application/yaml"})
        assert yaml.safe_load(found.text)["data"] == {"when": "2020-01-01", "1": "yes"}
        bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
            for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        )
        begun = time.monotonic()
        found = client.post(MAPS, content=bomb, headers={"content-type": "application/yaml"})
        assert found.status_code == 400
        deep = client.post(MAPS, content="[" * 5000, headers={"content-type": "application/yaml"})
        assert deep.status_code == 400
        assert time.monotonic() - begun < 5


def test_unexpected_failures_name_their_request(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stack.app.kube.discovery, "plain", lambda parts: 1 / 0)
    with stack.http() as client:
        found = client.get("/api")
    assert found.status_code == 500
    status = found.json()
    assert status["reason"] == "InternalError"
    assert status["details"]["uid"] in status["message"]
    assert "control.log" in status["message"]
    assert any(status["details"]["uid"] in record.getMessage() for record in caplog.records)


def test_warnings_reach_the_client(stack: Stack) -> None:
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "warned"},
        "spec": {"entrypoint": "m", "bogus": 1, "templates": [{"name": "m", "suspend": {}}]},
    }
    with stack.http() as client:
        found = client.post(WORKFLOWS, json=body)
        assert found.status_code == 201
        assert 'unknown field \\"spec.bogus\\"' in found.headers["warning"]


def test_pages_and_partial_metadata(stack: Stack, namespace: str) -> None:
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    with stack.http() as client:
        for number in range(7):
            client.post(place, json={"metadata": {"name": f"c{number}", "labels": {"odd": str(number % 2)}}})
        names: list[str] = []
        following = ""
        while True:
            page = client.get(place, params={"limit": 3, "continue": following}).json()
            names += [item["metadata"]["name"] for item in page["items"]]
            following = page["metadata"].get("continue", "")
            if not following:
                break
        assert names == [f"c{number}" for number in range(7)]
        partial = client.get(
            place, headers={"accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
        ).json()
        assert partial["kind"] == "PartialObjectMetadataList"
        assert "data" not in partial["items"][0]
        gone = client.delete(place, params={"labelSelector": "odd=1"})
        assert gone.status_code == 200
        assert len(client.get(place).json()["items"]) == 4


def lines(response: httpx.Response) -> Any:
    return (json.loads(line) for line in response.iter_lines() if line)


def test_a_watch_from_a_revision_with_a_selector(stack: Stack, namespace: str) -> None:
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    with stack.http() as client:
        begin = client.get(place).json()["metadata"]["resourceVersion"]
        client.post(place, json={"metadata": {"name": "a", "labels": {"k": "v"}}})
        client.patch(
            f"{place}/a",
            json={"metadata": {"labels": {"k": "w"}}},
            headers={"content-type": "application/merge-patch+json"},
        )
        query = {"watch": "1", "resourceVersion": begin, "labelSelector": "k=v", "timeoutSeconds": "2"}
        with client.stream("GET", place, params=query) as found:
            assert [event["type"] for event in lines(found)] == ["ADDED", "DELETED"]


def test_a_streaming_list_ends_its_first_events_with_a_bookmark(stack: Stack, namespace: str) -> None:
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    with stack.http() as client:
        client.post(place, json={"metadata": {"name": "a"}})
        query = {
            "watch": "true",
            "sendInitialEvents": "true",
            "resourceVersionMatch": "NotOlderThan",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": "2",
        }
        with client.stream("GET", place, params=query) as found:
            stream = lines(found)
            assert next(stream)["type"] == "ADDED"
            end = next(stream)
            assert end["type"] == "BOOKMARK"
            assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_stopping_server_ends_its_watches(fresh: Stack) -> None:
    ended = threading.Event()

    def watch() -> None:
        with fresh.http() as client, client.stream("GET", MAPS, params={"watch": "1"}) as found:
            for _ in lines(found):
                pass
        ended.set()

    thread = threading.Thread(target=watch)
    thread.start()
    deadline = time.monotonic() + 10
    while fresh.app.metrics.running < 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    begun = time.monotonic()
    fresh.close()
    assert ended.wait(5)
    assert time.monotonic() - begun < 3
    thread.join()


@pytest.mark.serial
def test_a_list_of_thousands_holds_nobody_up(fresh: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = fresh.catalogue.find("", "v1", "configmaps")
    assert kind is not None

    async def fill() -> None:
        text = "".join(random.Random(1).choices("abc", k=500))
        await asyncio.gather(
            *(
                fresh.local.create(kind, {"metadata": {"name": f"c{n}"}, "data": {"t": text}}, "default")
                for n in range(3000)
            )
        )

    fresh.run(fill())
    turns: list[float] = []
    original = asyncio.sleep

    async def noted(seconds: float) -> None:
        """Processor time of the loop's thread: what others on the machine do must not matter here."""
        turns.append(time.thread_time())
        await original(seconds)

    monkeypatch.setattr(asyncio, "sleep", noted)
    gc.collect()
    gc.freeze()
    try:
        for accept in ("application/json", "application/json;as=Table;v=v1;g=meta.k8s.io"):
            with fresh.http(headers={"accept": accept}) as client:
                found = client.get(MAPS).json()
            assert len(found.get("items") or found["rows"]) == 3000
            assert "continue" not in found["metadata"]
    finally:
        gc.unfreeze()
    longest = max(after - before for before, after in itertools.pairwise(turns))
    assert len(turns) > 40
    assert longest < 0.01, f"the loop was held for {longest * 1000:.1f} ms"


def test_metrics_count_requests(stack: Stack) -> None:
    stack.context.metrics.append(lambda: ["custom_total 7"])
    with stack.http() as client:
        client.get(MAPS)
        text = client.get("/metrics").text
    assert 'apiserver_request_total{verb="LIST",resource="configmaps",code="200"}' in text
    assert "pinnace_loop_lag_seconds_bucket" in text
    assert "custom_total 7" in text


def test_a_watcher_that_goes_leaves_nothing_behind(stack: Stack, namespace: str) -> None:
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    hub = stack.local.house.hub
    with stack.http() as client:
        for _ in range(5):
            with client.stream("GET", place, params={"watch": "1"}) as found:
                assert found.status_code == 200
                assert hub.watching("configmaps")
        deadline = time.monotonic() + 10
        while hub.watching("configmaps") and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not hub.watching("configmaps")


def test_an_event_is_encoded_once_for_all_its_watchers(
    stack: Stack, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    original = presentation._event_line

    def counted(resource: Any, event: Any, *more: Any) -> bytes:
        encoded.append(event.obj["metadata"]["name"])
        return original(resource, event, *more)

    monkeypatch.setattr(presentation, "_event_line", counted)
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    seen: list[str] = []

    def watch() -> None:
        with stack.http() as client, client.stream("GET", place, params={"watch": "1"}) as found:
            seen.append(next(lines(found))["object"]["metadata"]["name"])

    watchers = [threading.Thread(target=watch) for _ in range(8)]
    running = stack.app.metrics.running
    for watcher in watchers:
        watcher.start()
    deadline = time.monotonic() + 10
    while stack.app.metrics.running < running + 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    with stack.http() as client:
        client.post(place, json={"metadata": {"name": "once"}})
    for watcher in watchers:
        watcher.join(10)
    assert seen == ["once"] * 8
    assert encoded == ["once"]


def test_keys_that_stand_twice_are_reported(stack: Stack) -> None:
    start = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "twice"}, '
    twice = start + '"data": {"a": "1", "a": "2"}}'
    lines = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\ndata:\n  a: '1'\n  a: '2'\n"
    words = 'yaml: unmarshal errors:\n  line 6: key "a" already set in map'
    strict, yaml_type = {"fieldValidation": "Strict"}, {"content-type": "application/yaml"}
    with stack.http() as client:
        found = client.post(MAPS, content=twice, params=strict)
        assert (found.status_code, found.json()["message"]) == (400, (
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
            'strict decoding error: duplicate field "data.a"'
        ))
        found = client.post(MAPS, content=lines, params=strict, headers=yaml_type)
        assert found.json()["message"].endswith(f"strict decoding error: {words}")
        found = client.post(MAPS, content=twice)
        assert (found.status_code, found.json()["data"]) == (201, {"a": "2"})
        assert 'duplicate field \\"data.a\\"' in found.headers["warning"]
        found = client.put(f"{MAPS}/twice", content=twice, params={"fieldValidation": "Ignore"})
        assert found.status_code == 200 and "warning" not in found.headers
        change, merge = '{"data":{"b":"1","b":"2"}}', {"content-type": "application/merge-patch+json"}
        found = client.patch(f"{MAPS}/twice", content=change, headers=merge, params=strict)
        assert found.status_code == 422 and 'duplicate field "data.b"' in found.json()["message"]
        applied = {"content-type": "application/apply-patch+yaml"}
        manager = {"fieldManager": "m", "force": "true"}
        found = client.patch(f"{MAPS}/twice", content=lines, headers=applied, params={**manager, **strict})
        told = f"error strict decoding YAML: error converting YAML to JSON: {words}"
        assert (found.status_code, found.json()["message"]) == (400, told)
        found = client.patch(f"{MAPS}/twice", content=lines, headers=applied, params=manager)
        assert found.status_code == 200 and "already set in map" in found.headers["warning"]


def test_a_big_body_is_read_piece_by_piece() -> None:
    items = [{"n": i, "é": "x" * 50, "f": 1.5} for i in range(9000)]
    value = {"deep": {"list": items}, "text": "y" * 300_000}
    raw = b" \n" + json.dumps(value).encode() + b" "
    assert len(raw) > body.BIG
    assert asyncio.run(body.strict(raw)) == value
    for bad in (raw[:-2], raw + b"}", raw.replace(b'"n": 8999', b'"n": 08999'), b"[" * 400_000):
        with pytest.raises(StatusError) as caught:
            asyncio.run(body.strict(bad))
        assert caught.value.code == 400


@pytest.mark.parametrize("annotation", ["Standard", "Knative"])
def test_what_has_no_effect_is_said_when_it_is_written(stack: Stack, annotation: str) -> None:
    place = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"
    name = f"iris-{annotation.lower()}"
    predictor = {
        "model": {"modelFormat": {"name": "sklearn"}, "storageUri": "pvc://models/a"},
        "canaryTrafficPercent": 10, "minReplicas": 0, "maxReplicas": 5, "scaleTarget": 3,
        "autoScaling": {"metrics": [{"type": "Resource", "resource": {
            "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50},
        }}]},
    }
    body = {
        "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
        "metadata": {"name": name, "annotations": {"serving.kserve.io/deploymentMode": annotation}},
        "spec": {"predictor": predictor},
    }
    fields = ["canaryTrafficPercent", "minReplicas"] if annotation == "Standard" else ["autoScaling"]
    with stack.http() as client:
        made = client.post(place, json=body)
        patched = client.patch(
            f"{place}/{name}", json=body, headers={"content-type": "application/apply-patch+yaml"},
            params={"fieldManager": "m", "force": "true"},
        )
        seen = client.get(f"{place}/{name}")
    for answer in (made, patched):
        assert answer.status_code in (200, 201), answer.text
        told = answer.headers.get_list("warning")
        assert sorted(text.split()[2].strip('"').rpartition(".")[2] for text in told) == sorted(fields)
        assert all("has no effect: " in text for text in told)
    assert "warning" not in seen.headers


def test_kinds_that_nothing_acts_on_say_so(stack: Stack, namespace: str) -> None:
    labels = {"matchLabels": {"a": "b"}}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    bodies = {
        "api/v1/namespaces/{}/replicationcontrollers": {"selector": {"a": "b"}, "template": template},
        "apis/networking.k8s.io/v1/namespaces/{}/networkpolicies": {"podSelector": {}},
        "apis/policy/v1/namespaces/{}/poddisruptionbudgets": {"minAvailable": 1, "selector": labels},
    }
    with stack.http() as client:
        for path, spec in bodies.items():
            made = client.post("/" + path.format(namespace), json={"metadata": {"name": "a"}, "spec": spec})
            assert made.status_code == 201, made.text
            assert "nothing on this platform acts on it yet" in made.headers["warning"]
        assert "warning" not in client.post(MAPS, json={"metadata": {"generateName": "quiet-"}}).headers
        body = {"metadata": {"name": "a"}, "spec": {"replicas": 0, "selector": labels, "template": template}}
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        assert "warning" not in client.post(path, json=body).headers


def test_every_kind_that_is_said_to_be_idle_is_served(stack: Stack) -> None:
    assert [key for key in advice.IDLE if stack.catalogue.key(key) is None] == []
