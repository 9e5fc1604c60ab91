"""Values judged by a schema: words, all causes at once, and the quick answer against the full one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pinnace.kinds import library
from pinnace.kinds.decoding import misfit
from pinnace.kinds.defaulting import default
from pinnace.kinds.document import duplicate_fields, duplicate_yaml_keys
from pinnace.kinds.pruning import prune, unknown_fields
from pinnace.kinds.review import review
from pinnace.kinds.schema import Node
from pinnace.kinds.soundness import clean, sound
from pinnace.kinds.validation import validate

THINGS: dict[str, Any] = {
    "type": "object", "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 8, "minLength": 2},
        "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
        "count": {"type": "integer", "minimum": 1, "maximum": 10},
        "ratio": {"type": "number", "maximum": 1, "exclusiveMaximum": True},
        "port": {"x-kubernetes-int-or-string": True},
        "when": {"type": "string", "format": "date-time"},
        "maybe": {"type": "string", "nullable": True},
        "tags": {
            "type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set", "maxItems": 2,
        },
        "ports": {
            "type": "array", "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["port", "protocol"],
            "items": {"type": "object", "required": ["port"], "properties": {
                "port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"},
            }},
        },
        "either": {
            "type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "inner": {"type": "object", "x-kubernetes-embedded-resource": True},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
NODE = Node.from_openapi(THINGS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "A"}, ['name: Invalid value: "A": name in body should be at least 2 chars long',
                         "name: Invalid value: \"A\": name in body should match '^[a-z]+$'"]),
        ({"name": "abcdefghi"}, ["name: Too long: may not be more than 8 bytes"]),
        ({"color": "green"}, ['color: Unsupported value: "green": supported values: "red", "blue"']),
        ({"count": "x"}, ['count: Invalid value: "string": count in body must be of type integer: "string"']),
        ({"count": 11}, ["count: Invalid value: 11: count in body should be less than or equal to 10"]),
        ({"count": 0}, ["count: Invalid value: 0: count in body should be greater than or equal to 1"]),
        ({"ratio": 1}, ["ratio: Invalid value: 1: ratio in body should be less than 1"]),
        ({"port": True}, ['port: Invalid value: "boolean": port in body must be of type integer,string: '
                          '"boolean"']),
        ({"when": "now"}, ['when: Invalid value: "now": when in body must be of type date-time: "now"']),
        ({"tags": ["a", "b", "a"]}, ["tags: Too many: 3: must have at most 2 items",
                                     'tags[2]: Duplicate value: "a"']),
        ({"ports": [{"port": 1}, {"port": 1, "protocol": "TCP"}]},
         ['ports[1]: Duplicate value: {"port":1,"protocol":"TCP"}']),
        ({"ports": [{}]}, ["ports[0].port: Required value"]),
        ({"either": {}}, ['<nil>: Invalid value: "": "either" must validate one and only one schema '
                          "(oneOf). Found none valid"]),
        ({"labels": {"a": 1}}, ['labels.a: Invalid value: "integer": labels.a in body must be of type '
                                'string: "integer"']),
        ({"inner": {"apiVersion": "v1", "metadata": {"name": "x"}}}, ["inner.kind: Required value"]),
        ({"count": 2.0, "maybe": None, "free": {"x": [None]}, "port": "http"}, []),
    ],
)
def test_words(change: dict[str, Any], words: list[str]) -> None:
    assert [str(one) for one in review(NODE, {"name": "ab", **change}).causes] == words


def test_unknown_fields_are_named_and_dropped() -> None:
    ports = [{"port": 1, "prot": "x"}]
    thing = {"name": "ab", "ports": ports, "zip": 1, "free": {"x": 1}, "either": {"c": 1}}
    assert unknown_fields(NODE, thing) == ["either.c", "ports[0].prot", "zip"]
    assert prune(NODE, thing) == {"name": "ab", "ports": [{"port": 1}], "free": {"x": 1}, "either": {}}
    assert thing["zip"] == 1


def test_defaults_fill_what_is_absent_or_a_null_that_may_not_be() -> None:
    filled = review(NODE, {"name": "ab", "color": None, "maybe": None, "ports": [{"port": 1}]}).obj
    assert filled == {
        "name": "ab", "color": "red", "maybe": None, "ports": [{"port": 1, "protocol": "TCP"}],
    }


JSON = some.recursive(
    some.none() | some.booleans() | some.integers(-3, 12) | some.floats(allow_nan=False, width=16)
    | some.sampled_from(["red", "ab", "x", "2024-01-01T00:00:00Z", ""]),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(
        some.sampled_from([*THINGS["properties"], "protocol", "a", "b", "zip"]), inner, max_size=4
    ),
    max_leaves=12,
)
OBJECTS = some.dictionaries(some.sampled_from([*THINGS["properties"], "zip"]), JSON, max_size=6)


@given(OBJECTS)
def test_the_quick_answer_never_lies(thing: dict[str, Any]) -> None:
    if sound(NODE)(thing):
        assert validate(NODE, thing) == []
    if clean(NODE)(thing):
        assert unknown_fields(NODE, thing) == []
        pruned = NODE.tool("pruned", lambda one: None)
        assert pruned is None or pruned(thing) == thing


@given(OBJECTS)
def test_pruned_and_defaulted_objects_stay_as_they_are(thing: dict[str, Any]) -> None:
    once = review(NODE, thing).obj
    assert unknown_fields(NODE, once) == []
    assert default(NODE, prune(NODE, once)) == once


@pytest.mark.parametrize(
    ("pod", "complaint"),
    [
        ({"spec": {"containers": "x"}},
         "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container"),
        ({"spec": {"containers": [{"name": 1}]}},
         "json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string"),
        ({"metadata": {"labels": {"a": 1}}},
         "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"),
        ({"spec": {"hostNetwork": "yes"}},
         "json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool"),
        ({"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "lots"}}}]}},
         "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
        ({"spec": {"containers": None}, "metadata": {"annotations": {"a": None}}}, None),
    ],
)
def test_built_in_kinds_answer_as_their_decoder_does(pod: dict[str, Any], complaint: str | None) -> None:
    assert misfit(library.schema("", "v1", "Pod"), pod) == complaint


def test_a_null_among_annotations_is_empty_as_in_go() -> None:
    pod = {"metadata": {"name": "a", "annotations": {"a": None}, "labels": None}}
    pruned = prune(library.schema("", "v1", "Pod"), pod)
    assert pruned == {"metadata": {"name": "a", "annotations": {"a": ""}}}


def test_custom_resources_answer_the_recorded_way() -> None:
    workflow = library.schema("argoproj.io", "v1alpha1", "Workflow")
    found = review(workflow, {"metadata": {"name": "a"}, "spec": {"suspend": "maybe", "bogusField": 1}})
    assert found.unknown == ["spec.bogusField"]
    assert str(found.causes[0]) == (
        'spec.suspend: Invalid value: "string": spec.suspend in body must be of type boolean: "string"'
    )


def test_openapi_goes_in_and_out() -> None:
    assert Node.from_openapi(NODE.to_openapi()).to_openapi() == NODE.to_openapi()
    definition = library.schema("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    spec = definition.to_openapi()["properties"]["spec"]
    assert spec["required"] == ["group", "names", "scope", "versions"]


def test_keys_that_stand_twice_are_found() -> None:
    raw = b'{"a": 1, "spec": {"x": 1, "l": [{"y": 1, "y": 2}], "x": 2}}'
    assert duplicate_fields(raw, {"a": 1, "spec": {"x": 2, "l": [{"y": 2}]}}) == ["spec.l[0].y", "spec.x"]
    assert duplicate_fields(b' {"a":1} ', {"a": 1}) == []
    assert duplicate_yaml_keys("a: 1\nb:\n  c: 1\n  c: 2\n") == ['line 4: key "c" already set in map']
