"""A ConfigMap or Secret that is changed changes in the pods that have it for a volume.

Here at once, by a kubelet within a minute. Variables and subPath mounts keep what they had at the start. Run
by `manager`; `tell` is `controllers/pods`, which alone talks to the node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pinnace.controllers.built_in import CONFIG_MAP, POD, SECRET
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.pods.found import Blocked, Found, Reference, of_volume
from pinnace.controllers.pods.schedule import Machine
from pinnace.controllers.pods.volumes import Volume, Volumes
from pinnace.home import Home
from pinnace.kinds.resource import Obj, Resource
from pinnace.node.protocol import Refresh
from pinnace.objects.local import Local
from pinnace.store.interface import Event

KINDS = {resource.key: resource for resource in (CONFIG_MAP, SECRET)}
READ = ("configMap", "secret")
NOBODY = Machine(0, 0)


class Refreshing:
    name = "volume-contents"
    watches: tuple[Resource, ...] = (CONFIG_MAP, SECRET)

    def __init__(self, client: Local, home: Home, tell: Callable[[Refresh], None]) -> None:
        self.client = client
        self.home = home
        self.tell = tell

    def keys(self, event: Event) -> tuple[Key, ...]:
        """A name of either kind has no slash."""
        return (Key(event.namespace, f"{event.resource}/{event.name}"),) if event.type == "MODIFIED" else ()

    async def reconcile(self, key: Key) -> Result:
        kind, _, name = key.name.partition("/")
        reference = Reference(kind, name)
        for pod in self.client.peek_list(POD, key.namespace).items:
            if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
                for volume in holding(pod, reference):
                    self.again(pod, volume)
        return Result()

    def again(self, pod: Obj, volume: Obj) -> None:
        held = self.read(pod, volume)
        if held is not None and held.files is not None:
            self.tell(Refresh(pod["metadata"]["uid"], held.name, held.files, held.modes or {}))

    def read(self, pod: Obj, volume: Obj) -> Volume | None:
        """None where it cannot be read now: a key that it lists is gone, or the whole object."""
        namespace = pod["metadata"]["namespace"]
        objects = {
            one: self.client.peek(KINDS[one.resource], one.name, namespace)
            for one in of_volume(volume) if one.resource in KINDS
        }
        alone = {**pod, "spec": {**pod["spec"], "volumes": [volume]}}
        try:
            return Volumes(alone, Found(namespace, objects), self.home, NOBODY, ()).content(volume["name"])
        except Blocked:
            return None


def holding(pod: Obj, reference: Reference) -> Iterator[Obj]:
    """The volumes that hold it and nothing but such; tokens and the pod's own fields are kept elsewhere."""
    for volume in pod["spec"].get("volumes") or () if pod["spec"].get("nodeName") else ():
        sources = (volume.get("projected") or {}).get("sources") or ()
        plain = any(kind in volume for kind in READ) or (
            sources and all(kind in READ for source in sources for kind in source)
        )
        if plain and reference in of_volume(volume):
            yield volume
