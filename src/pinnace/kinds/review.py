"""All that is to be said of a document before it may be stored, at the price of one walk when all is well.

`objects/` calls `review` for every write; the single questions are in `decoding`, `pruning`, `defaulting` and
`validation`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from . import decoding, defaulting, pruning, validation
from .cause import Cause
from .resource import Obj
from .schema import Node
from .soundness import clean


class Review(msgspec.Struct, frozen=True):
    """`misfit`: a decoding error (400), then nothing else was asked. `unknown`: paths of unknown fields, for
    strict and warning clients. `obj`: pruned and defaulted, the input untouched. `causes`: 422."""

    obj: Obj
    misfit: str | None = None
    unknown: list[str] = []
    causes: list[Cause] = []


def review(
    node: Node, obj: Obj, old: Obj | None = None, mutate: Callable[[Obj], Obj] | None = None
) -> Review:
    """`mutate` stands where upstream's mutating webhooks do: after the document was read (what is unknown is
    said of what the client sent), before it is judged. It answers a document of its own."""
    if mutate is not None:
        return _mutated(node, obj, old, mutate)
    if clean(node)(obj):
        filled = defaulting.default(node, obj)
        return Review(filled, causes=validation.rules_broken(node, filled, old))
    misfit = decoding.misfit(node, obj)
    if misfit is not None:
        return Review(obj, misfit)
    unknown = pruning.unknown_fields(node, obj)
    filled = defaulting.default(node, pruning.prune(node, obj))
    return Review(filled, None, unknown, validation.validate(node, filled, old))


def _mutated(node: Node, obj: Obj, old: Obj | None, mutate: Callable[[Obj], Obj]) -> Review:
    misfit = decoding.misfit(node, obj)
    if misfit is not None:
        return Review(obj, misfit)
    unknown = pruning.unknown_fields(node, obj)
    changed = mutate(defaulting.default(node, pruning.prune(node, obj)))
    filled = defaulting.default(node, pruning.prune(node, changed))
    return Review(filled, None, unknown, validation.validate(node, filled, old))
