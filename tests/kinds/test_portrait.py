"""A picture kept and painted over is the one that would be drawn from nothing."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnace.kinds.nodes import document
from pinnace.kinds.portrait import Portrait

NAMES = [f"n{number}" for number in range(8)]
names = st.sampled_from(NAMES)
places = st.fixed_dictionaries(
    {},
    optional={
        "parents": st.lists(st.sampled_from(NAMES[:2]), max_size=2, unique=True),
        "after": st.lists(st.sampled_from(NAMES[:2]), max_size=1),
        "ends": st.lists(st.sampled_from(NAMES[4:]), max_size=2, unique=True),
        "order": st.integers(0, 9),
    },
)


def below(number: int, place: dict[str, Any]) -> dict[str, Any]:
    """Trees only: whoever hangs below a node has a greater number."""
    above = {name for name in NAMES if int(name[1:]) < number}
    kept = {key: [name for name in place.get(key, []) if name in above] for key in ("parents", "after")}
    ends = [name for name in place.get("ends", []) if int(name[1:]) > number]
    return {**kept, "ends": ends, "order": place.get("order", 0)}


@st.composite
def node(draw: st.DrawFn) -> tuple[str, bytes]:
    key = draw(names)
    body: dict[str, Any] = {
        "id": key,
        "type": draw(st.sampled_from(["Pod", "Steps", "StepGroup", "Retry", "DAG"])),
        "phase": draw(st.sampled_from(["Running", "Succeeded"])),
        "message": draw(st.sampled_from(["", "é", '"pinnace":{']))
    }
    if draw(st.booleans()):
        body["finishedAt"] = "2026-01-01T00:00:00Z"
    body["pinnace"] = below(int(key[1:]), draw(places))
    return key, msgspec.json.encode(body)


@given(st.lists(st.lists(node(), max_size=6), max_size=6))
@settings(max_examples=200, deadline=None)
def test_whatever_changes_in_whatever_order(takes: list[list[tuple[str, bytes]]]) -> None:
    portrait, rows = Portrait(), dict[str, bytes]()
    for take in takes:
        portrait.take(take)
        rows |= dict(take)
        assert msgspec.json.decode(portrait.drawn()) == msgspec.json.decode(document(list(rows.items())))


def test_a_picture_knows_whether_a_node_was_taken_away() -> None:
    portrait = Portrait()
    portrait.take([("n1", b'{"id":"n1"}'), ("n2", b'{"id":"n2"}')])
    assert portrait.lacks_none([("n2", b"{}")], 2)
    assert portrait.lacks_none([("n3", b"{}")], 3)
    assert not portrait.lacks_none([], 1)
    assert not portrait.lacks_none([("n3", b"{}")], 2)
