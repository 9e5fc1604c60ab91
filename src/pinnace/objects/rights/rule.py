"""One RBAC rule, and whether it allows a request or covers another rule. Pure.

Called by `register` for every request of somebody who is not the owner, and by `escalation`. Source:
kubernetes pkg/apis/rbac/v1/evaluation_helpers.go and component-helpers
auth/rbac/validation/policy_comparator.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pinnace.kinds.resource import Obj

ALL = "*"
NOTHING: frozenset[str] = frozenset()


class Asked(msgspec.Struct, frozen=True):
    """One request for a resource. `plural` is without its subresource."""

    verb: str
    group: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


class Rule(msgspec.Struct, frozen=True):
    verbs: frozenset[str] = NOTHING
    groups: frozenset[str] = NOTHING
    resources: frozenset[str] = NOTHING
    names: frozenset[str] = NOTHING
    """Empty: every name."""
    urls: frozenset[str] = NOTHING

    @classmethod
    def of(cls, document: Obj) -> Rule:
        def words(key: str) -> frozenset[str]:
            return frozenset(document.get(key) or ())

        return cls(
            words("verbs"), words("apiGroups"), words("resources"), words("resourceNames"),
            words("nonResourceURLs"),
        )

    def allows(self, asked: Asked) -> bool:
        if asked.verb not in self.verbs and ALL not in self.verbs:
            return False
        if asked.group not in self.groups and ALL not in self.groups:
            return False
        if not self._means(asked.plural, asked.subresource):
            return False
        return not self.names or asked.name in self.names

    def _means(self, plural: str, subresource: str) -> bool:
        resources = self.resources
        if ALL in resources:
            return True
        if not subresource:
            return plural in resources
        return f"{plural}/{subresource}" in resources or f"*/{subresource}" in resources

    def allows_path(self, verb: str, path: str) -> bool:
        if verb not in self.verbs and ALL not in self.verbs:
            return False
        return any(_url_covers(url, path) for url in self.urls)

    def covers(self, other: Rule) -> bool:
        """Whether everything that `other` allows is allowed by this."""
        if not _within(other.verbs, self.verbs):
            return False
        if other.urls:
            return all(any(_url_covers(own, url) for own in self.urls) for url in other.urls)
        if not _within(other.groups, self.groups):
            return False
        if not all(self._covers_resource(resource) for resource in other.resources):
            return False
        return not self.names or (bool(other.names) and other.names <= self.names)

    def _covers_resource(self, resource: str) -> bool:
        _, slash, subresource = resource.partition("/")
        if ALL in self.resources or resource in self.resources:
            return True
        return bool(slash) and f"*/{subresource}" in self.resources

    def parts(self) -> Iterator[Rule]:
        """The smallest rules that it consists of: one verb on one resource, name or path each."""
        for verb in sorted(self.verbs):
            verbs = frozenset((verb,))
            for group in sorted(self.groups):
                for resource in sorted(self.resources):
                    for name in sorted(self.names) or ("",):
                        names = frozenset((name,)) if name else NOTHING
                        yield Rule(verbs, frozenset((group,)), frozenset((resource,)), names)
            for url in sorted(self.urls):
                yield Rule(verbs, urls=frozenset((url,)))

    def document(self) -> dict[str, Any]:
        fields = (
            ("verbs", self.verbs), ("apiGroups", self.groups), ("resources", self.resources),
            ("resourceNames", self.names), ("nonResourceURLs", self.urls),
        )
        return {key: sorted(words) for key, words in fields if words or key == "verbs"}

    def __str__(self) -> str:
        """As the API server names a rule that somebody tried to grant."""
        fields = (
            ("APIGroups", self.groups), ("Resources", self.resources), ("ResourceNames", self.names),
            ("NonResourceURLs", self.urls), ("Verbs", self.verbs),
        )
        shown = [f"{name}:[{_quoted(words)}]" for name, words in fields if words]
        return "{" + ", ".join(shown) + "}"


EVERYTHING = (
    Rule(frozenset(ALL), frozenset(ALL), frozenset(ALL)), Rule(frozenset(ALL), urls=frozenset(ALL)),
)
"""What the owner holds."""


def missing(held: Iterable[Rule], granted: Iterable[Rule]) -> list[Rule]:
    """What of `granted` is not among what is held, parts that differ in their verb only put together."""
    owned = list(held)
    lacking: dict[tuple[frozenset[str], ...], frozenset[str]] = {}
    for rule in granted:
        if any(own.covers(rule) for own in owned):
            continue
        for part in rule.parts():
            if not any(own.covers(part) for own in owned):
                key = (part.groups, part.resources, part.names, part.urls)
                lacking[key] = lacking.get(key, NOTHING) | part.verbs
    return [Rule(verbs, *key) for key, verbs in lacking.items()]


def _within(wanted: frozenset[str], held: frozenset[str]) -> bool:
    return ALL in held or wanted <= held


def _url_covers(own: str, path: str) -> bool:
    return own in (ALL, path) or (own.endswith(ALL) and path.startswith(own[:-1]))


def _quoted(words: frozenset[str]) -> str:
    return ", ".join(f'"{word}"' for word in sorted(words))
