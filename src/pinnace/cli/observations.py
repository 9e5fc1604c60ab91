"""The route by which `katib-db-manager` hands on what trials push and what is asked of them.

Only that server's account (and who may all) is heard: it alone knows whose address a report came from.
"""

from __future__ import annotations

import msgspec

from pinnace.api.context import Route
from pinnace.api.http import Request
from pinnace.cli.given import Platform
from pinnace.objects.errors import StatusError

PREFIX = "/pinnace/v1/observations/"
ACCOUNT = "system:serviceaccount:kubeflow:katib-db-manager"


class Pushed(msgspec.Struct, frozen=True):
    """`logs` are of `time`, `metric` and `value`; `id` is the same when a report is sent again."""

    id: str
    peer: str
    logs: list[dict[str, str]]


def route(platform: Platform) -> Route:
    async def answer(request: Request) -> None:
        from pinnace.controllers.tuning.observations import Observations, of_logs
        from pinnace.controllers.tuning.offspring import Offspring

        if request.identity.user != ACCOUNT and "system:masters" not in request.identity.groups:
            words = f"observations are pushed through {ACCOUNT.rpartition(':')[2]}"
            raise StatusError(403, "Forbidden", words)
        found = Observations(
            platform.client, platform.store, Offspring(platform.client, platform.catalogue)
        )
        trial, query = request.segments()[-1], request.query
        if request.method == "POST":
            pushed = _read(await request.body())
            await found.report(trial, pushed.peer, pushed.id, of_logs(pushed.logs))
        elif request.method == "DELETE":
            await found.forget(trial, query.get("peer", ""))
        else:
            asked = (query.get(key, "") for key in ("metric", "start", "end"))
            await request.json(200, {"logs": found.logs(trial, *asked)})
            return
        await request.json(200, {})

    return Route(f"{PREFIX}*", answer, frozenset({"GET", "POST", "DELETE"}), judged=True)


def _read(body: bytes) -> Pushed:
    try:
        return msgspec.json.decode(body, type=Pushed)
    except msgspec.MsgspecError as error:
        raise StatusError(400, "BadRequest", f"the report cannot be read: {error}") from None
