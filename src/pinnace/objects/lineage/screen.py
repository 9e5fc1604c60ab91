"""A version of a model on one screen: name, version, workspace, run, description, creation time, type,
hyper-parameters, training data, framework; wherever each of them was said.

What nobody said is looked for in the lineage: the run that left the content, the data it goes back to.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from pinnace.objects.lineage.book import Book
from pinnace.objects.lineage.contents import Contents
from pinnace.objects.lineage.execution import Execution
from pinnace.objects.registry import records, versions
from pinnace.objects.registry.records import MODEL, RUN, VERSION, Record, Registry

HYPER = ("hyperparameters", "hyper_parameters", "hyper-parameters", "params")
DATA = ("training_data", "trainingData", "training-data", "dataset", "training_dataset")
TYPE = ("type", "model_type", "modelType", "task")
DEEP = 12


class Screen(msgspec.Struct, frozen=True, omit_defaults=True):
    model: str
    version: str
    number: int
    workspace: str = ""
    run: str = ""
    description: str = ""
    created: int = 0
    type: str = ""
    hyperparameters: dict[str, str] = {}
    training_data: list[str] = []
    framework: str = ""
    uri: str = ""
    digest: str = ""
    state: str = ""
    stage: str = ""
    aliases: list[str] = []
    metrics: dict[str, float | str] = {}
    properties: dict[str, str] = {}


class Screens:
    def __init__(self, registry: Registry, book: Book, contents: Contents) -> None:
        self.registry = registry
        self.book = book
        self.contents = contents

    def every(self, model: str = "") -> list[Screen]:
        found = [*self.registry.table(VERSION).values()]
        if model:
            record = self.registry.said(MODEL, model)
            found = versions.of(self.registry, record) if record else []
        return [self.of(one) for one in found]

    def of(self, version: Record) -> Screen:
        model = self.registry.get(MODEL, version["registeredModelId"])
        said = {**records.tags(model), **records.tags(version)}
        files = versions.files(self.registry, version)
        artifact: Record = files[0] if files else {}
        digest = self.digest_of(artifact, version.get("workspace") or "")
        run = self.registry.said(RUN, str(version.get("runUuid") or ""))
        done = self.made_by(version, digest)
        form = [artifact.get(name) or "" for name in ("modelFormatName", "modelFormatVersion")]
        framework = " ".join(form).strip()
        return Screen(
            model=model["name"], version=version["name"], number=version["number"],
            workspace=said.get("workspace") or version.get("workspace") or (done.namespace if done else ""),
            run=said.get("run") or _run(run, done),
            description=version.get("description") or model.get("description") or "",
            created=version["createTimeSinceEpoch"],
            type=_first(said, TYPE) or str(version.get("type") or ""),
            hyperparameters=_hyper(said) or _params(run) or _parameters(done),
            training_data=self.data(said, run, done), framework=framework or said.get("framework", ""),
            uri=versions.source(self.registry, version), digest=digest, state=version.get("state") or "",
            stage=version.get("stage") or "",
            aliases=[name for name, number in (model.get("aliases") or {}).items()
                     if number == version["number"]],
            metrics={name: one["value"] for name, one in ((run or {}).get("metrics") or {}).items()},
            properties=said,
        )

    def digest_of(self, artifact: Record, workspace: str = "") -> str:
        """What is registered while its step still runs has a digest when the step is over."""
        uri = str(artifact.get("uri") or "")
        return str(artifact.get("digest") or self.contents.known(uri, workspace).get("digest") or "")

    def made_by(self, version: Record, digest: str) -> Execution | None:
        """The step that left the content, or else the one that registered it."""
        run = self.registry.said(RUN, str(version.get("runUuid") or "")) or {}
        pods = [str(pod) for pod in (run.get("pod"), version.get("pod")) if pod]
        said = next((found for pod in pods if (found := self.book.execution(pod))), None)
        makers = self.book.makers(digest, said.run if said else "") if digest else []
        done = makers[0][1] if makers else said
        return self.book.with_parameters(self.book.run_of(done), done) if done else None

    def data(self, said: dict[str, str], run: Record | None, done: Execution | None) -> list[str]:
        found = _first(said, DATA)
        if found:
            return [found]
        datasets = [one.get("dataset") or {} for one in (run or {}).get("datasets") or []]
        if datasets:
            return [f"{one.get('name')} ({one.get('digest')})" for one in datasets]
        return [f"{name} ({digest[:12]})" for name, digest in self.roots(done)] if done else []

    def roots(self, done: Execution, depth: int = 0) -> list[tuple[str, str]]:
        """What the run goes back to: content that nothing here made, or that was made of nothing."""
        found: dict[str, str] = {}
        for name, digest in done.inputs.items():
            makers = self.book.makers(digest, done.run)
            maker = makers[0][1] if makers else None
            above = self.roots(maker, depth + 1) if maker and depth < DEEP and maker.pod != done.pod else []
            for label, one in above or [(name, digest)]:
                found.setdefault(one, label)
        return [(label, digest) for digest, label in found.items()]


def _first(said: dict[str, str], names: tuple[str, ...]) -> str:
    return next((said[name] for name in names if said.get(name)), "")


def _run(run: Record | None, done: Execution | None) -> str:
    place = f"{done.kind}/{done.run_name}" if done and done.run else ""
    if run is None:
        return place
    name = str(run.get("name") or run["uuid"])
    return f"{name} in {place}" if place else name


def _hyper(said: dict[str, str]) -> dict[str, str]:
    """One property that holds them all as JSON, or one for each."""
    text = _first(said, HYPER)
    if text:
        try:
            found: Any = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, dict):
            return {str(name): str(value) for name, value in found.items()}
        return {"": text}
    starts = tuple(f"{name}." for name in HYPER)
    return {name.split(".", 1)[1]: value for name, value in said.items() if name.startswith(starts)}


def _params(run: Record | None) -> dict[str, str]:
    return {name: one["value"] for name, one in ((run or {}).get("params") or {}).items()}


def _parameters(done: Execution | None) -> dict[str, str]:
    return done.parameters if done else {}
