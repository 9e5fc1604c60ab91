"""Blueprint and CDUMP in and out without loss, their ports compared, and Acumos' validation in its words."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from pinnace.authoring.blueprint import cdump, judging, plan, proto, signature, solution
from pinnace.authoring.blueprint.solution import Field, Message, Unreadable

CORPUS = "corpus/acumos"
PROTO = """
syntax = "proto3"; // a comment
package a.b;
import "google/protobuf/empty.proto";
option java_package = "x;y";
/* a longer
   one */
message Frame {
  reserved 4, 9 to 11;
  enum Kind { option allow_alias = true; NONE = 0; SOME = 1; }
  message Row { repeated double values = 1 [packed = true]; Kind kind = 2; Row inside = 3; }
  repeated Row rows = 1;
  map<string, int32> counts = 2;
  oneof either { string text = 3; bytes raw = 5; }
  optional a.b.Frame.Row last = 6;
}
message Scores { repeated float score = 1; }
service Model {
  option deprecated = false;
  rpc predict (Frame) returns (Scores);
  rpc live (stream .a.b.Frame) returns (stream Scores) { option x = { a: 1 }; }
}
"""


def documents(shared: Path) -> dict[str, dict[str, Any]]:
    files = [*(shared / CORPUS).rglob("*cdump*.json"), *(shared / CORPUS).rglob("blueprint.json")]
    return {f"{file.parent.parent.name}/{file.name}": json.loads(file.read_text()) for file in files}


def test_upstreams_documents_come_out_as_they_went_in(shared: Path) -> None:
    found = documents(shared)
    assert len(found) == 4
    for name, document in found.items():
        write = cdump.write if solution.form(document) == "cdump" else plan.write
        assert write(solution.of(document), document) == document, name


def test_keys_that_nobody_knows_travel_on_with_an_edit(shared: Path) -> None:
    document = next(one for name, one in documents(shared).items() if "222" in name)
    document |= {"ours": {"deep": [1]}}
    document["nodes"][0]["colour"] = "red"
    read = solution.of(document)
    moved = solution.Solution("other", read.version, read.nodes[:1], (), (), True)
    made = cdump.write(moved, document)
    kept = (made["ours"], made["nodes"][0]["colour"], made["probeIndicator"])
    assert kept == ({"deep": [1]}, "red", "true")
    assert (len(made["nodes"]), made["relations"]) == (1, [])


def test_repeated_relations_and_those_to_nowhere_are_one_or_none(shared: Path) -> None:
    document = next(one for name, one in documents(shared).items() if "333" in name)
    assert len(document["relations"]) == 30
    links = [(one.source, one.operation, one.target) for one in solution.of(document).links]
    assert links == [("ZIPDataBroker1", "mapData", "CPM21"), ("ZIPDataBroker1", "Req2", "CPM21")]


def test_each_becomes_the_other_and_means_the_same(shared: Path) -> None:
    for name, document in documents(shared).items():
        read = solution.of(document)
        if "333" in name:  # one of its links leaves by a port that there is not
            continue
        for made in (plan.write(read), cdump.write(read)):
            again = solution.of(made)
            joined = [[(x.source, x.operation, x.target, x.entry) for x in s.links] for s in (read, again)]
            assert joined[0] == joined[1], name
            assert again.entries() == read.entries()
            assert [node.kind for node in again.nodes] == [node.kind for node in read.nodes]


def test_wrapped_blueprints_and_other_spellings_are_read() -> None:
    inner = {
        "nodes": [{"containerName": "a", "nodeType": "MLModel", "operationSignatureLists": [
            {"operation_signature": {"operation_name": "x", "input_message_stream": True}, "connected_to": []}
        ]}],
        "input_ports": [],
    }
    read = solution.of({"name": "wrapped", "nodes": inner})
    assert (read.name, read.nodes[0].operations[0].input_stream) == ("wrapped", True)
    assert read.entries() == (("a", "x"),)


def test_dockerinfo_keeps_what_it_said_and_how(shared: Path) -> None:
    file = shared / CORPUS / "generic-serial-orchestrator/orchestrator_client/dockerinfo.json"
    document = json.loads(file.read_text())
    assert plan.dockerinfo(plan.addresses(document), document) == document
    document["docker_info_list"][0] |= {"port": 80, "zone": "x"}
    made = plan.dockerinfo({"csvdatabroker1": "10.0.0.1:8061"}, document)
    first = {"container_name": "csvdatabroker1", "ip_address": "10.0.0.1", "port": 8061, "zone": "x"}
    assert made["docker_info_list"][0] == first
    assert len(made["docker_info_list"]) == 3


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "expected a JSON object"), ({"nodes": []}, "nodes: neither"),
        ({"cname": "x", "nodes": 1}, "nodes: "),
        ({"cname": "x", "nodes": [{}]}, "nodes[0].nodeId"),
        ({"input_ports": [], "nodes": [{"container_name": 5}]}, "nodes[0].container_name"),
        ({"cname": "x", "relations": [{"sourceNodeId": "a"}]}, "relations[0].targetNodeId"),
    ],
)
def test_what_is_neither_is_refused_by_its_field(document: Any, field: str) -> None:
    with pytest.raises(Unreadable) as problem:
        solution.of(document)
    assert str(problem.value).startswith(field)


# ---- ports -------------------------------------------------------------------------------------


def test_a_proto_is_read_with_all_that_it_may_say() -> None:
    found = proto.parse(PROTO)
    assert (found.package, found.imports) == ("a.b", ["google/protobuf/empty.proto"])
    first, live = found.operations()
    assert (live.input_stream, live.output_stream, live.inputs[0].name) == (True, True, "Frame")
    fields = {one.name: one for one in first.inputs[0].fields or ()}
    assert [(one.tag, one.type, one.role) for one in fields.values()] == [
        ("1", "Row", "repeated"), ("2", "CountsEntry", "repeated"), ("3", "string", ""), ("5", "bytes", ""),
        ("6", "Row", ""),
    ]
    rows = fields["rows"].message or ()
    assert [(one.tag, one.type) for one in rows] == [("1.1", "double"), ("1.2", "enum"), ("1.3", "^")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('syntax = "proto2";', "line 1: syntax proto2"), ("message A {", "the file ends"),
        ("message A {\n  string a = x;\n}", "line 2: 'x' is no tag"), ("§", "line 1: '§'"),
        ("thing A {}", "line 1: 'thing'"), ("message A {" * 40, "nested deeper"),
    ],
)
def test_what_is_no_proto3_is_told_with_its_line(text: str, words: str) -> None:
    with pytest.raises(proto.ProtoError, match=words):
        proto.parse(text)


def test_upstreams_protos_match_as_its_guide_says(shared: Path) -> None:
    folder = shared / CORPUS / "design-studio/TOSCAGeneratorClient"
    predictor, classifier = (proto.parse((folder / f"{name}-proto.proto").read_text()) for name in
                             ("predictor", "classifier"))
    calls = {one.name: one for one in (*predictor.operations(), *classifier.operations())}
    assert signature.fit(calls["transform"].inputs, calls["doClassification"].inputs) == ""
    why = signature.fit(calls["predict"].outputs, calls["classify"].inputs)
    said = "tag 2 is int64 on the one side, string on the other"
    assert why == f"Prediction does not fit Prediction_mapped: {said}"


def made(*fields: tuple[str, str, str], name: str = "M") -> tuple[Message, ...]:
    return (Message(name, tuple(Field(f"f{tag}", tag, kind, role) for tag, kind, role in fields)),)


@pytest.mark.parametrize(
    ("output", "given", "fits"),
    [
        (made(("1", "int64", "")), made(("1", "int64", ""), name="Other"), True),
        (made(("1", "int64", ""), ("2", "string", "")), made(("2", "string", ""), ("1", "int64", "")), True),
        (made(("1", "int64", "")), made(("1", "int64", "repeated")), False),
        (made(("1", "int64", "")), made(("1", "int32", "")), False),
        (made(("1", "int64", "")), made(("2", "int64", "")), False),
        (made(("1", "int64", "")), made(("1", "int64", ""), ("2", "bool", "")), False),
        ((Message("ANY"),), made(("1", "int64", "")), True),
        (made(("1", "int64", "")) * 2, made(("1", "int64", "")), False),
        ((Message("A"),), (Message("A"),), True), ((Message("A"),), (Message("B"),), False),
    ],
)
def test_ports_fit_by_their_form(output: Any, given: Any, fits: bool) -> None:
    assert (signature.fit(output, given) == "") is fits


def test_a_message_that_contains_itself_is_compared() -> None:
    text = "message A { A next = 1; int32 x = 2; }"
    one = proto.parse(text).message("A")
    assert signature.fit((one,), (proto.parse(text.replace("A", "B")).message("B"),)) == ""


def test_messages_that_double_with_each_nesting_are_refused() -> None:
    levels = [f"message M{n} {{ M{n + 1} a = 1; M{n + 1} b = 2; }}" for n in range(40)]
    with pytest.raises(proto.ProtoError, match="M0 has more than 5000 fields or 24 levels"):
        proto.parse("\n".join([*levels, "message M40 { int32 x = 1; }"])).message("M0")


# ---- validation --------------------------------------------------------------------------------


def drawing(kinds: dict[str, str], links: list[str]) -> solution.Solution:
    """`a>b` joins the operation `op` of both."""
    nodes = tuple(solution.Node(name, name, kind) for name, kind in kinds.items())
    joined = tuple(solution.Link(*(x for side in link.split(">") for x in (side, "op"))) for link in links)
    return solution.Solution("s", "1", nodes, joined)


M, S, C = "MLModel", "Splitter", "Collator"


@pytest.mark.parametrize(
    ("kinds", "links", "said"),
    [
        ({"a": M, "b": M}, ["a>b"], None),
        ({"a": M}, [], None),
        ({"a": S}, [], '"a" should be ML Model only'),
        ({"a": M, "b": M}, [], "Composite Solution should contain at least two models to connect"),
        ({"a": M, "b": M, "c": M}, ["a>b"], "[c] are isolated nodes"),
        ({"a": M, "b": M}, ["a>b", "b>a"], "Cyclic Graph is not permitted"),
        ({"a": M, "b": M, "c": M, "d": M}, ["a>b", "c>d"], "Nodes [a, c] are not connected"),
        ({"a": M, "b": M, "c": M}, ["a>b", "a>c"], "Nodes [b, c] are not connected"),
        ({"a": M, "b": "DataBroker", "c": M}, ["a>b", "b>c"], 'DataBroker "b" should be the first Node'),
        ({"a": "DataBroker", "b": M}, ["a>b"], 'DataBroker "a" Mapping Details should not be empty'),
        ({"a": "DataMapper", "b": M}, ["a>b"], 'DataMapper "a" should not be the first Node'),
        ({"a": M, "b": "DataMapper"}, ["a>b"], 'DataMapper "b" should not be the Last Node'),
        ({"a": M, "s": S, "x": M, "y": M, "c": C, "z": M},
         ["a>s", "s>x", "s>y", "x>c", "y>c", "c>z"], None),
        ({"a": M, "s": S, "c": C, "z": M}, ["a>s", "s>c", "c>z"],
         'Splitter "s" should not be connected to DS tool : "c"'),
    ],
)
def test_a_composition_is_judged_as_acumos_does(
    kinds: dict[str, str], links: list[str], said: str | None
) -> None:
    found = [one.message for one in judging.judge(drawing(kinds, links))]
    assert found[:1] == ([f"Invalid Composite Solution : {said}"] if said else [])


def test_a_node_is_left_by_the_operation_that_it_was_entered_by() -> None:
    drawn = drawing({"a": M, "b": M, "c": M}, ["a>b", "b>c"])
    wrong = solution.Link("b", "other", "c", "op")
    found = judging.judge(solution.Solution("s", "1", drawn.nodes, (drawn.links[0], wrong)))
    assert found[0].message == 'Invalid Composite Solution : Incorrect ports are connected to MLModel "b"'


def test_links_whose_ports_do_not_fit_are_told(shared: Path) -> None:
    document = copy.deepcopy(next(one for name, one in documents(shared).items() if "222" in name))
    target = document["nodes"][1]["capabilities"][0]["target"]["name"][0]
    target["messageargumentList"][0]["type"] = "int64"
    found = judging.judge(solution.of(document))
    assert [one.message for one in found] == [
        "Aggregator1.aggregate → Predictor-R1.predict: AggregateData does not fit AggregateData: "
        "tag 1 is string on the one side, int64 on the other"
    ]
    matching = judging.matching(solution.of(document), "Aggregator1", "aggregate")
    assert ("Predictor-R1", "predict") not in matching
