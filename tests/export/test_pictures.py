"""Which images a bundle needs built: one a combination of image, packages and source folders."""

from __future__ import annotations

from typing import Any

from pinnace.authoring.environments import parse
from pinnace.authoring.export.bundle import BASE, Bundle, names, plain
from pinnace.cli.export.pictures import Picture, pictures

RULES = parse(
    "environments:\n- {image: 'python', python: tag}\n- {image: 'alpine'}\n- {image: 'far/*', pull: true}\n"
)
SOURCE = [{"name": "src", "hostPath": {"path": "/src/me/src"}}]
MOUNT = [{"name": "src", "mountPath": "/src", "readOnly": True}]
PIP = '\nPIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet \'pandas==2\' && "$0" "$@"\n'


def workflow(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    templates = [{"name": f"t{n}", "container": one} for n, one in enumerate(containers)]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "w"},
        "spec": {"templates": templates, **spec},
    }


def of(obj: dict[str, Any], *keep: str) -> list[Picture]:
    bundle = Bundle("w", "a workflow")
    bundle.add(BASE, obj)
    return list(pictures(bundle, RULES, keep))


def test_one_image_for_all_who_use_it_and_none_where_no_environment_stands() -> None:
    obj = workflow(
        {"image": "python:3.11", "command": ["python3"]},
        {"image": "python:3.11", "command": ["pytest"]},
        {"image": "far/away:1"},
        {"image": "unknown:1"},
        {"image": "{{inputs.parameters.image}}"},
        {"image": "alpine:3.20", "command": ["sh"]},
    )
    assert [(one.image, one.programs) for one in of(obj)] == [
        ("python:3.11", ["python3", "pytest"]),
        ("alpine:3.20", ["sh"]),
    ]
    assert [one.image for one in of(obj, "alpine*")] == ["python:3.11"]


def test_source_folders_that_are_only_read_go_into_an_image_of_their_own() -> None:
    obj = workflow({"image": "python:3.11", "volumeMounts": MOUNT}, {"image": "python:3.11"}, volumes=SOURCE)
    foreign = workflow({"image": "unknown:1", "volumeMounts": MOUNT}, volumes=SOURCE)
    with_source, without = of(obj)
    assert of(foreign) == [] and foreign["spec"]["volumes"] == SOURCE, "another's image keeps its mount"
    assert [(folder.source, folder.place) for folder in with_source.folders] == [("/src/me/src", "/src")]
    assert without.folders == [] and "volumes" not in obj["spec"]
    assert obj["spec"]["templates"][0]["container"] == {"image": with_source.key}
    assert [plain(name) for name in (with_source.key, without.key)] == ["python:3.11", "python:3.11"]
    assert sorted(names([with_source.key, without.key]).values()) == ["python-3-11", "python-3-11-2"]


def test_what_a_component_would_install_is_in_its_image() -> None:
    obj = workflow({"image": "python:3.11", "command": ["sh", "-c", PIP, "sh", "-ec", "python3 main.py"]})
    (picture,) = of(obj)
    assert picture.groups == [["pandas==2"]]
    assert obj["spec"]["templates"][0]["container"]["command"] == ["sh", "-ec", "python3 main.py"]


def test_a_manifest_inside_a_step_counts_too() -> None:
    step = {"action": "create", "manifest": "kind: Pod\nspec:\n  containers: [{image: 'python:3.11'}]\n"}
    obj = workflow()
    obj["spec"]["templates"] = [{"name": "a", "resource": step}]
    assert [one.key for one in of(obj)] == ["python:3.11"]
