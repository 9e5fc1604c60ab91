"""What is written of an execution, and when: the one place that decides it.

A pod that touched content is recorded in the very commit of its final status, so a crash loses and doubles
nothing. Of any other pod the Pod itself is the record, and for nothing: it becomes a row in the commit that
removes it, unless a workflow's node row says it already (these stay when the workflow goes). Runs become rows
when they are deleted. Callers: `controllers/pods` at a pod's end, `House` when an object leaves, the
registry's faces when a pod logs something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from blake3 import blake3

from pinnace.data.tree import EXECUTABLE, FILE, Leaf
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.lineage import execution
from pinnace.store.interface import Row, Store

IMAGE, OBJECT, NAME, OPEN = "lineage-image", "lineage-object", "lineage-name", "lineage-open"
SOURCE, CHILD = "lineage-source", "lineage-child"
NODE = "lineage-node"
"""What a workflow's node rows become when it goes: (workflow's uid, node id)."""
WORKFLOW = "Workflow"
GROUPS = frozenset({"kubeflow.org", "trainer.kubeflow.org", "jobset.x-k8s.io", "batch", "serving.kserve.io"})
NAMED = frozenset({"workflows.argoproj.io", "pipelineruns.pinnace.dev"})
NOT = frozenset({
    "suggestions.kubeflow.org", "scheduledworkflows.kubeflow.org", "cronjobs.batch",
    "clusterservingruntimes.serving.kserve.io", "servingruntimes.serving.kserve.io",
    "clusterstoragecontainers.serving.kserve.io",
})
MOST_PARTS = 64
"""Files of a folder that are known one by one."""
KNOWN = 4000
"""Digests of code and pairs of run and image that this process has written: not written again."""
_encode = msgspec.json.Encoder().encode


class Keeper:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.leaves: Callable[[str], list[Leaf]] = _no_leaves
        """What is in a tree, by its digest; nothing where it is no tree."""
        self._written: dict[str, str] = {}
        self._open: set[str] | None = None

    @property
    def open(self) -> set[str]:
        """Pods that logged something and are not over."""
        if self._open is None:
            self._open = {owner for owner, _, _, _ in self.store.rows(OPEN)}
        return self._open

    def ended(self, pod: Obj) -> list[Row]:
        """What the commit of a pod's final status carries."""
        uid = pod["metadata"]["uid"]
        logged = uid in self.open
        if not logged and not execution.touches_content(pod):
            return []
        found = self._record(pod)
        return [*found, Row(OPEN, uid, "", None)] if logged else found

    def leaving(self, resource: Resource, obj: Obj) -> list[Row]:
        """What the commit that removes an object carries."""
        if resource.key == "pods":
            return self._pod_leaving(obj)
        if not is_run(resource):
            return []
        meta = obj["metadata"]
        kept = {**obj, "metadata": {key: value for key, value in meta.items() if key != "managedFields"}}
        about = _encode([resource.kind, meta.get("namespace") or ""])
        above = next((one["uid"] for one in meta.get("ownerReferences") or () if one.get("controller")), "")
        below = [Row(CHILD, above, meta["uid"], b"{}")] if above else []
        named = Row(NAME, meta["name"], meta["uid"], about)
        return [Row(OBJECT, meta["uid"], "", _encode(kept)), named, *below]

    def _pod_leaving(self, pod: Obj) -> list[Row]:
        self.open.discard(pod["metadata"]["uid"])
        phase = (pod.get("status") or {}).get("phase")
        final = phase in execution.FINAL
        if final and execution.touches_content(pod):
            return []
        if not pod["spec"].get("nodeName"):
            return []  # it never ran
        if _controlled_by_workflow(pod):
            return self._images(pod) if final else self._record(pod)
        return self._record(pod)

    def _record(self, pod: Obj) -> list[Row]:
        done, code = execution.read(pod)
        done = msgspec.structs.replace(done, parts=self._parts(done.outputs))
        return [*execution.rows(done, code if self._first(done.code, done.pod) else None), *self._images(pod)]

    def _parts(self, outputs: dict[str, str]) -> dict[str, str]:
        """A file of a folder is read by itself, too: it must be found by its own digest."""
        found: dict[str, str] = {}
        for name, digest in outputs.items():
            leaves = [leaf for leaf in self.leaves(digest) if leaf.mode in (FILE, EXECUTABLE)]
            if len(leaves) <= MOST_PARTS:
                found |= {f"{name}/{leaf.path}": leaf.digest for leaf in leaves}
        return found

    def _images(self, pod: Obj) -> list[Row]:
        """Which environments they were, once for each image of a run."""
        meta, found = pod["metadata"], []
        owners = meta.get("ownerReferences")
        for state in ((pod.get("status") or {}).get("containerStatuses") or ()) if owners else ():
            run, image, known = owners[0]["uid"], state.get("image") or "", state.get("imageID")
            if known and self._first(f"{run}/{image}", meta["uid"]):
                found.append(Row(IMAGE, run, image, _encode(known)))
        return found

    def _first(self, what: str, pod: str) -> bool:
        """Whether no other pod brought it. The same pod asks again when its commit has to be tried again."""
        if len(self._written) >= KNOWN:
            self._written.clear()
        return self._written.setdefault(what, pod) == pod

    def logging(self, uid: str) -> list[Row]:
        """A pod that still runs says something of itself: its end will be recorded."""
        self.open.add(uid)
        return [Row(OPEN, uid, "", b"{}")]


def _no_leaves(digest: str) -> list[Leaf]:
    return []


def sourced(configs: Iterable[Obj]) -> tuple[dict[str, str], list[Row]]:
    """ConfigMaps that a pod is given: `configmap/<name>` → digest, and rows with their present content."""
    digests: dict[str, str] = {}
    found = []
    for config in configs:
        content = {key: config[key] for key in ("data", "binaryData") if config.get(key)}
        body = msgspec.json.encode(content, order="sorted")
        digest = blake3(body).hexdigest()
        digests[f"configmap/{config['metadata']['name']}"] = digest
        found.append(Row(SOURCE, digest, "", body))
    return digests, found


def is_run(resource: Resource) -> bool:
    """Whether its objects are worth remembering when they are deleted: what runs, tunes or serves."""
    key = resource.key
    return key in NAMED or (resource.group in GROUPS and key not in NOT)


def _controlled_by_workflow(pod: Obj) -> bool:
    owners: Iterable[Obj] = pod["metadata"].get("ownerReferences") or ()
    return any(one.get("kind") == WORKFLOW for one in owners)
