"""Which workflows a list asks for: upstream's list options, for the live ones and for the archive.

`listOptions.fieldSelector` knows metadata.name, metadata.namespace, spec.startedAt> and spec.startedAt<;
`nameFilter` (Exact, Prefix, Contains, NotEquals) says how the name is meant. Source: upstream
server/utils/list_options.go. Callers: `workflows`, `archived`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from pinnace.api.argo.call import Call
from pinnace.api.argo.errors import invalid
from pinnace.kinds.resource import Obj
from pinnace.objects.archive import Query

FILTERS = ("", "Exact", "Prefix", "Contains", "NotEquals")


class Search(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str = ""
    labels: str = ""
    name: str = ""
    filter: str = ""
    started_after: str = ""
    started_before: str = ""
    created_after: str = ""
    finished_before: str = ""
    offset: int = 0
    limit: int = 0

    @classmethod
    def of(cls, call: Call, namespace: str = "") -> Search:
        """StatusError 400."""
        query = call.query
        fields = _terms(query.get("listOptions.fieldSelector", ""))
        filter_ = query.get("nameFilter", "")
        if filter_ not in FILTERS:
            raise invalid(f"nameFilter: expected one of {', '.join(FILTERS[1:])}, not {filter_[:60]!r}")
        prefix = query.get("namePrefix", "")
        times = {key: _moment(query.get(name, ""), name) for key, name in (
            ("created_after", "createdAfter"), ("finished_before", "finishedBefore"))}
        return cls(
            namespace=call.namespace or namespace or fields.get("metadata.namespace=", ""),
            labels=query.get("listOptions.labelSelector", ""),
            name=prefix or fields.get("metadata.name=", ""), filter="Prefix" if prefix else filter_,
            started_after=_moment(fields.get("spec.startedAt>", ""), "spec.startedAt"),
            started_before=_moment(fields.get("spec.startedAt<", ""), "spec.startedAt"),
            offset=_offset(query.get("listOptions.continue", "")),
            limit=max(0, call.number("listOptions.limit") or 0), **times,
        )

    def fits(self, workflow: Obj) -> bool:
        """Of a live one (its labels were asked of the store)."""
        meta, status = workflow["metadata"], workflow.get("status") or {}
        started, finished = str(status.get("startedAt") or ""), str(status.get("finishedAt") or "")
        return (
            self._named(str(meta["name"]))
            and (not self.started_after or started >= self.started_after)
            and (not self.started_before or "" < started <= self.started_before)
            and (not self.created_after or str(meta["creationTimestamp"]) > self.created_after)
            and (not self.finished_before or "" < finished < self.finished_before)
        )

    def _named(self, name: str) -> bool:
        match self.name and (self.filter or "Exact"):
            case "Exact":
                return name == self.name
            case "Prefix":
                return name.startswith(self.name)
            case "Contains":
                return self.name in name
            case "NotEquals":
                return name != self.name
        return True

    def query(self, *, limit: int, offset: int = 0) -> Query:
        kind = (self.filter or "Exact") if self.name else ""
        return Query(
            namespace=self.namespace, labels=self.labels, limit=limit, offset=offset,
            name=self.name if kind == "Exact" else "",
            name_prefix=self.name if kind == "Prefix" else "",
            name_contains=self.name if kind == "Contains" else "",
            started_after=self.started_after, started_before=self.started_before,
            created_after=self.created_after, finished_before=self.finished_before,
        )


def _terms(selector: str) -> dict[str, str]:
    found = {}
    for term in filter(None, selector.split(",")):
        for sign in ("==", "=", ">", "<"):
            field, is_, value = term.partition(sign)
            if is_:
                found[field.strip() + sign[0]] = value.strip()
                break
        else:
            raise invalid(f"unsupported fieldSelector {term[:100]!r}: expected field=value")
    for key in found:
        if key not in ("metadata.namespace=", "metadata.name=", "spec.startedAt>", "spec.startedAt<",
                       "ext.showRemainingItemCount="):
            raise invalid(f"unsupported requirement {key}")
    return found


def _offset(text: str) -> int:
    if not text:
        return 0
    if not text.isascii() or not text.isdigit():
        raise invalid("listOptions.continue must be int")
    return int(text)


def _moment(text: str, what: str) -> str:
    """As the store writes times: seconds, UTC."""
    if not text:
        return ""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{what}: {text[:60]!r} is not an RFC 3339 time") from None
    if found.tzinfo is None:
        raise invalid(f"{what}: {text[:60]!r} is not an RFC 3339 time: it names no zone")
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
