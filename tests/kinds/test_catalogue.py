"""What is served: the kinds that ship, and those of users' definitions."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from pinnace.kinds import library
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.crd import accept, definition_causes
from pinnace.kinds.review import review

WIDGETS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com", "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
        "versions": [
            {"name": "v1beta1", "served": True, "storage": False,
             "schema": {"openAPIV3Schema": {"type": "object"}}},
            {"name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
             "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
             "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                 "spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 1}}},
             }}}},
        ],
    },
}

INSIDE = "spec.versions.1.schema.openAPIV3Schema.properties"


def test_the_shipped_kinds_are_found_by_every_name() -> None:
    catalogue = Catalogue.builtin()
    workflow = catalogue.resolve("argoproj.io", "v1alpha1", "workflows")
    assert workflow is catalogue.kind("argoproj.io/v1alpha1", "Workflow")
    assert workflow is catalogue.key("workflows.argoproj.io")
    assert workflow is not None
    assert workflow.short_names == ("wf",)
    assert workflow.custom
    assert "status" not in workflow.subresources
    assert [one.name for one in workflow.columns] == ["Status", "Age", "Message"]
    service = catalogue.key("inferenceservices.serving.kserve.io")
    assert service is not None
    assert [one.name for one in service.columns] == [
        "URL", "Ready", "Prev", "Latest", "PrevRolledoutRevision", "LatestReadyRevision", "Age",
    ]
    assert catalogue.resolve("", "v1", "nothings") is None
    assert catalogue.nearest("worklfow") == "workflow"
    assert catalogue.groups()["serving.kserve.io"] == ["v1beta1", "v1alpha1", "v1alpha2"]


def test_argos_eight_kinds_are_served() -> None:
    found = [one.plural for one in Catalogue.builtin().resources() if one.group == "argoproj.io"]
    assert sorted(found) == [
        "clusterworkflowtemplates", "cronworkflows", "workflowartifactgctasks", "workfloweventbindings",
        "workflows", "workflowtaskresults", "workflowtasksets", "workflowtemplates",
    ]


def test_every_served_kind_has_a_schema_with_metadata() -> None:
    catalogue = Catalogue.builtin()
    for resource in catalogue.resources():
        metadata = catalogue.schema(resource).at("metadata")
        assert metadata is not None, resource.key
        assert metadata.go == "v1.ObjectMeta"


def test_one_node_serves_all_kinds_that_share_a_subtree() -> None:
    pod = library.schema("", "v1", "Pod").at("spec")
    job = library.schema("batch", "v1", "Job").at("spec")
    assert job is not None
    template = job.at("template")
    assert template is not None
    assert template.at("spec") is pod


def test_a_definition_is_served_and_forgotten() -> None:
    catalogue = Catalogue.builtin()
    new, old = catalogue.install(WIDGETS)
    assert (new.version, old.version) == ("v1", "v1beta1")
    assert catalogue.groups()["example.com"] == ["v1", "v1beta1"]
    assert new.subresources == {"status"}
    assert [one.name for one in old.columns] == ["Age"]
    judged = review(catalogue.schema(new), {"metadata": {"name": "a"}, "spec": {"sise": 2}})
    assert judged.unknown == ["spec.sise"]
    assert judged.obj["spec"] == {"size": 1}
    changed = copy.deepcopy(WIDGETS)
    changed["spec"]["versions"].pop(0)
    catalogue.install(changed)
    assert catalogue.groups()["example.com"] == ["v1"]
    catalogue.remove(changed)
    assert "example.com" not in catalogue.groups()
    assert catalogue.kind("example.com/v1", "Widget") is None


def test_a_definition_may_ask_more_of_names() -> None:
    definition = copy.deepcopy(WIDGETS)
    schema = definition["spec"]["versions"][1]["schema"]["openAPIV3Schema"]
    schema["properties"]["metadata"] = {"type": "object", "properties": {"name": {
        "type": "string", "maxLength": 3,
    }}}
    catalogue = Catalogue.builtin()
    node = catalogue.schema(catalogue.install(definition)[0])
    metadata = {"name": "abcd", "labels": {"a": "b"}}
    assert [str(one) for one in review(node, {"metadata": metadata}).causes] == [
        "metadata.name: Too long: may not be more than 3 bytes"
    ]
    assert review(node, {"metadata": {**metadata, "name": "abc"}}).causes == []


def test_a_definition_of_a_kind_that_ships_changes_nothing() -> None:
    catalogue = Catalogue.builtin()
    definition = {"metadata": {"name": "workflows.argoproj.io"}, "spec": {"group": "argoproj.io"}}
    assert catalogue.install(definition) == []
    catalogue.remove(definition)
    assert catalogue.key("workflows.argoproj.io") is not None


def test_an_accepted_definition_knows_its_names() -> None:
    conditions, names, stored = accept(WIDGETS, "2026-01-01T00:00:00Z")
    held = {one["type"] for one in conditions if one["status"] == "True"}
    assert held == {"NamesAccepted", "Established"}
    assert names["singular"] == "widget"
    assert names["listKind"] == "WidgetList"
    assert stored == ["v1"]


def test_the_definition_itself_passes() -> None:
    catalogue = Catalogue.builtin()
    resource = catalogue.key("customresourcedefinitions.apiextensions.k8s.io")
    assert resource is not None
    judged = review(catalogue.schema(resource), WIDGETS)
    assert (judged.misfit, judged.unknown, judged.causes) == (None, [], [])
    assert definition_causes(WIDGETS) == []


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("metadata.name", "x.example.com", 'must be spec.names.plural+"."+spec.group'),
        ("spec.group", "example", "should be a domain with at least one dot"),
        ("spec.scope", "Universe", 'Unsupported value: "Universe": supported values: "Cluster", "Namesp'),
        ("spec.names.kind", "Wid get", "may have mixed case"),
        ("spec.versions.1.storage", False, "exactly one version marked as storage"),
        ("spec.versions.1.name", "v1beta1", "unique version names"),
        ("spec.versions.1.schema", {}, "schemas are required"),
        ("spec.versions.1.schema.openAPIV3Schema", {"properties": {}}, "must be object at the root"),
        (f"{INSIDE}.spec", {"properties": {}}, "must not be empty"),
        (f"{INSIDE}.spec", {"type": "array"}, "items: Required value"),
        (f"{INSIDE}.spec", {"type": "string", "pattern": "("}, "valid regular expression"),
    ],
)
def test_what_is_wrong_with_a_definition_is_named(path: str, value: Any, words: str) -> None:
    definition = copy.deepcopy(WIDGETS)
    holder: Any = definition
    *way, last = path.split(".")
    for part in way:
        holder = holder[int(part)] if part.isdigit() else holder[part]
    holder[last] = value
    assert any(words in str(one) for one in definition_causes(definition)), definition_causes(definition)


@pytest.mark.slow
def test_the_committed_data_is_what_the_sources_compile_to(shared: Path, tmp_path: Path) -> None:
    from scripts.compile_schemas import compile_all

    compile_all(shared, tmp_path)
    compiled = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    committed = {one.name: one.read_bytes() for one in library.DATA.iterdir()}
    assert compiled.keys() == committed.keys()
    assert [name for name in compiled if compiled[name] != committed[name]] == []
    assert sum(map(len, committed.values())) < 1_500_000


def test_the_data_holds_facts_only() -> None:
    for path in library.DATA.glob("*.jsonl"):
        for line in path.read_text().splitlines()[1:]:
            assert not json.loads(line).keys() & {"description", "rules", "checks"}, path.name
