"""Acumos' validation of a composition, with its messages; pure.

Upstream stops at the first problem; here all are told, upstream's first. Beyond upstream, links whose ports
do not fit are told (its editor never draws them). Source: acumos/design-studio CompositeSolutionServiceImpl
(validateComposition, validateEachNode) and docs/split-join.rst.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from pinnace.authoring.blueprint import signature
from pinnace.authoring.blueprint.solution import (
    BROKER,
    COLLATOR,
    MAPPER,
    MODEL,
    SPLITTER,
    TOOLS,
    Link,
    Node,
    Obj,
    Solution,
    looped,
)

PREFIX = "Invalid Composite Solution : "


class Finding(msgspec.Struct, frozen=True):
    """`node` is the one that it is about; '' where it is the whole."""

    message: str
    node: str = ""


def judge(solution: Solution) -> list[Finding]:
    """Everything that is wrong, what upstream says first. Nothing: it is a valid composite solution."""
    return list(dict.fromkeys(_judged(solution)))


def _judged(solution: Solution) -> Iterator[Finding]:
    yield from _by_acumos(solution)
    yield from (Finding(text) for text in solution.strays)
    yield from _entered(solution)
    yield from _streams(solution)


def _by_acumos(solution: Solution) -> Iterator[Finding]:
    if not solution.links:
        yield from _alone(solution)
        return
    whole = list(_whole(solution))
    yield from whole
    first, last = _only(solution.first()), _only(solution.last())
    for node in solution.nodes:
        check = CHECKS.get(node.kind)
        if check is not None and (solution.links and _joined(solution, node)):
            yield from (Finding(PREFIX + text, node.id) for text in check(solution, node, first, last))
    yield from _ports(solution)


def _alone(solution: Solution) -> Iterator[Finding]:
    if len(solution.nodes) != 1:
        yield Finding(f"{PREFIX}Composite Solution should contain at least two models to connect")
    elif solution.nodes[0].kind in TOOLS:
        yield Finding(f'{PREFIX}"{solution.nodes[0].name}" should be ML Model only', solution.nodes[0].id)


def _whole(solution: Solution) -> Iterator[Finding]:
    isolated = [node for node in solution.nodes if not _joined(solution, node)]
    if isolated:
        yield Finding(f"{PREFIX}{_names(isolated)} are isolated nodes", isolated[0].id)
    joined = [node for node in solution.first() if node not in isolated]
    if not joined:
        yield Finding(f"{PREFIX}Cyclic Graph is not permitted")
    elif len(joined) > 1:
        yield Finding(f"{PREFIX}Nodes {_names(joined)} are not connected", joined[1].id)
    ends = [node for node in solution.last() if node not in isolated]
    if len(ends) > 1:
        yield Finding(f"{PREFIX}Nodes {_names(ends)} are not connected", ends[1].id)
    if joined and looped(solution):
        yield Finding(f"{PREFIX}Cyclic Graph is not permitted")


def _joined(solution: Solution, node: Node) -> bool:
    return any(node.id in (link.source, link.target) for link in solution.links)


def _names(nodes: list[Node]) -> str:
    return f"[{', '.join(node.name for node in nodes)}]"


def _only(nodes: list[Node]) -> str:
    return nodes[0].id if len(nodes) == 1 else ""


# ---- each kind of node -------------------------------------------------------------------------


def _model(solution: Solution, node: Node, first: str, last: str) -> Iterator[str]:
    came, went = list(solution.before(node.id)), list(solution.after(node.id))
    if node.id != first and len(came) != 1:
        yield f'Multiple Nodes are connected to MLModel "{node.name}"'
    if node.id != last and len(went) != 1:
        yield f'MLModel "{node.name}" is connected to multiple Nodes'
    if came and went and not {link.operation for link in went} <= {link.entry for link in came}:
        yield f'Incorrect ports are connected to MLModel "{node.name}"'


def _broker(solution: Solution, node: Node, first: str, last: str) -> Iterator[str]:
    if any(True for _ in solution.before(node.id)):
        yield f'DataBroker "{node.name}" should be the first Node'
        return
    if len(list(solution.after(node.id))) != 1:
        yield f'DataBroker "{node.name}" is connected to multiple Nodes'
    yield from _not_beside(solution, node, BROKER)
    yield from _mapping(node)


def _mapping(node: Node) -> Iterator[str]:
    found = node.maps.get("data_broker_map")
    if not isinstance(found, dict):
        yield f'DataBroker "{node.name}" Mapping Details should not be empty'
        return
    given = found.get("map_inputs")
    if not given:
        yield f'DataBroker "{node.name}" Input Mapping Details should not be empty'
    elif not all(isinstance(one, dict) and one.get("input_field") for one in given):
        yield f'DataBroker "{node.name}" Input Mapping Input Fields should not be empty'
    elif not any(one["input_field"].get("checked") == "YES" for one in given):
        yield f'DataBroker "{node.name}" Mapping Details should contains at least one check box selected'


def _mapper(solution: Solution, node: Node, first: str, last: str) -> Iterator[str]:
    came, went = len(list(solution.before(node.id))), len(list(solution.after(node.id)))
    if not came:
        yield f'DataMapper "{node.name}" should not be the first Node'
    if not went:
        yield f'DataMapper "{node.name}" should not be the Last Node'
    if came > 1:
        yield f'DataMapper "{node.name}" is connected to multiple Nodes'
    if went > 1:
        yield f'Multiple Nodes are connected to output port of DataMapper "{node.name}"'
    yield from _not_beside(solution, node, MAPPER)
    if came and went and not node.maps.get("data_map"):
        yield f'DataMapper "{node.name}" Mapping Details are Incorrect'


def _not_beside(solution: Solution, node: Node, kind: str) -> Iterator[str]:
    for other in (SPLITTER, COLLATOR):
        for link in solution.after(node.id):
            target = solution.node(link.target)
            if target is not None and target.kind == other:
                yield f'{kind} "{node.name}" cannot be connected to {other}'


def _splitter(solution: Solution, node: Node, first: str, last: str) -> Iterator[str]:
    yield from _inside(solution, node, SPLITTER)
    if len(list(solution.before(node.id))) > 1:
        yield f'Multiple Nodes are connected to Input Port of Splitter "{node.name}"'
    yield from _indicated(node, SPLITTER, node.maps.get("splitter_map"), "map_outputs", "output_field")
    yield from _tools(solution, node, SPLITTER)


def _collator(solution: Solution, node: Node, first: str, last: str) -> Iterator[str]:
    yield from _inside(solution, node, COLLATOR)
    if len(list(solution.after(node.id))) > 1:
        yield f'Multiple Nodes are connected to output port of Collator "{node.name}"'
    yield from _indicated(node, COLLATOR, node.maps.get("collator_map"), "map_inputs", "input_field")
    yield from _tools(solution, node, COLLATOR)


def _inside(solution: Solution, node: Node, kind: str) -> Iterator[str]:
    if not any(True for _ in solution.before(node.id)):
        yield f'{kind} "{node.name}" should not be the first Node'
    if not any(True for _ in solution.after(node.id)):
        yield f'{kind} "{node.name}" should not be the Last Node'


def _indicated(node: Node, kind: str, found: Obj | None, part: str, field: str) -> Iterator[str]:
    for one in (found or {}).get(part) or ():
        if isinstance(one, dict) and str((one.get(field) or {}).get("error_indicator")).lower() == "false":
            yield f'{kind} "{node.name}" Mapping Contains Error Indicator as False'
            return


def _tools(solution: Solution, node: Node, kind: str) -> Iterator[str]:
    for link in solution.before(node.id):
        source = solution.node(link.source)
        if source is not None and source.kind in TOOLS:
            yield f'DS Tool "{source.name}" should not be connected to {kind} : "{node.name}"'
    for link in solution.after(node.id):
        target = solution.node(link.target)
        if target is not None and target.kind in TOOLS:
            yield f'{kind} "{node.name}" should not be connected to DS tool : "{target.name}"'


CHECKS: Mapping[str, Callable[[Solution, Node, str, str], Iterator[str]]] = {
    MODEL: _model, "REST": _model, BROKER: _broker, MAPPER: _mapper, SPLITTER: _splitter, COLLATOR: _collator,
}


# ---- beyond upstream ---------------------------------------------------------------------------


def _entered(solution: Solution) -> Iterator[Finding]:
    """Links whose operations are not named, as in the oldest documents: nobody could be asked."""
    for link in solution.links:
        if not link.entry:
            where = f"{link.source} → {link.target}"
            yield Finding(f"{where}: it is not said by which operation {link.target} is asked", link.target)


def _streams(solution: Solution) -> Iterator[Finding]:
    for node in solution.nodes:
        streams = [one.name for one in node.operations if one.input_stream or one.output_stream]
        if streams:
            words = "containers are asked for one message at a time"
            yield Finding(f"{node.name}.{', '.join(streams)}: a stream, and {words}", node.id)


# ---- ports -------------------------------------------------------------------------------------


def _ports(solution: Solution) -> Iterator[Finding]:
    for link in solution.links:
        why = misfit(solution, link)
        if why:
            yield Finding(f"{link.source}.{link.operation} → {link.target}.{link.entry}: {why}", link.target)


def misfit(solution: Solution, link: Link) -> str:
    """'' if the ports of a link fit, or if too little is known of them."""
    source, target = solution.node(link.source), solution.node(link.target)
    if source is None or target is None or {source.kind, target.kind} & {SPLITTER, COLLATOR}:
        return ""
    for node, name in ((source, link.operation), (target, link.entry)):
        if node.operations and node.operation(name) is None:
            known = ", ".join(one.name for one in node.operations)
            return f"{node.name} has no operation {name!r}: it has {known}"
    gives, takes = source.operation(link.operation), target.operation(link.entry)
    if gives is None or takes is None or not gives.outputs or not takes.inputs:
        return ""
    said = [one.fields is not None for one in (*gives.outputs, *takes.inputs)]
    if not all(said) and source.kind == "REST":
        return ""  # names of JSON values, which upstream's own example does not repeat
    return signature.fit(gives.outputs, takes.inputs)


def matching(solution: Solution, node: str, operation: str) -> list[tuple[str, str]]:
    """(node, operation) of every input that fits an output: Acumos' "Matching Models"."""
    source = solution.node(node)
    gives = source.operation(operation) if source else None
    if gives is None:
        return []
    return [
        (other.id, one.name)
        for other in solution.nodes for one in other.operations
        if other.id != node and one.inputs and not signature.fit(gives.outputs, one.inputs)
    ]
