"""Who may push for a trial, what is told of it, and the bytes in which both are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnace.controllers.built_in import JOB, NAMESPACE, POD
from pinnace.controllers.tuning.observations import Observations, of_logs
from pinnace.controllers.tuning.offspring import Offspring
from pinnace.kinds.katib import TRIAL
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change
from pinnace.objects.errors import StatusError
from pinnace.runtimes import wire
from tests.controllers.house import House, pod

from .documents import job

pytestmark = pytest.mark.anyio
MINE, OTHERS, GATEWAY = "10.88.4.1", "10.88.4.2", "10.88.0.1"


async def born(house: House, name: str, address: str, namespace: str = "default") -> Obj:
    """A trial whose run has one pod, which runs at this address."""
    run = {**job("true"), "metadata": {"name": name, "namespace": namespace}}
    trial = await house.create(TRIAL, {"metadata": {"name": name}, "spec": {"runSpec": run}}, namespace)
    owned = {"ownerReferences": [reference(trial)]}
    made = await house.create(JOB, {**job("true"), "metadata": {"name": name, **owned}}, namespace)
    document = pod(name)
    document["metadata"] |= {"namespace": namespace, "ownerReferences": [reference(made)]}
    child = await house.create(POD, document, namespace)
    status = {**child["status"], "phase": "Running", "podIP": address}
    await house.client.transact([Change(verb="system", resource=POD, obj={**child, "status": status})])
    return trial


def reference(owner: Obj) -> Obj:
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"],
        "controller": True,
    }


def logs(*values: str, metric: str = "loss") -> Any:
    return of_logs({"time": "2026-01-01T00:00:01Z", "metric": metric, "value": one} for one in values)


async def refused(house: Observations, trial: str, peer: str) -> int:
    with pytest.raises(StatusError) as caught:
        await house.report(trial, peer, "9", logs("1"))
    return caught.value.code


async def test_a_report_is_kept_once_and_only_from_the_trials_own_pod(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.namespace()
    found = Observations(house.client, house.store, Offspring(house.client, house.client.house.catalogue))
    await born(house, "one-a", MINE)
    await born(house, "two-a", OTHERS)

    await found.report("one-a", MINE, "1-x", logs("3"))
    await found.report("one-a", MINE, "1-x", logs("3"))  # sent again, because nobody heard the answer
    await found.report("one-a", GATEWAY, "2-x", logs("2", metric="other"))

    assert [(one["metric"], one["value"]) for one in found.logs("one-a")] == [("loss", "3"), ("other", "2")]
    assert found.logs("one-a", "loss")[0]["time"] == "2026-01-01T00:00:01Z"
    assert found.logs("one-a", start="2026-01-01T00:00:02Z") == found.logs("nobody") == []
    assert await refused(found, "one-a", OTHERS) == 403
    assert await refused(found, "nobody", MINE) == 404
    await found.forget("one-a", MINE)
    assert found.logs("one-a") == []
    await house.store.close()


async def test_trials_of_one_name_are_told_apart_by_who_asks_and_a_finished_one_hears_nothing(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    await house.namespace()
    await house.client.create(NAMESPACE, {"metadata": {"name": "team"}})
    found = Observations(house.client, house.store, Offspring(house.client, house.client.house.catalogue))
    await born(house, "one-a", MINE)
    trial = await born(house, "one-a", OTHERS, "team")
    await found.report("one-a", OTHERS, "1", logs("5"))
    assert found.reports("team/one-a") == logs("5")
    assert found.reports("default/one-a") == []

    over = {"conditions": [{"type": "Succeeded", "status": "True"}]}
    await house.client.transact([Change(verb="status", resource=TRIAL, obj={**trial, "status": over})])
    assert await refused(found, "one-a", OTHERS) == 409
    await house.store.close()


@given(st.lists(st.tuples(st.integers(1, 40), st.text(min_size=1, max_size=300))))
def test_what_is_written_on_the_wire_is_read_again(message: list[tuple[int, str]]) -> None:
    data = b"".join(wire.field(number, text) for number, text in message)
    assert list(wire.fields(data)) == [(number, text.encode()) for number, text in message]


@given(st.binary(max_size=60))
def test_bytes_that_are_no_message_are_said_to_be_damaged(data: bytes) -> None:
    try:
        list(wire.fields(data))
    except wire.Damaged:
        pass
