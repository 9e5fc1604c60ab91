"""From an endpoint to the data it goes back to, and from data to what depends on it, as a tree.

Every node is `{kind, title, facts, children}`; the reader (`cli/lineage`, the console) only draws. Nothing is
shown twice: a digest that stands elsewhere in the tree is named and not followed again.
"""

from __future__ import annotations

from typing import Any

from pinnace.data.blobs import Blobs, Missing
from pinnace.kinds.resource import Obj
from pinnace.objects.lineage import measuring
from pinnace.objects.lineage.book import Book, Run
from pinnace.objects.lineage.contents import Contents
from pinnace.objects.lineage.execution import Execution
from pinnace.objects.lineage.screen import Screens
from pinnace.objects.registry import versions
from pinnace.objects.registry.records import ARTIFACT, RUN, VERSION, Record, Registry

Tree = dict[str, Any]
MOST = 2000
"""Nodes of a tree; past it the tree says that it goes on."""
SEVERAL = 20
"""Executions of one digest that are followed."""


def tree(kind: str, title: str, facts: Record | None = None, children: list[Tree] | None = None) -> Tree:
    told = {key: value for key, value in (facts or {}).items() if value not in (None, "", {}, [])}
    return {"kind": kind, "title": title, "facts": told, "children": children or []}


