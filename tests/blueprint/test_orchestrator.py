"""A deployed blueprint answers: a real orchestrator process, real HTTP servers as models."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pinnace.runtimes import protowire
from pinnace.runtimes.protowire import Piece
from tests.blueprint.servers import Models, Request, Response, ask, orchestrator, status
from tests.e2e.platform import eventually

PROTOBUF = "application/vnd.google.protobuf"


def message(**numbers: int) -> bytes:
    """`f1=5`: field 1 is the number 5."""
    return protowire.joined([protowire.written(int(name[1:]), "int64", n) for name, n in numbers.items()])


def number(data: bytes, tag: int = 1) -> int:
    return next(protowire.values(one, "int64")[0] for one in protowire.pieces(data) if one.tag == tag)


def node(
    name: str, operation: str, *after: tuple[str, str], kind: str = "MLModel", **more: Any
) -> dict[str, Any]:
    return {
        "container_name": name, "node_type": kind, "proto_uri": f"org/{name}.proto",
        "operation_signature_list": [{
            "operation_signature": {"operation_name": operation, "output_message_name": "N"},
            "connected_to": [
                {"container_name": target, "operation_signature": {"operation_name": entry}}
                for target, entry in after
            ],
        }],
        **more,
    }


def blueprint(*nodes: dict[str, Any], probe: str = "false") -> dict[str, Any]:
    return {"name": "test", "nodes": list(nodes), "probeIndicator": [{"value": probe}]}


@pytest.fixture
def models() -> Iterator[Models]:
    made = Models()
    yield made
    made.stop()


def adding(by: int) -> Any:
    async def answer(request: Request) -> Response:
        await asyncio.sleep(random.random() / 50)
        return Response(message(f1=number(request.body) + by), content_type=PROTOBUF)

    return answer


def put(port: int, document: dict[str, Any], models: Models) -> None:
    assert ask(port, "PUT", "/putBlueprint", document)[0] == 200
    assert ask(port, "PUT", "/putDockerInfo", models.dockerinfo())[0] == 200


def test_32_callers_at_once_get_their_own_answers(models: Models) -> None:
    for name, by in (("one", 1), ("two", 10), ("three", 100)):
        models.serve(name, adding(by))
    chain = blueprint(
        node("one", "add", ("two", "add")), node("two", "add", ("three", "add")), node("three", "add")
    )
    with orchestrator() as port, ThreadPoolExecutor(32) as callers:
        put(port, chain, models)
        answers = list(callers.map(lambda n: ask(port, "POST", "/add", message(f1=n)), range(1000, 1320)))
    assert [(code, number(body), kind) for code, body, kind in answers] == [
        (200, n + 111, PROTOBUF) for n in range(1000, 1320)
    ]


def test_a_splitter_copies_and_a_collator_waits_for_all(models: Models) -> None:
    models.serve("first", adding(0))
    models.serve("left", adding(1))
    models.serve("right", adding(2))
    models.serve("last", lambda request: Response(request.body, content_type=PROTOBUF))
    document = blueprint(
        node("first", "go", ("split", "s")),
        node("split", "s", ("left", "go"), ("right", "go"), kind="Splitter",
             splitter_map={"splitter_type": "Copy-based"}),
        node("left", "go", ("join", "c")), node("right", "go", ("join", "c")),
        node("join", "c", ("last", "end"), kind="Collator", collator_map={"collator_type": "Array-based"}),
        node("last", "end"),
    )
    with orchestrator() as port:
        put(port, document, models)
        code, body, _ = ask(port, "POST", "/go", message(f1=40))
    assert code == 200
    assert [number(one.content) for one in protowire.pieces(body)] == [41, 42]


def test_fields_are_split_and_collated_by_their_parameters(models: Models) -> None:
    models.serve("first", lambda request: Response(request.body))
    models.serve("left", adding(1))
    models.serve("right", adding(2))
    models.serve("last", lambda request: Response(request.body))
    outputs = [
        {"output_field": {"target_name": "left", "parameter_tag": "1", "mapped_to_field": "3"}},
        {"output_field": {"target_name": "right", "parameter_tag": "1", "mapped_to_field": "4"}},
    ]
    inputs = [
        {"input_field": {"source_name": "left", "parameter_tag": "1", "mapped_to_field": "8"}},
        {"input_field": {"source_name": "right", "parameter_tag": "1", "mapped_to_field": "9"}},
    ]
    document = blueprint(
        node("first", "go", ("split", "s")),
        node("split", "s", ("left", "go"), ("right", "go"), kind="Splitter",
             splitter_map={"splitter_type": "Parameter-based", "map_outputs": outputs}),
        node("left", "go", ("join", "c")), node("right", "go", ("join", "c")),
        node("join", "c", ("last", "end"), kind="Collator",
             collator_map={"collator_type": "Parameter-based", "map_inputs": inputs}),
        node("last", "end"),
    )
    with orchestrator() as port:
        put(port, document, models)
        _, body, _ = ask(port, "POST", "/go", message(f3=30, f4=40))
    assert body == message(f8=31, f9=42)


def test_a_mapper_moves_and_converts_fields(models: Models) -> None:
    models.serve("first", lambda request: Response(request.body))
    models.serve("last", lambda request: Response(request.body))
    rule = {
        "map_inputs": [{"message_name": "A", "input_fields": [
            {"tag": "1", "name": "n", "type": "int32", "mapped_to_message": "B", "mapped_to_field": "2"},
            {"tag": "2", "name": "t", "type": "string", "mapped_to_message": "B", "mapped_to_field": "1"},
        ]}],
        "map_outputs": [{"message_name": "B", "output_fields": [
            {"tag": "1", "name": "x", "type": "double"}, {"tag": "2", "name": "y", "type": "string"},
        ]}],
    }
    document = blueprint(
        node("first", "go", ("map", "m")),
        node("map", "m", ("last", "end"), kind="DataMapper", data_map=rule), node("last", "end"),
    )
    sent = protowire.joined([protowire.written(1, "int32", -7), protowire.written(2, "string", "2.5")])
    with orchestrator() as port:
        put(port, document, models)
        _, body, _ = ask(port, "POST", "/go", sent)
        wrong = protowire.joined([protowire.written(2, "string", "many")])
        refused = ask(port, "POST", "/go", wrong)
    found = {one.tag: one for one in protowire.pieces(body)}
    assert protowire.values(found[1], "double") == [2.5]
    assert protowire.values(found[2], "string") == ["-7"]
    assert (refused[0], b"'many' cannot be a double" in refused[1]) == (400, True)


def test_a_broker_is_told_its_map_and_pulled_until_it_is_empty(models: Models) -> None:
    told, rows, seen = [], [message(f1=n) for n in (1, 2, 3)], []

    def broker(request: Request) -> Response:
        if request.path == "/configDB":
            told.append(json.loads(request.body))
            return Response(b"{}")
        return Response(rows.pop(0) if rows else b"")

    def model(request: Request) -> Response:
        seen.append(number(request.body))
        return Response(request.body) if number(request.body) != 2 else Response(b"no two", 500)

    models.serve("broker", broker)
    models.serve("model", model)
    rule = {"data_broker_type": "csv", "first_row": "contains_field_names"}
    document = blueprint(
        node("broker", "pull", ("model", "go"), kind="DataBroker", data_broker_map=rule), node("model", "go")
    )
    with orchestrator() as port:
        put(port, document, models)
        eventually(lambda: status(port)["flow"]["state"] == "ended", "the flow's end")
        assert status(port)["flow"] == {"state": "ended", "messages": 2, "failed": 1}
    assert (told, seen) == ([rule], [1, 2, 3])


def test_a_probe_sees_what_each_model_takes_and_what_the_last_gives(models: Models) -> None:
    seen: list[tuple[str, str, str, bytes]] = []

    def probe(request: Request) -> Response:
        headers = request.headers
        seen.append((request.path, headers["proto-url"], headers["message-name"], request.body))
        return Response(b"")

    models.serve("one", adding(1))
    models.serve("two", adding(1))
    models.serve("Probe", probe)
    document = blueprint(node("one", "add", ("two", "add")), node("two", "add"), probe="true")
    for each in document["nodes"]:
        each["operation_signature_list"][0]["operation_signature"]["input_message_name"] = "I"
    with orchestrator() as port:
        put(port, document, models)
        assert number(ask(port, "POST", "/add", message(f1=1))[1]) == 3
        eventually(lambda: len(seen) == 3, "what the probe saw")
    assert sorted(seen) == [
        ("/data", "org/one.proto", "I", message(f1=1)), ("/data", "org/two.proto", "I", message(f1=2)),
        ("/data", "org/two.proto", "N", message(f1=3)),
    ]


def runner(answer: Any) -> Any:
    """As acumos_model_runner: operations in a folder, both forms by the headers, nothing else."""

    def serve(request: Request) -> Response:
        folder, _, operation = request.path.rpartition("/")
        if folder != "/model/methods":
            return Response(b"not found", 404)
        kind, accept = request.headers["content-type"], request.headers["accept"]
        if kind not in (PROTOBUF, "application/json") or kind != accept:
            return Response(b"Header 'Content-Type' must be one of", 415)
        return Response(answer(operation, request.body, kind), content_type=accept)

    return serve


def test_models_of_the_model_runner_speak_json_and_protobuf(models: Models) -> None:
    def double(operation: str, body: bytes, kind: str) -> bytes:
        assert operation == "double"
        if kind == PROTOBUF:
            return message(f1=number(body) * 2)
        return json.dumps({"value": json.loads(body)["value"] * 2}).encode()

    models.serve("one", runner(double))
    models.serve("two", runner(double))
    document = blueprint(node("one", "double", ("two", "double")), node("two", "double"))
    with orchestrator() as port:
        put(port, document, models)
        code, body, kind = ask(port, "POST", "/double", message(f1=5))
        assert (code, number(body), kind) == (200, 20, PROTOBUF)
        code, body, kind = ask(port, "POST", "/double", b'{"value": 5}', "application/json; charset=utf-8")
        assert (code, json.loads(body), kind) == (200, {"value": 20}, "application/json")


def signed(*fields: tuple[str, str]) -> str:
    listed = [{"name": name, "tag": tag, "role": "", "type": "double"} for name, tag in fields]
    return json.dumps({"messageName": "M", "messageargumentList": listed})


def moved(part: str, name: str, tag: str, to: str, whom: str) -> dict[str, Any]:
    out = part == "map_outputs"
    field, other = ("output_field", "target_name") if out else ("input_field", "source_name")
    return {field: {other: whom, "parameter_name": name, "parameter_tag": tag, "mapped_to_field": to}}


SPLIT = {
    "splitter_type": "Parameter-based", "input_message_signature": signed(("x", "3"), ("y", "4")),
    "map_outputs": [
        moved("map_outputs", "a", "1", "3", "left"), moved("map_outputs", "b", "1", "4", "right"),
        moved("map_outputs", "unused", "9", "", "right"),
    ],
}
ARRAY = {"collator_type": "Array-based", "output_message_signature": signed(("all", "7"))}
FIELDS = {
    "collator_type": "Parameter-based", "output_message_signature": signed(("p", "8"), ("q", "9")),
    "map_inputs": [
        moved("map_inputs", "a", "1", "8", "left"), moved("map_inputs", "b", "1", "9", "right"),
        moved("map_inputs", "c", "2", "null", "right"),
    ],
}


@pytest.mark.parametrize(("rule", "in_json", "tags"), [
    (ARRAY, {"all": [{"a": 30}, {"b": 40}]}, [7, 7]), (FIELDS, {"p": 30, "q": 40}, [8, 9]),
])
def test_tools_split_and_collate_both_forms(
    models: Models, rule: dict[str, Any], in_json: Any, tags: list[int]
) -> None:
    for name in ("first", "left", "right", "last"):
        models.serve(name, lambda request: Response(request.body))
    document = blueprint(
        node("first", "go", ("split", "in")),
        node("split", "in", ("left", "go"), ("right", "go"), kind="Splitter", splitter_map=SPLIT),
        node("left", "go", ("join", "one")), node("right", "go", ("join", "two")),
        node("join", "out", ("last", "end"), kind="Collator", collator_map=rule), node("last", "end"),
    )
    with orchestrator() as port:
        put(port, document, models)
        _, body, _ = ask(port, "POST", "/go", b'{"x": 30, "y": 40}', "application/json")
        assert json.loads(body) == in_json
        _, body, _ = ask(port, "POST", "/go", message(f3=30, f4=40))
        assert [one.tag for one in protowire.pieces(body)] == tags


def test_a_node_that_is_led_to_by_both_of_its_operations_answers_for_each(models: Models) -> None:
    def mind(request: Request) -> Response:
        return Response(message(f1=number(request.body) * {"/think": 10, "/wake": 100}[request.path]))

    models.serve("face", adding(1))
    models.serve("mind", mind)
    ask_node, mind_node = node("face", "ask", ("mind", "think")), node("mind", "think", ("face", "show"))
    ask_node["operation_signature_list"] += node("face", "show", ("mind", "wake"))["operation_signature_list"]
    mind_node["operation_signature_list"] += node("mind", "wake")["operation_signature_list"]
    with orchestrator() as port:
        put(port, blueprint(ask_node, mind_node), models)
        assert status(port)["operations"] == ["ask"]
        assert number(ask(port, "POST", "/ask", message(f1=1))[1]) == 2100


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "nodes: expected a list"),
        (blueprint(node("a", "x", ("b", "x"))), "there is no node 'b'"),
        (blueprint(node("a", "x", ("b", "x")), node("b", "x", ("a", "x"))), "in a circle"),
        (
            blueprint(node("a", "x", ("c", "x")), node("b", "x", ("c", "x")), node("c", "x")),
            "it is no Collator",
        ),
    ],
)
def test_a_blueprint_that_cannot_run_is_refused_by_name(document: dict[str, Any], words: str) -> None:
    with orchestrator() as port:
        code, body, _ = ask(port, "PUT", "/putBlueprint", document)
    assert (code, words in body.decode()) == (400, True), body


def test_what_is_missing_or_broken_is_told_without_a_stack(models: Models, tmp_path: Path) -> None:
    models.serve("one", lambda request: Response(b"boom", 500))
    document = blueprint(node("one", "add", ("two", "add")), node("two", "add"))
    (tmp_path / "blueprint.json").write_text(json.dumps(document))
    with orchestrator("--blueprint", str(tmp_path / "blueprint.json")) as port:
        nowhere = ask(port, "POST", "/add", b"")
        unknown = ask(port, "POST", "/other", b"")
        assert ask(port, "PUT", "/putDockerInfo", models.dockerinfo())[0] == 200
        broken = ask(port, "POST", "/add", b"")
    assert (nowhere[0], json.loads(nowhere[1])["error"]) == (
        503, "the container one has no address: PUT /putDockerInfo"
    )
    assert (unknown[0], json.loads(unknown[1])["error"]) == (
        404, "the blueprint has no input port 'other': it has add"
    )
    assert (broken[0], json.loads(broken[1])["error"]) == (502, "one/add answered 500: boom")


def test_upstreams_own_example_runs_with_json(shared: Path, models: Models) -> None:
    folder = shared / "corpus/acumos/serial-live-orchestrator/orchestrator_client"

    def power(given: str, made: str, by: int) -> Any:
        def answer(request: Request) -> Response:
            return Response(json.dumps({made: json.loads(request.body)[given] ** by}).encode())

        return answer

    models.serve("square-node-container", power("number", "square", 2))
    models.serve("cube-node-container", power("square", "cube", 3))
    with orchestrator("--blueprint", str(folder / "blueprint.json")) as port:
        ask(port, "PUT", "/putDockerInfo", models.dockerinfo())
        code, body, kind = ask(port, "POST", "/square", b'{"number": 2}')
    assert (code, json.loads(body), kind) == (200, {"cube": 64}, "application/json")


@pytest.mark.parametrize(
    "kind", ["int32", "sint64", "uint32", "fixed32", "sfixed64", "float", "double", "bool"]
)
def test_numbers_of_every_type_survive_the_wire(kind: str) -> None:
    value = {"bool": True, "float": 1.5, "double": -2.25, "uint32": 7, "fixed32": 7}.get(kind, -12)
    assert protowire.values(protowire.written(3, kind, value), kind) == [value]


@pytest.mark.parametrize("data", [b"\x0a\x05ab", b"\xff" * 12, b"\x0b\x01", b"\x00\x01"])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(protowire.NoMessage):
        list(protowire.pieces(data))


def test_packed_numbers_are_many() -> None:
    assert protowire.values(Piece(1, protowire.LENGTH, b"\x01\x02\xac\x02"), "int32") == [1, 2, 300]
