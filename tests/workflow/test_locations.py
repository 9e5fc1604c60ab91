"""Where artifacts lie, decided without a platform."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.controllers.workflow import locations
from pinnace.controllers.workflow.locations import OWN, Depot, LocationError, Place, depot
from pinnace.kinds.argo import Spec, Template

S3 = {"endpoint": "storage.example.com", "bucket": "b", "accessKeySecret": {"name": "s", "key": "k"}}
REMOTE = Depot("s3", S3, "{{workflow.name}}/x")


def config(text: str, default: str = "") -> dict[str, Any]:
    annotations = {"workflows.argoproj.io/default-artifact-repository": default} if default else {}
    return {"metadata": {"annotations": annotations}, "data": {"mine": text}}


def asked(spec: dict[str, Any], maps: dict[tuple[str, str], Any], services: tuple[str, ...] = ()) -> Depot:
    import msgspec

    return depot(
        msgspec.convert(spec, Spec),
        "ns",
        lambda place, name: maps.get((place, name)),
        lambda _place, name: {} if name in services else None,
    )


def test_without_a_word_artifacts_lie_in_the_platforms_own_store() -> None:
    assert asked({}, {}) is OWN


def test_the_namespaces_default_is_read_with_its_key_format() -> None:
    text = (
        "archiveLogs: true\ns3: {endpoint: storage.example.com, bucket: b, keyFormat: 'a/{{workflow.name}}'}"
    )
    found = asked({}, {("ns", "artifact-repositories"): config(text, "mine")})
    assert (found.kind, found.key_format, found.archive_logs) == ("s3", "a/{{workflow.name}}", True)
    assert found.where == {"endpoint": "storage.example.com", "bucket": "b"}
    assert locations.shown_depot(found) == {
        "namespace": "ns",
        "configMap": "artifact-repositories",
        "key": "mine",
        "artifactRepository": {"s3": found.where},
    }


def test_a_reference_to_nothing_is_an_error_with_its_name() -> None:
    with pytest.raises(LocationError, match="failed to find any artifact repository"):
        asked({"artifactRepositoryRef": {"configMap": "other", "key": "k"}}, {})


def test_a_key_that_is_missing_leads_on_to_the_default() -> None:
    assert asked({}, {("ns", "artifact-repositories"): config("s3: {}")}) is OWN


def test_the_controllers_own_configuration_counts_last() -> None:
    maps = {("argo", "workflow-controller-configmap"): {"data": {"artifactRepository": "gcs: {bucket: g}"}}}
    assert asked({}, maps).kind == "gcs"


@pytest.mark.parametrize("endpoint", ["minio:9000", "minio.argo:9000", "minio.argo.svc.cluster.local:9000"])
def test_a_service_that_is_not_here_is_stood_in_for(endpoint: str) -> None:
    text = f"s3: {{endpoint: '{endpoint}', bucket: b}}"
    maps = {("ns", "artifact-repositories"): config(text, "mine")}
    assert asked({}, maps).kind == ""
    assert "stands in" in asked({}, maps).note
    assert asked({}, maps, ("minio",)).kind == "s3"


@pytest.mark.parametrize("endpoint", ["localhost:9000", "127.0.0.1:9000", "s3.amazonaws.com", "example.com"])
def test_other_endpoints_are_taken_at_their_word(endpoint: str) -> None:
    text = f"s3: {{endpoint: '{endpoint}', bucket: b}}"
    assert asked({}, {("ns", "artifact-repositories"): config(text, "mine")}).kind == "s3"


@pytest.mark.parametrize(
    ("artifact", "place"),
    [
        ({"raw": {"data": "x"}}, None),
        ({"s3": {"key": "k"}}, None),
        ({"s3": {"bucket": "only", "key": "k"}}, None),
        ({"gcs": {"key": "k"}}, None),
        ({"s3": {**S3, "key": "k"}}, Place("s3", {**S3, "key": "k"})),
        ({"http": {"url": "u"}}, Place("http", {"url": "u"})),
        ({"git": {"repo": "r"}}, Place("git", {"repo": "r"})),
        ({"hdfs": {"addresses": ["a"], "path": "p"}}, Place("hdfs", {"addresses": ["a"], "path": "p"})),
    ],
)
def test_places(artifact: dict[str, Any], place: Place | None) -> None:
    assert locations.place_of(artifact, OWN) == place


def test_a_key_alone_lies_in_the_default_repository() -> None:
    assert locations.place_of({"s3": {"key": "k"}}, REMOTE) == Place("s3", {**S3, "key": "k"})
    assert locations.own_key({"s3": {"key": "k"}}, REMOTE) == ""
    assert locations.own_key({"s3": {"key": "k"}}, OWN) == "k"
    assert locations.own_key({"azure": {"blob": "k"}}, OWN) == "k"


def test_outputs_have_their_archives_endings() -> None:
    template = Template(name="t")
    assert locations.target({"name": "a"}, REMOTE, template, "p") == {"s3": {"key": "p/a.tgz"}}
    assert locations.target({"name": "a", "archive": {"none": {}}}, REMOTE, template, "p") == {
        "s3": {"key": "p/a"}
    }
    assert locations.target({"name": "a", "archive": {"zip": {}}}, REMOTE, template, "p") == {
        "s3": {"key": "p/a.zip"}
    }
    assert locations.target({"name": "a"}, OWN, template, "p") == {"s3": {"key": "p/a"}}
    own = Template(name="t", archive_location={"s3": {**S3, "key": "mine"}})
    assert locations.target({"name": "a"}, OWN, own, "p")["s3"]["key"] == "mine/a.tgz"


def test_who_says_that_logs_are_kept() -> None:
    def keeps(repository: bool, spec: bool | None, template: bool | None) -> bool:
        place = None if template is None else {"archiveLogs": template}
        depot = Depot(archive_logs=repository)
        return locations.keeps_logs(depot, Spec(archive_logs=spec), Template(archive_location=place))

    assert keeps(True, False, False)
    assert keeps(False, True, None)
    assert keeps(False, False, True)
    assert not keeps(False, True, False)
    assert not keeps(False, None, None)
