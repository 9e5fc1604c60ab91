"""What happens to a Notebook's Pod and StatefulSet is told again on the Notebook, as upstream does.

Source: components/notebook-controller/controllers/notebook_controller.go (nbNameFromInvolvedObject).
"""

from __future__ import annotations

from pinnace.controllers.built_in import EVENT, POD, STATEFUL_SET
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.recorder import Recorder
from pinnace.kinds import notebook as kind
from pinnace.kinds.notebook import NOTEBOOK
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.local import Local
from pinnace.store.interface import Event


class Retelling:
    name = "notebook-events"
    watches: tuple[Resource, ...] = (EVENT,)

    def __init__(self, client: Local) -> None:
        self.client = client
        self.recorder = Recorder(client, "notebook-controller")

    def keys(self, event: Event) -> tuple[Key, ...]:
        """Every event of the platform comes here: few are of a notebook's."""
        about = event.obj.get("involvedObject") or {}
        if event.type == "DELETED" or about.get("kind") not in (POD.kind, STATEFUL_SET.kind):
            return ()
        return (Key(event.namespace, event.name),) if self._notebook(about, event.namespace) else ()

    async def reconcile(self, key: Key) -> Result:
        event = self.client.peek(EVENT, key.name, key.namespace)
        notebook = self._notebook(event["involvedObject"], key.namespace) if event else None
        if event is None or notebook is None:
            return Result()
        about = event["involvedObject"]
        words = f"Reissued from {about['kind'].lower()}/{about['name']}: {event['message']}"
        if not self._told(notebook, event["reason"], words):
            self.recorder.record(notebook, event["reason"], words, warning=event.get("type") == "Warning")
        return Result()

    def _notebook(self, about: Obj, namespace: str) -> Obj | None:
        resource = POD if about["kind"] == POD.kind else STATEFUL_SET
        source = self.client.peek(resource, about.get("name") or "", namespace)
        if source is None or source["metadata"]["uid"] != about.get("uid"):
            return None
        meta = source["metadata"]
        name = (meta.get("labels") or {}).get(kind.NAME_LABEL)
        if resource is STATEFUL_SET:
            owners = meta.get("ownerReferences") or ()
            name = next((one["name"] for one in owners if one.get("kind") == NOTEBOOK.kind), None)
        return self.client.peek(NOTEBOOK, name, namespace) if name else None

    def _told(self, notebook: Obj, reason: str, words: str) -> bool:
        """Also by an earlier life of ours: a restart tells nothing again."""
        uid = notebook["metadata"]["uid"]
        return any(
            (one.get("involvedObject") or {}).get("uid") == uid and one.get("reason") == reason
            and one.get("message") == words[:1024]
            for one in self.client.peek_list(EVENT, notebook["metadata"]["namespace"]).items
        )
