"""Documents of upstream with what is expected of each: cases to run, and the objects that they lean on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

Document = dict[str, Any]
LONGEST = 60.0
"""Seconds of own sleep up to which a document is run unless asked for."""
TEMPLATES = {"WorkflowTemplate": "workflow-template", "ClusterWorkflowTemplate": "cluster-workflow-template"}
SUPPORT = {
    **TEMPLATES, "ConfigMap": "configmap", "PersistentVolumeClaim": "pvc", "ResourceQuota": "resource-quota",
}
"""Kinds that other documents need, and how `needs` calls them."""


class Loader(yaml.SafeLoader):
    """Kubernetes reads timestamps as strings."""


Loader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Case:
    """One file: what to submit, what to apply before, what must come of it."""

    path: str
    text: str
    documents: tuple[Document, ...]
    expected: Document
    support: tuple[Document, ...] = ()

    @property
    def kind(self) -> str:
        return str(self.documents[0].get("kind", "")) if self.documents else ""

    @property
    def family(self) -> str:
        return "/".join(self.path.split("/")[:2]) if self.path.startswith("e2e/") else "examples"

    @property
    def outcome(self) -> Document:
        """What is expected once it runs; empty: nobody knows."""
        if self.expected.get("phase") or self.expected.get("phase_in"):
            return self.expected
        return self.expected.get("when_run") or {}

    @property
    def seconds(self) -> float:
        """How long it takes by its own sleeps."""
        return float(self.expected.get("slow") or 0)

    def needs(self, what: str) -> list[str]:
        """What follows `what:` in the needs: `needs("action")` → `["resume"]`."""
        return [n.partition(":")[2] for n in self.expected.get("needs") or [] if n.startswith(what + ":")]


def parse(text: str) -> list[Document]:
    try:
        return [found for found in yaml.load_all(text, Loader) if isinstance(found, dict)]
    except yaml.YAMLError:
        return []


@dataclass
class Library:
    """Every object of the corpus that others refer to, by kind and name."""

    objects: dict[tuple[str, str], Document] = field(default_factory=dict)

    def take(self, document: Document) -> None:
        name = (document.get("metadata") or {}).get("name")
        if document.get("kind") in SUPPORT and name:
            self.objects.setdefault((SUPPORT[document["kind"]], name), document)

    def closure(self, wanted: list[tuple[str, str]]) -> list[Document]:
        """The wanted objects and the templates that they refer to in turn."""
        found: dict[tuple[str, str], Document] = {}
        while wanted:
            key = wanted.pop()
            if key in self.objects and key not in found:
                found[key] = self.objects[key]
                wanted.extend(references(found[key]))
        return [found[key] for key in sorted(found)]


def references(node: Any) -> list[tuple[str, str]]:
    """Templates, config maps and claims that a document names."""
    found: list[tuple[str, str]] = []
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        found.extend(references(value))
    if not isinstance(node, dict):
        return found
    for key in ("templateRef", "workflowTemplateRef"):
        if isinstance(reference := node.get(key), dict):
            kind = "cluster-workflow-template" if reference.get("clusterScope") else "workflow-template"
            found.append((kind, str(reference.get("name"))))
    if isinstance(reference := node.get("configMapKeyRef"), dict):
        found.append(("configmap", str(reference.get("name"))))
    return found


RUNNING = ("Workflow", "CronWorkflow", *TEMPLATES)
"""Kinds of which something can be run."""
SUCCEEDS: Document = {"phase": "Succeeded"}


def load(root: Path, fixtures: Path | None = None) -> list[Case]:
    """The cases of a corpus folder, support resolved. `fixtures`: objects that upstream's tests install."""
    expected = json.loads((root / "expected.json").read_text())
    texts, parsed = read(root)
    library = shelf(parse(fixtures.read_text() if fixtures else ""), *parsed.values())
    return [
        case(path, texts[path], documents, expected.get(path, {}), library)
        for path, documents in parsed.items()
    ]


def folder(root: Path, *others: Path) -> list[Case]:
    """Any folder of documents: each is to succeed, unless an `expected.json` beside them says otherwise. What
    they refer to is looked for here, then in the other folders."""
    listed = root / "expected.json"
    expected = json.loads(listed.read_text()) if listed.exists() else {}
    texts, parsed = read(root)
    library = shelf(*parsed.values(), *(found for other in others for found in read(other)[1].values()))
    cases = []
    for path, documents in parsed.items():
        runs = any(document.get("kind") in RUNNING for document in documents)
        wanted = expected.get(path, SUCCEEDS if runs else {})
        found = case(path, texts[path], documents, wanted, library)
        named = [pair for document in documents for pair in references(document)]
        own = [document for document in library.closure(named) if document not in documents]
        cases.append(replace(found, support=tuple(own)))
    return cases


def read(root: Path) -> tuple[dict[str, str], dict[str, list[Document]]]:
    """Texts and documents by their path."""
    texts = {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*.yaml"))}
    return texts, {path: parse(text) for path, text in texts.items()}


def shelf(*files: list[Document]) -> Library:
    library = Library()
    for documents in files:
        for document in documents:
            library.take(document)
    return library


def case(path: str, text: str, documents: list[Document], expected: Document, library: Library) -> Case:
    """What a Workflow leans on its `needs` say, and no more: some name what must not exist."""
    templates = [document for document in documents if document.get("kind") in TEMPLATES]
    wanted = [pair for document in templates for pair in references(document)]
    for kind in SUPPORT.values():
        needed = [n for n in expected.get("needs") or [] if n.startswith(f"{kind}:")]
        wanted += [(kind, n.partition(":")[2]) for n in needed]
    own = {id(d) for d in documents}
    support = [d for d in library.closure(wanted) if id(d) not in own]
    return Case(path, text, tuple(documents), expected, tuple(support))
