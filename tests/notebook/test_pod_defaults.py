"""PodDefaults: what they add, what contradicts, and that every new Pod passes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import POD, SERVICE_ACCOUNT
from pinnace.kinds.notebook import POD_DEFAULT
from pinnace.kinds.pod_defaults import Conflict, applied, chosen
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Change
from pinnace.objects.errors import StatusError
from tests.controllers.house import House, pod

SECRET: dict[str, Any] = {
    "env": [{"name": "TOKEN_FILE", "value": "/secret/token"}], "desc": "reach the warehouse",
    "volumeMounts": [{"name": "secret", "mountPath": "/secret"}],
    "volumes": [{"name": "secret", "secret": {"secretName": "warehouse"}}],
}


def default(name: str, label: str = "warehouse", **spec: Any) -> Obj:
    selector = {"matchLabels": {label: "true"}}
    return {"metadata": {"name": name, "resourceVersion": "7"}, "spec": {"selector": selector, **spec}}


def fresh(name: str, **spec: Any) -> Obj:
    """As somebody sends it."""
    found = default(name, **spec)
    return {**found, "metadata": {"name": name}}


def asking(**container: Any) -> Obj:
    main = {"name": "main", "image": "busybox", **container}
    return {
        "metadata": {"name": "one", "labels": {"warehouse": "true"}},
        "spec": {"containers": [main], "initContainers": [{"name": "first", "image": "busybox"}]},
    }


def test_what_is_asked_for_is_added() -> None:
    before = asking(args=["mine"])
    found = applied(before, [
        default("a", **SECRET, labels={"team": "red"},
                annotations={"note": "x", "pinnace.dev/isolation": "process"}),
        default("b", serviceAccountName="robot", command=["run"], args=["theirs"], sidecars=[{"name": "s"}],
                tolerations=[{"key": "gpu", "operator": "Exists"}], automountServiceAccountToken=False),
    ])
    assert before == asking(args=["mine"]), "the caller's document stays as it was"
    assert found["metadata"]["labels"] == {"warehouse": "true", "team": "red"}
    assert found["metadata"]["annotations"] == {
        "note": "x", "poddefault.admission.kubeflow.org/poddefault-a": "7",
        "poddefault.admission.kubeflow.org/poddefault-b": "7",
    }
    spec = found["spec"]
    main, sidecar = spec["containers"]
    assert (main["env"], main["volumeMounts"]) == (SECRET["env"], SECRET["volumeMounts"])
    assert (main["command"], main["args"]) == (["run"], ["mine"]), "only where there is none"
    assert sidecar == {"name": "s"}
    assert spec["initContainers"] == [{"name": "first", "image": "busybox"}]
    assert (spec["volumes"], spec["serviceAccountName"]) == (SECRET["volumes"], "robot")
    assert spec["automountServiceAccountToken"] is False
    assert spec["tolerations"] == [{"key": "gpu", "operator": "Exists"}]


def test_the_same_twice_is_no_contradiction() -> None:
    found = applied(asking(env=SECRET["env"]), [default("a", **SECRET), default("b", **SECRET)])
    assert found["spec"]["containers"][0]["env"] == SECRET["env"]
    assert len(found["spec"]["volumes"]) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"env": [{"name": "TOKEN_FILE", "value": "/else"}]},
        {"volumes": [{"name": "secret", "emptyDir": {}}]},
        {"volumeMounts": [{"name": "else", "mountPath": "/secret"}]},
        {"labels": {"warehouse": "false"}},
    ],
)
def test_contradictions_are_named(other: dict[str, Any]) -> None:
    with pytest.raises(Conflict, match=r"TOKEN_FILE|secret|warehouse"):
        applied(asking(), [default("a", **SECRET), default("b", **other)])


def test_who_gets_them() -> None:
    every = [default("b"), default("a"), default("c", label="else")]
    assert [one["metadata"]["name"] for one in chosen(asking(), every)] == ["a", "b"]
    spared = asking()
    spared["metadata"]["annotations"] = {"poddefault.admission.kubeflow.org/exclude": "true"}
    assert chosen(spared, every) == []


@pytest.mark.anyio
async def test_every_new_pod_passes_them(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        await house.namespace()
        labelled = pod("one")
        labelled["metadata"]["labels"] = {"warehouse": "true"}
        sidecar = {"name": "s", "image": "x"}
        await house.create(POD_DEFAULT, fresh("a", env=SECRET["env"], sidecars=[sidecar]))
        made = await house.create(POD, labelled)
        assert made["spec"]["containers"][0]["env"] == SECRET["env"]
        assert made["spec"]["containers"][1]["terminationMessagePath"], "complete, as any container"
        meta = {**labelled["metadata"], "name": "two", "namespace": "default"}
        change = Change(verb="create", resource=POD, trusted=True, obj={**labelled, "metadata": meta})
        (derived,) = await house.client.transact([change])
        assert derived["spec"]["containers"][0]["env"] == SECRET["env"]
        assert "env" not in (await house.create(POD, pod("plain")))["spec"]["containers"][0]

        await house.create(POD_DEFAULT, fresh("b", serviceAccountName="robot"))
        refused = {**labelled, "metadata": {**labelled["metadata"], "name": "three"}}
        with pytest.raises(StatusError, match='serviceaccount "robot" not found'):
            await house.create(POD, refused)
        await house.create(SERVICE_ACCOUNT, {"metadata": {"name": "robot"}})
        assert (await house.create(POD, refused))["spec"]["serviceAccountName"] == "robot"
        await house.create(POD_DEFAULT, fresh("c", env=[{"name": "TOKEN_FILE", "value": "/else"}]))
        refused["metadata"]["name"] = "four"
        words = "conflict occurred while applying poddefaults: a, b, c on pod: four"
        with pytest.raises(StatusError, match=words):
            await house.create(POD, refused)
    finally:
        await house.store.close()
