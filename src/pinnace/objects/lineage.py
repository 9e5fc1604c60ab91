"""What an execution read, ran and left, by digest: an append-only record.

`controllers/workflow` adds these rows to the commit that ends a node, so that lineage is never ahead of or
behind what happened; readers (`api`, the console, OpenLineage) follow digests between them.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pinnace.store.interface import Row

KIND = "lineage"
USES = "lineage-uses"


class Execution(msgspec.Struct, frozen=True, omit_defaults=True):
    """One pod's run. `inputs` and `outputs` map artifact names to digests; `code` is the digest of what ran
    (image or script and command), `environment` that of where it ran. Times are unix seconds."""

    pod: str
    namespace: str
    workflow: str
    node: str
    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}
    parameters: dict[str, str] = {}
    code: str = ""
    environment: str = ""
    started: float = 0
    finished: float = 0


def rows(execution: Execution) -> list[Row]:
    """The record, by (workflow uid or name, pod uid), and one index row for each digest that it touched."""
    record = Row(KIND, execution.workflow, execution.pod, msgspec.json.encode(execution))
    touched = dict.fromkeys([*execution.inputs.values(), *execution.outputs.values()])
    where = msgspec.json.encode([execution.workflow, execution.pod])
    return [record, *(Row(USES, digest, execution.pod, where) for digest in touched)]


def read(bodies: Iterable[bytes]) -> list[Execution]:
    """Of the bodies of `lineage` rows."""
    return [msgspec.json.decode(body, type=Execution) for body in bodies]
