"""The archive as its readers see it: pages, single workflows, the labels there are.

Asks nobody for permission: who calls it asks for list, get and delete of workflows first, as upstream's
server does. Callers: the Argo server's face, the command line.
"""

from __future__ import annotations

import msgspec

from pinnace.kinds import nodes as picturing
from pinnace.kinds.argo import WORKFLOW
from pinnace.kinds.resource import Obj
from pinnace.objects.archive import entry
from pinnace.objects.archive.query import Query, wanted
from pinnace.objects.errors import StatusError
from pinnace.objects.lineage import keeping
from pinnace.objects.projection import Projection
from pinnace.store.interface import Requirement, Row, Store
from pinnace.store.terms import Wanted

MOST = 10_000
"""Values of a label that one question may stand for."""
_decode = msgspec.json.Decoder().decode


class Page(msgspec.Struct, frozen=True):
    """Workflows without templates and nodes, the last that began first; `next` is the offset of the next
    page, 0 if there is none."""

    items: list[Obj]
    next: int = 0


class Archive:
    def __init__(self, store: Store, projection: Projection | None = None) -> None:
        self.store = store
        self.projection = projection

    # ---- writing, by `House` -----------------------------------------------------------------------------

    def ending(self, obj: Obj) -> tuple[Obj, list[Row]]:
        """A final state as it is to be written, and what its commit carries; nothing for a workflow that has
        not ended."""
        if not entry.wanted(obj):
            return obj, []
        obj = entry.marked(obj)
        return obj, entry.rows(obj, self._known(obj["metadata"]["uid"]))

    async def remove(self, uid: str) -> bool:
        """False: there is none. What lineage knows of it stays."""
        before = self._known(uid)
        if before is None:
            return False
        await self.store.commit(entry.removed(before))
        return True

    def _known(self, uid: str) -> bytes | None:
        return self.store.row(entry.KIND, f"uid {uid}", f"uid {uid}")

    # ---- reading -----------------------------------------------------------------------------------------

    async def page(self, query: Query) -> Page:
        """StatusError 400: the label selector is none."""
        asked, others = wanted(query, WORKFLOW)
        for requirement in others:
            asked = await self._resolved(asked, requirement)
        if any(not group for group in asked.terms):
            return Page([])
        more = msgspec.structs.replace(asked, limit=query.limit + 1) if query.limit else asked
        found = await self.store.indexed(more)
        items = [_decode(body) for _, body in found[: query.limit or None]]
        left = bool(query.limit) and len(found) > query.limit
        return Page(items, query.offset + query.limit if left else 0)

    async def _resolved(self, asked: Wanted, one: Requirement) -> Wanted:
        """`key`, `!key`, `key>n`: any of, or none of, the values that there are."""
        there = await self.store.terms(entry.KIND, f"label {one.key}=")
        if one.op in ("gt", "lt"):
            there = [term for term in there if _ordered(term.rpartition("=")[2], one)]
        if len(there) > MOST:
            words = f"label {one.key}: it has more than {MOST} values; name the ones that you look for"
            raise StatusError(400, "BadRequest", words)
        if one.op == "!":
            return msgspec.structs.replace(asked, without=(*asked.without, *there))
        return msgspec.structs.replace(asked, terms=(*asked.terms, tuple(there)))

    async def get(self, uid: str) -> Obj | None:
        """Whole, with its nodes; None: no such workflow was archived."""
        before = self._known(uid)
        if before is None:
            return None
        key, _ = entry.known(before)
        _, _, namespace, name = key.split("/", 3)
        live = self.store.get(WORKFLOW.key, namespace, name)
        if live is not None and live["metadata"]["uid"] == uid:
            return self.projection.expand(live) if self.projection else live
        body = self.store.row(keeping.OBJECT, uid)
        if body is None:
            listed = self.store.row(entry.KIND, entry.EVERY, key)
            return None if listed is None else _decode(listed)
        return self._assembled(_decode(body), uid)

    def _assembled(self, obj: Obj, uid: str) -> Obj:
        rows = [(key, body) for _, key, _, body in self.store.rows(keeping.NODE, uid)]
        whole = {"apiVersion": WORKFLOW.api_version, "kind": WORKFLOW.kind, **obj}
        if rows:
            whole["status"] = {**(obj.get("status") or {}), "nodes": picturing.picture(rows)}
        return whole

    async def named(self, namespace: str, name: str) -> Obj | None:
        """The newest of that name, whole."""
        found = (await self.page(Query(namespace=namespace, name=name, limit=1))).items
        return await self.get(found[0]["metadata"]["uid"]) if found else None

    async def label_keys(self, namespace: str = "") -> list[str]:
        there = await self.store.terms(entry.KIND, "label ", "=")
        keys = [term.removeprefix("label ").removesuffix("=") for term in there]
        if not namespace:
            return keys
        return [key for key in keys if await self.label_values(key, namespace)]

    async def label_values(self, key: str, namespace: str = "") -> list[str]:
        start = f"label {key}="
        there = await self.store.terms(entry.KIND, start)
        if namespace:
            there = [term for term in there if await self._in(term, namespace)]
        return [term.removeprefix(start) for term in there]

    async def _in(self, term: str, namespace: str) -> bool:
        asked = Wanted(
            kind=entry.KIND, every=entry.EVERY, terms=((term,),), like=f"*/~*/{namespace}/*", limit=1
        )
        return bool(await self.store.indexed(asked))


def _ordered(value: str, one: Requirement) -> bool:
    try:
        found, bound = int(value), int(one.values[0])
    except ValueError:
        return False
    return found > bound if one.op == "gt" else found < bound
