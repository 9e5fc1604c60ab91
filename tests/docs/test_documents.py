"""What README and docs say is so: commands run, links lead somewhere, names exist, nothing of one machine."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from cyclopts import App

from pinnace.authoring import environments
from pinnace.cli.app import app
from pinnace.kinds.catalogue import Catalogue
from scripts.reference import reference
from tests.conftest import ROOT
from tests.e2e.platform import Platform

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.M | re.S)
TEXTS = (".md", ".py", ".toml", ".lock", ".yaml", ".json", ".ts", ".tsx")
SHELL = ("", "sh", "bash", "shell", "console")
PROGRAMS = ("make", "pip", "pinnace", "kubectl", "uv", "npm", "scripts/")

NOT_RUN = {
    "make demo": "takes two minutes and sets the machine up; tests/e2e/test_demo.py runs what it runs",
    "make test": "would run this very test",
    "make lint": "CI runs it beside the tests",
    "make bench": "needs the machine for itself for minutes",
    "make docs": "writes docs/cli.md, which test_the_reference_is_up_to_date compares",
    "pip install pinnace": "tests/e2e/test_wheel.py installs the wheel into a fresh environment",
    "pinnace up -d": "the fixture has run it, with free ports",
    "pinnace down": "the fixture runs it at the end",
    "pinnace run examples/kfp-mnist/pipeline.py": "needs the SDK: tests/pipelines/test_mnist.py runs it",
    "pinnace run pipeline.yaml -p images=500": "the reader's file",
    "pinnace run training.py": "the reader's file: tests/hera/test_hera.py runs one",
    "pinnace console --context NAME": "serves until Ctrl-C: tests/console/test_context.py uses it",
    "pinnace convert blueprint.json": "the reader's file: tests/cli/test_converting.py converts one",
    "pinnace convert acumos-cdump.json": "the same",
    "pinnace convert components.py": "the same",
    "pinnace COMMAND": "a synopsis of the reference",
    "pinnace export run/digits": "tests/export/test_cluster.py exports it and runs it elsewhere",
    "pinnace check digits": "tests/export/test_cluster.py checks that bundle",
    "kubectl apply -k digits/overlays/dev": "tests/export/test_cluster.py applies it in another home",
    "pinnace models digits": "tests/lineage/test_digits.py asks it after a training",
    "pinnace lineage digits": "the same",
    "pinnace lineage endpoint/digits": "the same",
    "pinnace lineage 463a204dc322": "the same, with its own digest",
    "pinnace rerun workflow/digits": "the same",
    "kubectl apply -k examples/digits-transformer": "tests/serving/test_example.py runs it to the end",
    "kubectl apply -k examples/custom-model": "the same",
    "pinnace run workflows/train.yaml": "the reader's file, on another machine",
    "pinnace run flow.yaml": "the reader's file: tests/cli/test_watching.py runs one under watch",
    "pinnace debug train-x7k2p": "the reader's run: tests/cli/test_debug.py enters one",
    "pinnace debug train-x7k2p/fit": "the same",
    "pinnace debug flow-x7k2p": "the same",
    "pinnace debug flow-x7k2p/train": "the same",
    "pip download": "fetches; tests/cli/test_prefetch.py builds from a wheelhouse",
    "kubectl apply -f examples/notebook.yaml": "tests/notebook/test_lab.py runs it to the end",
    "pinnace notebook open lab": "the same",
    "kubectl apply -f examples/tensorboard.yaml": "the same",
    "pinnace tensorboard open board": "the same, under another name",
    "kubectl port-forward --namespace istio-system": "tests/serving/test_first.py asks through it",
}


def blocks(languages: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    for document in DOCUMENTS:
        for language, body in FENCE.findall(document.read_text()):
            if language.strip() in languages:
                yield document, body


def commands() -> list[str]:
    """Command lines of shell blocks; comments at their ends are for the reader."""
    found = []
    for document, body in blocks(SHELL):
        if document.name == "cli.md" or "│" in body:  # the reference, and the one picture
            continue
        for line in body.splitlines():
            words = re.sub(r"\s+#.*", "", line).strip().removeprefix("$ ")
            if words.startswith(PROGRAMS):
                found.append(words)
    return list(dict.fromkeys(found))


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    instance = Platform(tmp_path_factory.mktemp("docs") / "home")
    try:
        yield instance.up()
    finally:
        instance.down()


@pytest.mark.parametrize("command", commands())
def test_a_command_does_what_it_says(command: str, request: pytest.FixtureRequest) -> None:
    if any(f"{command} ".startswith(f"{listed} ") for listed in NOT_RUN):
        return
    words = shlex.split(command)
    assert words[0] == "pinnace", f"{command!r}: run it in a test, or give a reason in NOT_RUN"
    platform: Platform = request.getfixturevalue("platform")
    words = [str(ROOT / w) if w.startswith("examples/") else w for w in words[1:]]
    assert platform.command(*words).returncode == 0


def test_the_reference_is_up_to_date() -> None:
    assert (ROOT / "docs" / "cli.md").read_text() == reference(), "run `make docs`"


def spelled(command: App, words: tuple[str, ...] = ()) -> dict[str, set[str]]:
    """Every command → its flags."""
    flags = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", reference_of(words)))
    found = {" ".join(words): flags}
    for name in command:
        if not name.startswith("-"):
            found |= spelled(command[name], (*words, name))
    return found


@cache
def spelled_out() -> str:
    """The whole reference, which takes seconds to make: once, and not for each command."""
    return reference()


def reference_of(words: tuple[str, ...]) -> str:
    title = re.escape(" ".join(("pinnace", *words)))
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#+ |\Z)", spelled_out(), re.M | re.S)
    return found.group(1) if found else ""


def test_every_command_and_flag_that_is_named_exists() -> None:
    known = spelled(app)
    everything = "\n".join(d.read_text() for d in DOCUMENTS)
    for line in re.findall(r"`(pinnace [^`\n]*)`", everything):
        words = [w for w in line.split()[1:] if not w.startswith("…")]
        name = next((n for n in (" ".join(words[:2]), " ".join(words[:1])) if n in known), None)
        if name is None:
            known_word = words and words[0] in ("supervisor", "control", "node", "gateway")
            assert known_word or not re.match(r"[a-z]", (words or [""])[0]), f"`{line}`: no such command"
            continue
        if name == "kubectl":
            continue
        for flag in (w.partition("=")[0] for w in words if w.startswith("--")):
            assert flag in known[name] | {"--help", "--version"}, f"`{line}`: {name} has no {flag}"


def test_every_kind_of_the_conformance_table_exists() -> None:
    kinds = {r.kind for r in Catalogue.builtin().resources()}
    table = (ROOT / "README.md").read_text().partition("| kind | how far |")[2].partition("\n\n")[0]
    short = {"HPA": "HorizontalPodAutoscaler"}
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| ") and "---" not in row]
    named = [n.strip() for row in rows for n in row.split(",")]
    assert len(named) > 15
    for name in named:
        if re.fullmatch(r"[A-Z]\w+", name) and name != "RBAC":
            assert short.get(name, name) in kinds, name


def test_manifests_in_the_docs_are_valid_yaml_and_their_kinds_are_known() -> None:
    kinds = {r.kind for r in Catalogue.builtin().resources()}
    for document, body in blocks(("yaml",)):
        for item in yaml.safe_load_all(body):
            if "kind" in item:
                assert item["kind"] in kinds, f"{document.name}: {item['kind']}"


def test_the_rules_in_the_docs_can_be_read() -> None:
    found = [environments.combined(body) for _, body in blocks(("yaml environments",))]
    assert found
    for rules in found:
        assert len(rules.rules) > len(environments.shipped().rules)
    assert any(rules.match("registry.example/team/trainer:2") is rules.rules[0] for rules in found)


def test_the_shipped_images_in_the_docs_have_rules() -> None:
    text = (ROOT / "docs" / "environments.md").read_text().partition("## What is shipped")[2]
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    images = [name.replace("VERSION", "3.11") for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert "docker/whalesay" in images
    for image in images:
        assert environments.shipped().match(image), image


def test_the_fields_of_a_rule_are_all_documented() -> None:
    text = (ROOT / "docs" / "environments.md").read_text()
    known = (*environments.Environment.__struct_fields__, *environments.Source.__struct_fields__)
    for field in known:
        if field != "packages":  # ours alone: it names packages of this very wheel
            assert re.search(rf"`{field}\b", text), field


def test_links_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
            if not re.match(r"https?:|#", target):
                assert (document.parent / target.partition("#")[0]).exists(), f"{document.name}: {target}"


def test_nothing_names_one_machine_or_a_registry() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode != 0:
        pytest.skip("not a git checkout: there is no list of files to look through")
    inside_images = r"(?!(?:user|mpiuser|jovyan)\b)"  # homes that upstream's images have, wherever they run
    roots = rf"(?m)(?:^|[\s\"'`(=:])/(?:work|home/{inside_images}\w+)/"
    machine = re.compile("|".join((roots, r"pypi\.org", r"registry\.npmjs\.org")))
    for name in tracked.stdout.split():
        path = ROOT / name
        if path.suffix in TEXTS and path.is_file():
            found = machine.search(path.read_text(errors="replace"))
            assert found is None, f"{name}: {found.group(0) if found else ''}"
