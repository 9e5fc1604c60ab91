"""Compositions as the tools around Acumos write them: read as one, kept as they are, refused by field."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnace.api.authoring.asked import Asked, parsed
from pinnace.api.authoring.compositions import acumos, to_acumos
from pinnace.authoring.blueprint import judging, plan, solution
from pinnace.authoring.blueprint.solution import Unreadable
from pinnace.objects.errors import StatusError
from pinnace.runtimes import composition, spelling

ELDEST = {
    "name": "Sum and product", "version": "1.0.0", "orchestrator": {"name": "o", "image": "r/o:1"},
    "input_operation_signatures": [{"operation": "add"}],
    "nodes": [
        {"container_name": "Adder", "image": "r/adder:2", "depends_on": [
            {"name": "Product", "operation_signature": {"operation": "multiply"}},
        ]},
        {"container_name": "Product", "image": "r/product:2", "depends_on": [
            {"name": "Last", "operation_signature": "JSON of rpc show (Number) returns (Text)"},
        ]},
    ],
}


def port(container: str, operation: str) -> dict[str, Any]:
    return {"container_name": container, "operation_signature": {"operation_name": operation}}


def signature(name: str, *targets: tuple[str, str], **said: Any) -> dict[str, Any]:
    return {
        "operation_signature": {"operation_name": name, **said},
        "connected_to": [port(*target) for target in targets],
    }


def node(name: str, *operations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "container_name": name, "node_type": "MLModel", "image": f"r/{name}:1",
        "operation_signature_list": list(operations), **more,
    }


STREAMS = {
    "name": "talk", "input_ports": [], "probeIndicator": [{"value": "false"}],
    "nodes": [
        node("face", signature("ask", ("mind", "think"), input_message_stream=False), signature("show")),
        node("mind", signature("think", ("face", "show")), signature("dream", ("store", "keep"))),
        node("store", signature("keep", ("mind", "wake"))),
    ],
}
TWICE = {
    "name": "price", "version": "1", "type": "pipeline-topology/v2", "pipeline_id": "x:1",
    "nodes": [
        node("rows", signature("next", ("model", "predict"), ("model", "measure"))),
        node("model", signature("predict"), signature("measure")),
    ],
}
SIGNED = json.dumps({"messageName": "List", "messageargumentList": [
    {"name": "all", "role": "repeated", "tag": "7", "type": "Result"},
]})
JOINED = {
    "name": "joined", "input_ports": [port("first", "go")],
    "nodes": [
        node("first", signature("go", ("split", "in"))),
        node("split", signature("in", ("left", "a"), ("right", "b")), node_type="Splitter", image=None,
             splitter_map={"splitter_type": "Copy-based"}),
        node("left", signature("a", ("join", "left"))), node("right", signature("b", ("join", "right"))),
        node("join", signature("left", ("last", "end")), signature("right"), node_type="Collator",
             collator_map={"collator_type": "Array-based", "output_message_signature": SIGNED}),
        node("last", signature("end")),
    ],
}
EVERY = {"eldest": ELDEST, "streams": STREAMS, "twice": TWICE, "joined": JOINED}


@pytest.mark.parametrize("name", EVERY)
def test_every_spelling_comes_out_as_it_went_in_and_leads_back(name: str) -> None:
    document = EVERY[name]
    made = acumos(Asked(document=copy.deepcopy(document), addresses=addresses(document)))
    assert made["blueprint"] == document
    for field in ("graph", "workflow"):
        if made[field] is not None:
            assert to_acumos(Asked(document=made[field]))["blueprint"] == document
    again = solution.of(plan.write(solution.of(document)))
    read = solution.of(document)
    assert (again.links, again.entries()) == (read.links, read.entries())


def addresses(document: dict[str, Any]) -> dict[str, str]:
    found = plan.served(solution.of(document))
    return {one.id: "10.0.0.1:3330" for one in found if not one.image}


def test_the_oldest_form_names_operations_by_who_leads_to_them() -> None:
    read = solution.of(ELDEST)
    joined = [(one.source, one.operation, one.target, one.entry) for one in read.links]
    assert joined == [("Adder", "add", "Product", "multiply"), ("Product", "multiply", "Last", "show")]
    assert read.entries() == (("Adder", "add"),)
    last = read.node("Last")
    assert last is not None
    assert [(one.name, one.inputs[0].name, one.outputs[0].name) for one in last.operations] == [
        ("show", "Number", "Text")
    ]
    made = composition.read(ELDEST)
    assert (made.inputs, list(made.nodes)) == ([("Adder", "add")], ["Adder", "Product", "Last"])


def test_an_operation_that_nobody_names_is_told_and_not_deployed() -> None:
    document = copy.deepcopy(ELDEST)
    document["nodes"][0]["depends_on"][0]["operation_signature"] = "JSON representation of it"  # type: ignore[index]
    made = acumos(Asked(document=document, addresses={"Last": "h:1"}))
    words = "Adder → Product: it is not said by which operation Product is asked"
    assert words in [one["message"] for one in made["findings"]]
    assert made["refused"]["orchestrator"] == "nodes.Product: it is not said by which operation it is asked"
    assert made["blueprint"] == document


def test_nodes_may_lead_to_each_other_where_their_operations_do_not() -> None:
    made = composition.read(STREAMS)
    assert made.inputs == [("face", "ask"), ("mind", "dream")]
    found = [one.message for one in judging.judge(solution.of(STREAMS))]
    assert found[0] == "Invalid Composite Solution : Cyclic Graph is not permitted"
    order = [one.id for one in solution.ordered(solution.of(STREAMS))]
    assert sorted(order) == ["face", "mind", "store"]
    nodes = [node("a", signature("x", ("b", "y"))), node("b", signature("y", ("a", "x")))]
    with pytest.raises(composition.NoBlueprint, match="a, b lead to each other in a circle"):
        composition.read({"nodes": nodes})


def tasks_of(document: dict[str, Any]) -> dict[str, Any]:
    main = acumos(Asked(document=document))["workflow"]["spec"]["templates"][0]
    return {one["name"]: one for one in main["dag"]["tasks"]}


def test_two_operations_of_one_model_are_two_steps_of_a_workflow() -> None:
    tasks = tasks_of(TWICE)
    assert {"rows", "model-predict", "model-measure", "model-server"} <= tasks.keys()
    given = tasks["model-measure"]["arguments"]
    assert given["parameters"][0]["value"].endswith(":3330/measure")
    assert given["artifacts"][0]["from"] == "{{tasks.rows.outputs.artifacts.out}}"


def test_a_collator_puts_the_list_where_the_signature_has_it() -> None:
    given = tasks_of(JOINED)["join"]["arguments"]["parameters"][0]["value"]
    assert json.loads(given) == {"left": 7, "right": 7}


def test_streams_are_told_and_kept_out_of_what_cannot_carry_them() -> None:
    document = copy.deepcopy(TWICE)
    document["nodes"][0]["operation_signature_list"][0]["operation_signature"]["output_message_stream"] = True  # type: ignore[index]
    made = acumos(Asked(document=document))
    assert "rows.next: a stream, and containers are asked for one message at a time" in [
        one["message"] for one in made["findings"]
    ]
    assert made["refused"]["workflow"] == "next stream, and one message is carried at a time"


def test_what_leads_to_nowhere_is_told_and_travels_on() -> None:
    document = copy.deepcopy(TWICE)
    document["input_ports"] = [port("gone", "x")]  # type: ignore[assignment]
    document["nodes"][1]["operation_signature_list"][0]["connected_to"] = [port("lost", "y"), None]  # type: ignore[index]
    made = acumos(Asked(document=document))
    found = [one["message"] for one in made["findings"]]
    assert "the link model.predict → lost.y is left out: there is no node 'lost'" in found
    assert "input_ports: there is no node 'gone'" in found
    assert made["refused"]["orchestrator"] == "input_ports: there is no node 'gone'"
    assert made["blueprint"] == document


def test_camel_case_and_wrapping_are_one_with_the_rest() -> None:
    wrapped = {"name": "w", "nodes": {"version": "2", "nodes": [
        {"containerName": "a", "nodeType": "REST", "protoUri": "p",
         "operationSignatureList": [signature("x")]},
    ]}}
    read = solution.of(wrapped)
    assert (read.name, read.version, read.nodes[0].kind, read.nodes[0].proto_uri) == ("w", "2", "REST", "p")
    assert composition.read(wrapped).nodes["a"].kind == "REST"
    assert spelling.modern({"nodes": 5}) == {"nodes": 5}


def test_a_licence_before_the_document_is_no_part_of_it() -> None:
    assert parsed('/*-\n * a licence\n */\n\n{"nodes": []}') == [{"nodes": []}]
    assert parsed("a: 1 # */") == [{"a": 1}]


def test_images_and_addresses_are_given_where_a_document_has_none() -> None:
    drawn = {"cname": "two", "nodes": [
        {"nodeId": name, "requirements": [{"capability": {"id": "x", "name": [{"messageName": "M"}]}}],
         "capabilities": [{"target": {"id": "x", "name": [{"messageName": "M"}]}}], "ndata": {"px": "1"}}
        for name in ("a", "b")
    ], "relations": [{"sourceNodeId": "a", "targetNodeId": "b", "sourceNodeRequirement": "x+[]+req0",
                      "targetNodeCapability": "x+[]+cap0"}]}
    refused = acumos(Asked(document=drawn))["refused"]["orchestrator"]
    assert refused.startswith("nodes.a.image: a container needs an image")
    info = {"docker_info_list": [
        {"container_name": "b", "ip_address": "10.1.1.1", "port": 31000},
        {"container_name": "orchestrator", "ip_address": "o", "port": 1},
    ]}
    made = acumos(Asked(document=drawn, images={"a": "r/a:1"}, dockerinfo=info))
    kinds = [(one["kind"], one["metadata"]["name"]) for one in made["orchestrator"]]
    assert ("Deployment", "a") in kinds and ("Deployment", "b") not in kinds
    assert made["dockerinfo"]["docker_info_list"][1] == info["docker_info_list"][0]
    assert [(one["name"], one["operations"]) for one in made["containers"]] == [("a", ["x"]), ("b", ["x"])]
    assert to_acumos(Asked(document=made["workflow"]))["cdump"] == drawn
    with pytest.raises(StatusError, match=r"images\.c: there is no such container: a, b"):
        acumos(Asked(document=drawn, images={"c": "r/c:1"}))


@pytest.mark.parametrize(("path", "value", "words"), [
    (("nodes", 0, "operation_signature_list"), {}, "nodes[0].operation_signature_list: expected a list"),
    (("nodes", 0, "operation_signature_list", 0, "connected_to"), 7,
     "nodes[0].operation_signature_list[0].connected_to: expected a list of objects"),
    (("nodes", 0, "operation_signature_list", 0, "connected_to", 0, "container_name"), None,
     "nodes[0].operation_signature_list[0].connected_to[0].container_name: expected the name of a node"),
    (("nodes", 0, "operation_signature_list", 0, "operation_signature"), {},
     "nodes[0].operation_signature_list[0].operation_signature.operation_name: an operation needs one"),
    (("nodes", 1, "splitter_map", "map_outputs"), {}, "nodes[1].splitter_map.map_outputs: expected a list"),
    (("nodes", 4, "collator_map", "output_message_signature"), "{",
     "nodes[4].collator_map.output_message_signature: the text is no JSON"),
    (("nodes", 2, "container_name"), "first", "nodes[2].container_name: 'first' is used twice"),
    (("input_ports",), {"a": 1}, "input_ports: expected a list of objects"),
])
def test_what_is_malformed_is_named_by_its_field(path: tuple[Any, ...], value: Any, words: str) -> None:
    document = copy.deepcopy(JOINED)
    at: Any = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    with pytest.raises(Unreadable) as problem:
        solution.of(document)
    assert str(problem.value).startswith(words)


DRAWN = json.loads(json.dumps({"cname": "c", "version": "1", "nodes": [
    {"nodeId": "a", "name": "a", "type": {"name": "Splitter"}, "properties": [JOINED["nodes"][1]],  # type: ignore[index]
     "requirements": [{"capability": {"id": "x", "name": [{"messageName": "M", "messageargumentList": [
         {"name": "f", "role": "repeated", "tag": "1", "type": "N", "complexType": {
             "messageName": "N", "messageargumentList": [{"name": "g", "tag": "1.1", "type": "int32"}]}},
     ]}]}}]},
    {"nodeId": "b", "capabilities": [{"target": {"id": "x", "name": []}}]},
], "relations": [{"sourceNodeId": "a", "sourceNodeRequirement": "x+[]+req0", "targetNodeId": "b",
                  "targetNodeCapability": "x+[]+cap0"}]}))


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, one in inner for place in places(one, (*at, key)))]


STRANGE: list[Any] = [None, 0, -1, True, "", "x", "{", [], [None], [1], {}, {"a": []}]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_stands_where_something_else_should_is_refused_in_words(data: st.DataObject) -> None:
    document = copy.deepcopy(data.draw(st.sampled_from([*EVERY.values(), DRAWN])))
    for place in data.draw(st.lists(st.sampled_from(places(document)[1:]), min_size=1, max_size=2)):
        at: Any = document
        try:
            for step in place[:-1]:
                at = at[step]
            at[place[-1]] = data.draw(st.sampled_from(STRANGE))
        except (KeyError, IndexError, TypeError):
            continue
    try:
        made = acumos(Asked(document=document))
    except StatusError as problem:
        assert problem.code == 422
    else:
        assert made[made["format"]] == document
    try:
        composition.read(document)
    except composition.NoBlueprint as problem:
        assert str(problem)
