"""Names and labels, with Kubernetes' own words."""

from __future__ import annotations

import pytest

from pinnace.kinds import names


def test_a_name_in_capitals_is_told_the_rule() -> None:
    assert [str(one) for one in names.metadata_causes("workflows.argoproj.io", {"name": "Wf_Bad"})] == [
        'metadata.name: Invalid value: "Wf_Bad": a lowercase RFC 1123 subdomain must consist of lower case '
        "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. "
        "'example.com', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    ]


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (names.label, ("a", "a-1", "0"), ("", "a.b", "-a", "A", "a" * 64, "a\n")),
        (names.subdomain, ("a.b-c", "1"), ("a..b", "../x", "a_b", "a" * 254)),
        (names.label_1035, ("a1",), ("1a", "a.b")),
        (names.qualified, ("app", "a.b/C_d.e", "x" * 63), ("", "a/b/c", "/x", "A/b", "x" * 64, "-a")),
        (names.label_value, ("", "A.b_c", "1"), ("-", "a b", "a" * 64)),
        (names.config_key, ("a.b", "A_b", ".x"), ("", "..", "..x", "a/b", ".")),
        (names.segment, ("system:x", "A b"), ("..", "a/b", "a%b")),
        (names.environment_variable, ("A", "a.b-c", "1A"), ("", "a=b", "é")),
    ],
)
def test_rules(rule: names.Rule, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    assert [one for one in good if rule(one)] == []
    assert [one for one in bad if not rule(one)] == []


def test_generated_names_are_names_and_differ() -> None:
    made = {names.generated("train-") for _ in range(50)}
    assert len(made) == 50
    assert not [one for one in made if names.subdomain(one) or not one.startswith("train-")]
    assert len(names.generated("x" * 300)) == 63


def test_all_causes_of_metadata_come_at_once() -> None:
    found = names.metadata_causes("pods", {
        "name": "a", "namespace": "A", "labels": {"a b": "c", "d": "-"}, "annotations": {"/x": "y"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x"}], "finalizers": ["mine"],
    })
    assert [one.field for one in found] == [
        "metadata.namespace", "metadata.labels", "metadata.labels", "metadata.annotations",
        "metadata.ownerReferences.uid", "metadata.finalizers",
    ]
