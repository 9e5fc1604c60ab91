"""The rules of ownership: what an update takes, what an apply claims, gives up and may not touch.

Pure: documents and managedFields in, documents out. Called by `writing` after admission of an update
(`updated`), and to turn an applied document into the wanted one (`applied`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.kinds.resource import Obj
from pinnace.kinds.schema import Node
from pinnace.objects.errors import Cause, StatusError
from pinnace.objects.managed import fieldset, typed
from pinnace.objects.managed.entries import APPLY, UPDATE, Manager, Managers, Owned, read, write
from pinnace.objects.managed.fieldset import HERE, MEMBER, Set

BEFORE_FIRST_APPLY = "before-first-apply"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SYSTEM = (
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_STRIPPED: Set = {
    "f:apiVersion": MEMBER,
    "f:kind": MEMBER,
    "f:metadata": {HERE: {}, **{fieldset.field(name): MEMBER for name in _SYSTEM}},
}


class Writer(msgspec.Struct, frozen=True):
    """Who writes, through which version, now. `typed`: the kind is a built-in, not a custom resource."""

    name: str
    api_version: str
    time: str
    subresource: str = ""
    typed: bool = False
    ignored: tuple[str, ...] = ()
    """Dotted paths that the server writes at this endpoint, not the client: nobody comes to own them."""

    def manager(self, operation: str) -> Manager:
        return Manager(self.name, operation, self.api_version, self.subresource)


def updated(node: Node | None, old: Obj | None, new: Obj, writer: Writer) -> list[dict[str, Any]]:
    """managedFields of `new` after a plain write. `old` is None for a creation.

    The entries to start from are those in `new` (a client may edit them), else those of `old`."""
    node = typed.rooted(node)
    managers = _sent(new, old)
    live = _skeleton(node, new, writer) if old is None else _bare(old)
    change = _compare(node, live, _bare(new), writer.ignored)
    managers = _lost(managers, change, writer.manager(UPDATE))
    key = writer.manager(UPDATE)
    held = managers.get(key)
    taken = fieldset.union(change.modified, change.added)
    fields = fieldset.union(fieldset.difference(held.fields if held else {}, change.removed), taken)
    if not fields:
        managers.pop(key, None)
    elif held is None or held.fields != fields:
        managers[key] = Owned(fields, writer.time)
    return write(managers)


def applied(
    node: Node | None, live: Obj | None, config: Obj, writer: Writer, *, force: bool
) -> tuple[Obj, list[dict[str, Any]]]:
    """The merged document and its managedFields. StatusError 409 with every conflict unless `force`."""
    node = typed.rooted(node)
    managers = _managers((live or {}).get("metadata", {}).get("managedFields"))
    bare, config = _bare(live or {}), _bare(config)
    if live is not None and not managers:
        managers = _before_first_apply(node, bare, writer)
    key = writer.manager(APPLY)
    last = managers.get(key)
    whole = typed.field_set(node, config)  # with name and kind, which hold their parents while pruning
    managers[key] = Owned(whole, writer.time)
    merged = _pruned(node, typed.merge(node, bare, config), managers, last)
    change = _compare(node, bare, merged, writer.ignored)
    _check(managers, change, key, config, live, node, force)
    managers = _lost(managers, change, key)
    claimed = _apart(whole, writer.ignored)
    managers[key] = last if last is not None and last.fields == claimed else Owned(claimed, writer.time)
    if not claimed:
        managers.pop(key, None)
    return merged, write(managers)


def _sent(new: Obj, old: Obj | None) -> Managers:
    entries = new["metadata"].get("managedFields")
    if entries is None and old is not None:
        entries = old["metadata"].get("managedFields")
    return _managers(entries)


def _managers(entries: Any) -> Managers:
    try:
        return read(entries)
    except ValueError:
        return {}  # unreadable entries are dropped, as the API server does with what it cannot decode


def _bare(obj: Obj) -> Obj:
    """Without managedFields, which nobody owns."""
    metadata = {k: v for k, v in (obj.get("metadata") or {}).items() if k != "managedFields"}
    return {**obj, "metadata": metadata}


_STRUCTS = frozenset({"metadata", "spec", "status", "template", "jobTemplate", "strategy", "updateStrategy"})


def _skeleton(node: Node, new: Obj, writer: Writer) -> Obj:
    """What a creation is compared with: for built-in kinds the structs that are always there, still empty."""
    return _empty(node, new, 4) if writer.typed else {"metadata": {}}


def _empty(node: Node, value: Any, depth: int) -> Any:
    result: Obj = {}
    for key, child in (node.properties or {}).items():
        if depth and child.type == "object" and key in _STRUCTS and isinstance(value.get(key), dict):
            result[key] = _empty(child, value[key], depth - 1)
        elif child.type == "array" and key in node.required:
            result[key] = None
    return result


def _compare(node: Node, old: Any, new: Any, ignored: tuple[str, ...]) -> typed.Difference:
    change = typed.compare(node, old, new)
    change.added = _apart(change.added, ignored)
    change.modified = _apart(change.modified, ignored)
    change.removed = fieldset.difference(change.removed, _STRIPPED)
    return change


def _apart(fields: Set, ignored: tuple[str, ...]) -> Set:
    fields = fieldset.difference(fields, _STRIPPED)
    for path in ignored:
        fields = fieldset.cut(fields, path.split("."))
    return fields


def _before_first_apply(node: Node, live: Obj, writer: Writer) -> Managers:
    """Whatever stood there before anybody tracked owners belongs to one manager of its own."""
    fields = _compare(node, {"metadata": {}}, live, ()).added
    manager = Manager(BEFORE_FIRST_APPLY, UPDATE, writer.api_version)
    return {manager: Owned(fields, writer.time)} if fields else {}


def _lost(managers: Managers, change: typed.Difference, writer: Manager) -> Managers:
    """Other managers lose what was changed or removed by this writer."""
    touched = fieldset.union(fieldset.union(change.modified, change.added), change.removed)
    result: Managers = {}
    for manager, owned in managers.items():
        fields = owned.fields if manager == writer else fieldset.difference(owned.fields, touched)
        if fields:
            result[manager] = owned if fields == owned.fields else Owned(fields, owned.time)
    return result


def _pruned(node: Node, merged: Obj, managers: Managers, last: Owned | None) -> Obj:
    """Take away what this manager applied last time, applies no more, and no other applier owns."""
    if last is None or not last.fields:
        return merged
    named = typed.with_named_parents
    previous = named(node, last.fields)
    everything = named(node, typed.field_set(node, merged))
    pruned = _remaining(node, merged, previous)
    owned: Set = {}
    for manager, held in managers.items():
        if manager.operation == APPLY:
            owned = fieldset.union(owned, held.fields)
    keep = fieldset.union(named(node, typed.field_set(node, pruned)), named(node, owned))
    pruned = _remaining(node, merged, fieldset.difference(everything, keep))
    gone = fieldset.difference(everything, named(node, typed.field_set(node, pruned)))
    return _remaining(node, merged, fieldset.intersection(gone, previous))


def _remaining(node: Node, merged: Obj, gone: Set) -> Obj:
    left = typed.remove(node, merged, gone)
    return {} if left is typed.ABSENT else left


def _check(
    managers: Managers,
    change: typed.Difference,
    writer: Manager,
    config: Obj,
    live: Obj | None,
    node: Node,
    force: bool,
) -> None:
    if force:
        return
    touched = fieldset.union(change.modified, change.added)
    conflicts = [
        (manager, fields)
        for manager, owned in managers.items()
        if manager != writer and (fields := fieldset.intersection(owned.fields, touched))
    ]
    if not conflicts:
        return
    if writer.name == "kubectl" and live is not None:
        allowed = _client_side_applied(node, live)
        if allowed and all(not fieldset.difference(fields, allowed) for _, fields in conflicts):
            return
    raise refusal(conflicts, {manager: owned.time for manager, owned in managers.items()})


def _client_side_applied(node: Node, live: Obj) -> Set:
    """The fields that `kubectl apply` (client side) wrote before: kubectl may take them over."""
    text = (live.get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        config = msgspec.json.decode(text or "")
    except msgspec.DecodeError:
        return {}
    return typed.field_set(node, config) if isinstance(config, dict) else {}


def refusal(conflicts: list[tuple[Manager, Set]], times: dict[Manager, str]) -> StatusError:
    pairs = sorted(
        (m.spoken(times.get(m, "")), path) for m, fields in conflicts for path in fieldset.paths(fields)
    )
    causes = tuple(Cause(path, f"conflict with {who}", "FieldManagerConflict") for who, path in pairs)
    if len(pairs) == 1:
        text = f"1 conflict: conflict with {pairs[0][0]}: {pairs[0][1]}"
    else:
        lines: list[str] = []
        for who in dict.fromkeys(who for who, _ in pairs):
            lines.append(f"conflicts with {who}:")
            lines.extend(f"- {path}" for owner, path in pairs if owner == who)
        text = f"{len(pairs)} conflicts: " + "\n".join(lines)
    return StatusError(409, "Conflict", f"Apply failed with {text}", causes=causes)
