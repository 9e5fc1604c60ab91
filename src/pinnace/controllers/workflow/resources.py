"""Resource templates done: get, create, apply, patch, replace and delete through the one door, without a pod,
as the service account of the template or workflow.

A created object and its node's row are one commit, so a crash in between creates nothing twice. Conditions
are
judged on every change of the object (a watch, no polling). Source: upstream workflow/executor/resource.go.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from pinnace.authoring.argo.expression import jq
from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.jsonpath import find
from pinnace.authoring.argo.expression.values import string, to_json
from pinnace.controllers.workflow import locations
from pinnace.controllers.workflow.conditions import ConditionError, holds
from pinnace.controllers.workflow.leaves import Act
from pinnace.kinds import names
from pinnace.kinds.argo import Template, ValueFrom, text
from pinnace.kinds.document import from_yaml
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions, Options, Selection
from pinnace.objects.errors import StatusError
from pinnace.store.interface import Row

if TYPE_CHECKING:
    from pinnace.controllers.workflow.controller import Door
    from pinnace.controllers.workflow.live import Live

MANAGER = "argo"
LARGEST = 1 << 20
"""Bytes of a manifest."""


class ActError(Exception):
    """The action cannot be done; the message is the node's."""


class Acting:
    """The resource nodes of one live run."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self._watches: dict[str, asyncio.Task[None]] = {}

    async def begin(self, act: Act) -> None:
        try:
            found, resource = await self._done(act)
        except (ActError, ConditionError, ExpressionError) as error:
            self._end(act, "Failed", str(error), None)
        except StatusError as error:
            self._end(act, "Failed", f"Error from server ({error.reason}): {error.message}", None)
        else:
            self._follow(act, resource, found)

    async def _done(self, act: Act) -> tuple[Obj | None, Resource]:
        """The object after the action (None after delete)."""
        if act.target is not None:
            resource = self._resource(act.target)
            return self._peek(resource, act.target), resource
        manifest = self._manifest(act)
        resource = self._resource(manifest)
        meta = manifest["metadata"]
        namespace = (meta.get("namespace") or self.live.namespace) if resource.namespaced else ""
        client = self._actor(act)
        options = Options(field_manager=MANAGER)
        if act.action == "create":
            return await self._create(act, resource, manifest, namespace), resource
        name = str(meta.get("name") or "")
        match act.action:
            case "get":
                return await client.get(resource, name, namespace), resource
            case "apply":
                forced = Options(field_manager=MANAGER, force=True)
                return await client.apply(resource, name, namespace, manifest, forced), resource
            case "replace":
                return await client.update(resource, manifest, namespace, options), resource
            case "patch":
                kind = act.merge or "strategic"
                return await client.patch(
                    resource, name, namespace, self._patch(act, manifest, kind), kind, options
                ), resource
            case "delete":
                await self._delete(act, resource, name, namespace)
                return None, resource
        raise ActError(
            f"resource.action {act.action!r} is not one of get, create, apply, patch, replace, delete"
        )

    def _manifest(self, act: Act) -> Obj:
        import yaml

        try:
            written = act.manifest or (self._text(act.source) if act.source is not None else "")
            found = from_yaml(written) if written else self._flagged(act)
        except yaml.YAMLError as error:
            raise ActError(f"resource.manifest is not YAML: {error}") from None
        if isinstance(found, list) and act.merge == "json":
            return self._flagged(act, found)
        if isinstance(found, dict) and act.action == "patch" and act.flags and not found.get("kind"):
            return self._flagged(act, found)
        if not isinstance(found, dict) or not found.get("kind") or not found.get("apiVersion"):
            raise ActError("resource.manifest must name apiVersion and kind")
        meta = dict(found.get("metadata") or {})
        found["metadata"] = meta
        if act.own:
            owner = self.live.obj["metadata"]
            meta["ownerReferences"] = [
                *(meta.get("ownerReferences") or []),
                {
                    "apiVersion": "argoproj.io/v1alpha1",
                    "kind": "Workflow",
                    "name": owner["name"],
                    "uid": owner["uid"],
                    "controller": True,
                },
            ]
        return found

    def _text(self, artifact: Obj) -> str:
        """The manifest that an artifact is. Raises ActError."""
        raw = artifact.get("raw")
        if raw is not None:
            return text(raw.get("data") or "")
        house, run = self.live.house, self.live.run
        assert run is not None
        key = locations.own_key(artifact, run.depot)
        blobs = house.repository.blobs
        if not key or blobs is None:
            raise ActError("resource.manifestFrom.artifact: expected raw, or a key of the own store")
        found = house.repository.find(self.live.namespace, key, artifact.get("subPath") or "")
        if found is None or found.get("directory") or found.get("size", 0) > LARGEST:
            raise ActError(f"resource.manifestFrom.artifact: no manifest is stored under {key!r}")
        with blobs.open(found["digest"]) as file:
            return file.read().decode(errors="replace")

    def _flagged(self, act: Act, patch: Any = None) -> Obj:
        """Without a full manifest the object is named by flags: `pod my-pod`, `-l app=x`."""
        words = [word for flag in act.flags for word in flag.split()]
        plain = [word for at, word in enumerate(words) if not word.startswith("-") and not _takes(words, at)]
        kinds = [word for word in plain[:1] for word in (word.split("/")[0],)]
        if not kinds:
            raise ActError("resource.manifest is empty and resource.flags name no kind")
        resource = self.live.house.nearest_resource(kinds[0])
        if resource is None:
            raise ActError(f"the server doesn't have a resource type {kinds[0]!r}")
        name = plain[0].split("/")[1] if "/" in plain[0] else (plain[1] if len(plain) > 1 else "")
        made: Obj = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": name}}
        if patch is not None:
            made["patch"] = patch
        return made

    def _patch(self, act: Act, manifest: Obj, kind: str) -> Any:
        if "patch" in manifest:
            return manifest["patch"]
        if kind == "json":
            return manifest
        return {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind")}

    def _resource(self, document: Obj) -> Resource:
        api_version, kind = str(document.get("apiVersion")), str(document.get("kind"))
        resource = self.live.house.resource(api_version, kind)
        if resource is None:
            raise ActError(
                f'no matches for kind "{kind}" in version "{api_version}"; ensure its definition is installed'
            )
        return resource

    async def _create(self, act: Act, resource: Resource, manifest: Obj, namespace: str) -> Obj:
        meta = manifest["metadata"]
        if not meta.get("name"):
            if not meta.get("generateName"):
                raise ActError("resource.manifest has neither metadata.name nor metadata.generateName")
            meta["name"] = names.generated(meta["generateName"])
        if resource.namespaced:
            meta["namespace"] = namespace
        run = self.live.run
        assert run is not None
        target = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "name": meta["name"],
            "namespace": namespace,
        }
        leaf = run.leaves[act.node]
        run.acted(act.node, self.live.house.now(), target=target)
        row = Row("node", self.live.uid, act.node, msgspec.json.encode(leaf.node))
        client = self._actor(act)
        (made,) = await client.transact([Change(verb="create", resource=resource, obj=manifest)], [row])
        return made

    async def _delete(self, act: Act, resource: Resource, name: str, namespace: str) -> None:
        client = self._actor(act)
        words = [word for flag in act.flags for word in flag.split()]
        found = [name] if name else []
        selector = next(
            (words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-l", "--selector")), ""
        )
        selector = selector or next(
            (word.split("=", 1)[1] for word in words if word.startswith("--selector=")), ""
        )
        if selector:
            page = await client.list(resource, namespace, Selection(labels=selector))
            found = [item["metadata"]["name"] for item in page.items]
        for each in found:
            await client.delete(resource, each, namespace, DeleteOptions())

    def _peek(self, resource: Resource, target: Obj) -> Obj | None:
        return self.live.house.client.peek(resource, target["name"], target["namespace"])

    # ---- conditions --------------------------------------------------------------------------------------

    def _follow(self, act: Act, resource: Resource, found: Obj | None) -> None:
        if found is None or not (act.success or act.failure):
            self._end(act, "Succeeded", "", found)
        elif not self._judged(act, found):
            meta = found["metadata"]
            target = {
                "apiVersion": resource.api_version,
                "kind": resource.kind,
                "name": meta["name"],
                "namespace": meta.get("namespace") or "",
            }
            run = self.live.run
            assert run is not None
            if act.target is None:
                run.acted(act.node, self.live.house.now(), target=target)
            self._watches[act.node] = asyncio.create_task(self._watch(act, resource, target))

    def _actor(self, act: Act) -> Door:
        return self.live.house.actor(self.live.namespace, act.account)

    async def _watch(self, act: Act, resource: Resource, target: Obj) -> None:
        """Upstream's executor asks again and again, with the right to `get`: so that is asked for here."""
        try:
            await self._actor(act).get(resource, target["name"], target["namespace"])
        except StatusError as error:
            if error.code == 403:
                self._end(act, "Failed", f"Error from server ({error.reason}): {error.message}", None)
                self.live.house.look(self.live)
                return
        client = self.live.house.client
        chosen = Selection(fields=f"metadata.name={target['name']}")
        async for event in client.watch(resource, target["namespace"], chosen):
            if event.type == "DELETED":
                self._end(act, "Failed", f"{resource.kind} {target['name']} was deleted", None)
            elif event.type in ("BOOKMARK", "ERROR") or not self._judged(act, event.obj):
                continue
            self.live.house.look(self.live)
            return

    def _judged(self, act: Act, found: Obj) -> bool:
        try:
            if act.failure and holds(act.failure, found):
                self._end(act, "Failed", f"failure condition '{act.failure}' evaluated true", found)
                return True
            if act.success and not holds(act.success, found):
                return False
        except (ConditionError, ExpressionError) as error:
            self._end(act, "Error", str(error), found)
            return True
        if not act.success:
            return False
        self._end(act, "Succeeded", "", found)
        return True

    def _end(self, act: Act, phase: str, message: str, found: Obj | None) -> None:
        run = self.live.run
        assert run is not None
        leaf = run.leaves.get(act.node)
        outputs: Obj | None = None
        if leaf is not None and leaf.program is not None and phase == "Succeeded":
            try:
                outputs = _outputs(leaf.program.template, found)
            except (ActError, ExpressionError) as error:
                phase, message = "Error", str(error)
        run.act_ended(act.node, self.live.house.now(), phase, message, outputs)

    def close(self) -> None:
        for task in self._watches.values():
            task.cancel()


def _takes(words: list[str], at: int) -> bool:
    """Whether a word is the value of the option before it."""
    return at > 0 and words[at - 1] in ("-l", "--selector", "-n", "--namespace", "-o", "--output")


def _outputs(template: Template, found: Obj | None) -> Obj | None:
    made: list[Obj] = []
    for parameter in template.outputs.parameters:
        origin = parameter.value_from
        if origin is None:
            continue
        item: Obj = {"name": parameter.name, "value": _read(origin, found)}
        if parameter.global_name:
            item["globalName"] = parameter.global_name
        made.append(item)
    return {"parameters": made} if made else None


def _read(origin: ValueFrom, found: Obj | None) -> str:
    """As the programs answer that upstream asks: kubectl prints nothing for what is missing, jq `null`."""
    if origin.jq_filter and found is not None:
        made = jq.run(origin.jq_filter, found)
        value = "\n".join(each if isinstance(each, str) else to_json(each) for each in made).strip()
        missing = value in ("", "null")
    else:
        values = find(found, origin.json_path) if origin.json_path and found is not None else []
        value, missing = " ".join(string(each) for each in values), not values
    return text(origin.default) if missing and origin.default is not msgspec.UNSET else value