class Walk:
    """One walk; it remembers where it was. `down`: away from the data."""

    def __init__(
        self, registry: Registry, book: Book, contents: Contents, screens: Screens, *, down: bool
    ) -> None:
        self.registry = registry
        self.book = book
        self.contents = contents
        self.screens = screens
        self.down = down
        self.seen: set[str] = set()

    @property
    def blobs(self) -> Blobs:
        return self.contents.files.blobs

    def _again(self, what: str) -> bool:
        if what in self.seen or len(self.seen) > MOST:
            return True
        self.seen.add(what)
        return False

    # -- endpoints --------------------------------------------------------------------------------------

    def endpoint(self, run: Run) -> Tree:
        obj = run.obj
        meta, status = obj["metadata"], obj.get("status") or {}
        facts = {
            "namespace": run.namespace, "url": status.get("url"), "created": meta.get("creationTimestamp"),
            "deleted": run.gone or None,
        }
        made = tree("endpoint", f"InferenceService/{meta['name']}", facts)
        if self._again(f"endpoint {run.uid}") or self.down:
            return made
        for part, uri in locations(obj):
            made["children"].append(self._served(run, part, uri))
        return made

    def _served(self, run: Run, part: str, uri: str) -> Tree:
        """What an endpoint's model is: what its pods were given, else what lies under the address."""
        given = [one for one in self.book.servers(run.obj) if one.inputs] if not run.gone else []
        digest = next((next(iter(one.inputs.values())) for one in given), "")
        digest = digest or str(self.contents.known(uri, run.namespace).get("digest") or "")
        known = self.versions_of(digest, uri)
        children = [self.version(one) for one in known] or ([self.content(digest, part)] if digest else [])
        return tree(part, uri, {"digest": digest}, children)

    def versions_of(self, digest: str, uri: str = "") -> list[Record]:
        """Versions of models that have that content, or say that they lie there."""
        numbers: set[int] = set()
        for one in self.registry.table(ARTIFACT).values():
            if (uri and one.get("uri") == uri) or (digest and self.screens.digest_of(one) == digest):
                numbers.update(one.get("parents") or ())
        return [self.registry.get(VERSION, number) for number in sorted(numbers)
                if number in self.registry.table(VERSION)]

    # -- models -----------------------------------------------------------------------------------------

    def version(self, version: Record) -> Tree:
        screen = self.screens.of(version)
        facts = {
            "workspace": screen.workspace, "run": screen.run, "description": screen.description,
            "created": screen.created, "type": screen.type, "hyper-parameters": screen.hyperparameters,
            "training data": screen.training_data, "framework": screen.framework, "uri": screen.uri,
            "digest": screen.digest, "metrics": screen.metrics,
        }
        made = tree("version", f"{screen.model} version {screen.version}", facts)
        if self._again(f"version {version['id']}"):
            return made
        if self.down:
            made["children"] = self._endpoints_of(screen.digest, screen.uri)
            return made
        if run := self.registry.said(RUN, str(version.get("runUuid") or "")):
            made["children"].append(self.tracked(run))
        maker = self.screens.made_by(version, screen.digest)
        if screen.digest:
            made["children"].append(self.content(screen.digest, "model", maker))
        elif maker is not None:
            made["children"].append(self.execution(maker))
        return made

    def model(self, model: Record) -> Tree:
        known = [self.version(one) for one in reversed(versions.of(self.registry, model))]
        return tree("model", model["name"], {"description": model.get("description")}, known)

    def tracked(self, run: Record) -> Tree:
        """A run of MLflow's: what it logged, and the pod that logged it."""
        metrics = {name: one["value"] for name, one in (run.get("metrics") or {}).items()}
        params = {name: one["value"] for name, one in (run.get("params") or {}).items()}
        facts = {"id": run["uuid"], "status": run.get("status"), "parameters": params, "metrics": metrics}
        made = tree("tracked", run.get("name") or run["uuid"], facts)
        if self._again(f"tracked {run['uuid']}"):
            return made
        if self.down:
            known = self.registry.where(VERSION, runUuid=run["uuid"])
            made["children"] = [self.version(one) for one in known]
            return made
        for one in run.get("datasets") or []:
            dataset = one.get("dataset") or {}
            about = {"digest": dataset.get("digest"), "source": dataset.get("source"),
                     **measuring.profile(dataset.get("profile"))}
            made["children"].append(tree("dataset", str(dataset.get("name")), about))
        if run.get("pod") and (done := self.book.execution(run["pod"])) is not None:
            made["children"].append(self.execution(done))
        return made

    def _endpoints_of(self, digest: str, uri: str) -> list[Tree]:
        found: list[Run] = []
        for run in self.book.endpoints():
            places = [place for _, place in locations(run.obj)]
            served = {given for one in self.book.servers(run.obj) for given in one.inputs.values()}
            lying = {str(self.contents.known(place, run.namespace).get("digest")) for place in places}
            if (digest and digest in served | lying) or (uri and uri in places):
                found.append(run)
        if digest:
            known = {run.uid for run in found}
            found += [run for run in self.book.served(digest) if run.uid not in known]
        return [self.endpoint(run) for run in found]

    # -- content ----------------------------------------------------------------------------------------

    def content(self, digest: str, name: str, maker: Execution | None = None, within: str = "") -> Tree:
        """An artifact: up, with what made it (if it can be, in the run `within`); down, with what read it."""
        made = tree("artifact", name, {"digest": digest, **self._about(digest)})
        if self._again(f"digest {digest}"):
            made["facts"]["seen"] = True
            return made
        made["children"] = self._readers(digest) if self.down else self._makers(digest, maker, within)
        if not self.down and not made["children"]:
            made["kind"] = "dataset"
            made["facts"]["origin"] = "nothing that was recorded here made it"
        return made

    def _makers(self, digest: str, maker: Execution | None, within: str) -> list[Tree]:
        found = self.book.makers(digest, maker.run if maker else within)
        if maker is not None and all(one.pod != maker.pod for _, one in found):
            found = [("", maker), *found]
        first = [self.execution(one) for _, one in found[:1]]
        more = len(found) - 1
        if first and more > 0:
            first[0]["facts"]["also made by"] = f"{more} other execution{'s' if more > 1 else ''}"
        return first

    def _readers(self, digest: str) -> list[Tree]:
        whole = [digest, *measuring.parts(self.blobs, digest)]
        found = {one.pod: one for part in whole for _, one in self.book.users(part, "in")}
        users = [one for one in found.values() if not one.endpoint]
        done = [self.execution(one) for one in users[:SEVERAL]]
        known = [self.version(one) for one in self.versions_of(digest)]
        return done + known + [one for one in self._endpoints_of(digest, "") if not known]

    def _about(self, digest: str) -> Record:
        """Size and rows, while the content is here."""
        try:
            return measuring.measured(self.blobs, digest)
        except (Missing, ValueError):
            return {"content": "collected: no object refers to it any more"}

    # -- what ran ---------------------------------------------------------------------------------------

    def execution(self, done: Execution) -> Tree:
        run = self.book.run_of(done)
        done = self.book.with_parameters(run, done)
        code = self.book.code(done)
        facts: Record = {
            "run": run.title if run else "", "deleted": (run is not None and run.gone) or None,
            "part of": [one.title for one in self.book.above(run)] if run else [],
            "namespace": done.namespace, "pod": done.pod, "phase": done.phase, "started": done.started,
            "finished": done.finished, "parameters": done.parameters, "results": done.results,
            "code": done.code, "image": done.image, "environment": done.environment,
        }
        if code is not None:
            facts["command"] = " ".join([*code.command, *code.args])[:200]
            facts["script"] = code.script
        made = tree("execution", done.name, facts)
        if self._again(f"pod {done.pod}"):
            made["facts"] = {"run": facts["run"], "seen": True}
            return made
        if self.down:
            made["children"] = [self.content(digest, name) for name, digest in done.outputs.items()]
            return made
        for name, digest in done.inputs.items():
            made["children"].append(self.content(digest, name, within=done.run))
        for name, digest in done.sources.items():
            made["children"].append(tree("source", name, {"digest": digest}))
        for name in done.claims:
            about = {"digest": "not known: a claim's content has none"}
            made["children"].append(tree("claim", f"claim {done.namespace}/{name}", about))
        return made

    def run(self, run: Run) -> Tree:
        """A run with all that it executed."""
        if run.obj.get("kind") == "InferenceService":
            return self.endpoint(run)
        meta, status = run.obj["metadata"], run.obj.get("status") or {}
        facts = {
            "namespace": run.namespace, "uid": run.uid, "created": meta.get("creationTimestamp"),
            "phase": status.get("phase"), "deleted": run.gone or None,
            "part of": [one.title for one in self.book.above(run)],
        }
        made = tree("run", run.title, {**facts, **observed(run.obj)})
        if self._again(f"run {run.uid}"):
            return made
        made["children"] = [self.execution(one) for one in self.book.of_run(run)]
        made["children"] += [self.run(one) for one in self.book.below(run)]
        return made


def observed(obj: Obj) -> Record:
    """What a trial measured, and an experiment's best."""
    status, spec = obj.get("status") or {}, obj.get("spec") or {}
    best = status.get("currentOptimalTrial") or {}
    seen = (status.get("observation") or best.get("observation") or {}).get("metrics") or []
    assigned = spec.get("parameterAssignments") or best.get("parameterAssignments") or []
    return {
        "best": best.get("bestTrialName"), "parameters": {one["name"]: one["value"] for one in assigned},
        "metrics": {one["name"]: one.get("latest") for one in seen},
    }


def locations(endpoint: Obj) -> list[tuple[str, str]]:
    """(part, address) of the models that an InferenceService serves."""
    found = []
    for part in ("predictor", "transformer", "explainer"):
        spec = (endpoint.get("spec") or {}).get(part) or {}
        for inner in spec.values():
            if isinstance(inner, dict) and inner.get("storageUri"):
                found.append((part, str(inner["storageUri"])))
    return found


__all__ = ["Walk", "locations", "tree"]
