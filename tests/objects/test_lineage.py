"""Lineage rows: one record, found again from every digest it touched."""

from __future__ import annotations

import msgspec

from pinnace.objects.lineage import Execution, read, rows


def test_an_execution_is_found_by_its_workflow_and_by_each_digest() -> None:
    execution = Execution("pod-1", "ns", "wf-1", "n", inputs={"x": "aa"}, outputs={"m": "bb", "same": "aa"})
    record, *uses = rows(execution)
    assert (record.kind, record.owner, record.key) == ("lineage", "wf-1", "pod-1")
    assert read([record.body or b""]) == [execution]
    assert [use.owner for use in uses] == ["aa", "bb"]
    assert {tuple(msgspec.json.decode(use.body or b"")) for use in uses} == {("wf-1", "pod-1")}
