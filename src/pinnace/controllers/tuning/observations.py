"""What trials report of themselves through `katib-db-manager`, and what every trial has reported.

Callers: the route `/pinnace/v1/observations/TRIAL`, which that server asks (`runtimes/katib.py`), and
`trials`, which makes an observation of it. Rows: "pushed", owner `<namespace>/<trial>`, one for each report
while the trial goes on; "observation", all of a finished one. Upstream's calls carry the trial's name alone,
so the first namespace that has one of it is meant. Invariant: a pod reports for its own trial.
Source: kubeflow/katib pkg/db/v1beta1, cmd/db-manager/v1beta1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from pinnace.controllers.built_in import NAMESPACE
from pinnace.controllers.tuning.offspring import Offspring
from pinnace.controllers.tuning.reports import Report, seconds
from pinnace.kinds import katib
from pinnace.kinds.katib import TRIAL
from pinnace.kinds.resource import Obj
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Row, Store

OBSERVATION, PUSHED = "observation", "pushed"
OUTSIDE = ("127.", ".0.1")
"""An address that starts or ends so is this machine's user: loopback, or the cluster network's gateway, by
which `kubectl port-forward` comes. No pod has one."""
UNTOLD = "0001-01-01T00:00:00Z"
_reports = msgspec.json.Decoder(list[Report])


class Observations:
    def __init__(self, client: Local, store: Store, offspring: Offspring) -> None:
        self.client = client
        self.store = store
        self.offspring = offspring

    async def report(self, trial: str, peer: str, number: str, reports: list[Report]) -> None:
        """StatusError 404, 403 or 409: no such trial, another's pod, or it is over."""
        found = self._of(trial, peer)
        if katib.phase(found) in katib.ENDINGS:
            raise StatusError(409, "Conflict", f"trial {trial} is over: {katib.phase(found)}")
        row = Row(PUSHED, owner(found), number, msgspec.json.encode(reports))
        await self.client.transact([], [row])

    async def forget(self, trial: str, peer: str) -> None:
        """StatusError 404 or 403."""
        of = owner(self._of(trial, peer))
        await self.client.transact([], [Row(kind, of, "*", None) for kind in (PUSHED, OBSERVATION)])

    def logs(self, trial: str, metric: str = "", start: str = "", end: str = "") -> list[dict[str, str]]:
        """As upstream's table holds them, the oldest first; none of a trial that nobody knows."""
        first, last = seconds(start), seconds(end) or float("inf")
        return [
            {"time": _written(one.time), "metric": one.metric, "value": one.value}
            for found in self._named(trial) for one in self.reports(owner(found))
            if metric in ("", one.metric) and first <= one.time <= last
        ]

    def reports(self, of: str) -> list[Report]:
        body = self.store.row(OBSERVATION, of)
        return _reports.decode(body) if body is not None else self.pushed(of)

    def pushed(self, of: str) -> list[Report]:
        return [one for *_, body in self.store.rows(PUSHED, of) for one in _reports.decode(body)]

    def _of(self, trial: str, peer: str) -> Obj:
        """The trial that this peer may speak for."""
        candidates = list(self._named(trial))
        for found in candidates:
            if self._speaks(found, peer):
                return found
        if not candidates:
            raise StatusError(404, "NotFound", f"no trial is called {trial}")
        words = f"only a pod of trial {trial} reports for it, and {peer} is none of its pods' addresses"
        raise StatusError(403, "Forbidden", words)

    def _named(self, trial: str) -> Iterator[Obj]:
        for namespace in self.client.peek_list(NAMESPACE).items:
            found = self.client.peek(TRIAL, trial, namespace["metadata"]["name"])
            if found is not None:
                yield found

    def _speaks(self, trial: Obj, peer: str) -> bool:
        if peer.startswith(OUTSIDE[0]) or peer.endswith(OUTSIDE[1]):
            return True
        run = self.offspring.run(trial, katib.trial(trial))
        return run is not None and any(_has(pod, peer) for pod in self.offspring.pods(run))


def _has(pod: Obj, peer: str) -> bool:
    status = pod.get("status") or {}
    return status.get("podIP") == peer and status.get("phase") not in ("Succeeded", "Failed")


def owner(trial: Obj) -> str:
    return f"{trial['metadata']['namespace']}/{trial['metadata']['name']}"


def of_logs(logs: Iterable[dict[str, str]]) -> list[Report]:
    return [Report(one["metric"], one["value"], seconds(one["time"])) for one in logs]


def _written(moment: float) -> str:
    if not moment:
        return UNTOLD
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
