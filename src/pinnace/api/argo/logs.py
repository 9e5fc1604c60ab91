"""What a workflow's pods say, in one stream: ordered by time, followed on wish until the workflow ends.

Lines come straight from the node's files, read beside the loop in batches. Source of the options: upstream
util/logs/workflow-logger.go (`podName`, `grep`, `selector`, `logOptions.*`; the container is `main` unless
another is named).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import islice
from typing import Any

import msgspec

from pinnace.api.argo import lines
from pinnace.api.argo.call import SENT, Call, Entry
from pinnace.api.argo.errors import invalid
from pinnace.api.argo.lines import Line, Tail, Wanted
from pinnace.api.argo.stream import Stream
from pinnace.api.argo.workflows import found
from pinnace.home import Home
from pinnace.kinds.argo import COMPLETED, DOMAIN, WORKFLOW
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Selection
from pinnace.objects.local import Local

POD = Resource(group="", version="v1", kind="Pod", plural="pods", singular="pod")
MAIN = "main"
BATCH = 512
FIRST_POLL, LONGEST_POLL = 0.02, 0.25
PAGE = 500
TURN = 50
"""Pods that are looked at in one turn of the loop."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    pod: str = ""
    selector: str = ""
    container: str = MAIN
    follow: bool = False
    previous: bool = False
    wanted: Wanted = Wanted()

    @classmethod
    def of(cls, call: Call) -> Options:
        """StatusError 400."""
        query = call.query
        seconds = call.number("logOptions.sinceSeconds")
        since = time.time() - seconds if seconds is not None else lines.moment(query)
        return cls(
            pod=call.names.get("pod") or query.get("podName", ""), selector=query.get("selector", ""),
            container=query.get("logOptions.container") or MAIN,
            follow=call.flag("logOptions.follow"), previous=call.flag("logOptions.previous"),
            wanted=Wanted(
                tail=call.number("logOptions.tailLines"), since=since,
                limit=call.number("logOptions.limitBytes"), timestamps=call.flag("logOptions.timestamps"),
                grep=query.get("grep", ""),
            ),
        )


async def answer(call: Call) -> Any:
    asked = Options.of(call)
    workflow = await found(call)
    call.may("get", call.namespace, asked.pod, resource=POD, subresource="log")
    call.may("list", call.namespace, resource=POD)
    try:
        keeps = lines.pattern(asked.wanted.grep)
    except ValueError as error:
        raise invalid(f"grep: {error}") from None
    reading = Reading(call.client, call.given.home, workflow, asked, keeps)
    await Stream(call.request).run(reading.messages())
    return SENT


class Reading:
    def __init__(
        self, client: Local, home: Home, workflow: Obj, asked: Options, keeps: Callable[[str], bool]
    ) -> None:
        self.client, self.home, self.workflow = client, home, workflow
        self.asked, self.keeps = asked, keeps
        self.seen: set[str] = set()
        self.news = asyncio.Event()

    def messages(self) -> AsyncIterator[Any]:
        return self._followed() if self.asked.follow else self._recent()

    async def _recent(self) -> AsyncIterator[Any]:
        tails = [tail async for tail in self._tails()]
        merged = lines.merged(tails)
        while batch := await asyncio.to_thread(lambda: list(islice(merged, BATCH))):
            for line in batch:
                if self.keeps(line.content):
                    yield line.message()

    async def _followed(self) -> AsyncIterator[Any]:
        """Pods come and go: each is read as it grows, until it has ended and there is no more of it."""
        stop = self.client.listen(lambda events: self.news.set() if any(
            event.resource in (POD.key, WORKFLOW.key) for event in events) else None)
        tails: list[Tail] = []
        pause = FIRST_POLL
        try:
            while True:
                over = self._over()
                if self.news.is_set() or not self.seen:
                    self.news.clear()
                    tails += [tail async for tail in self._tails()]
                ended = {tail for tail in tails if self._ended(tail)}
                batch = await asyncio.to_thread(_more, tails)
                for line in batch:
                    if self.keeps(line.content):
                        yield line.message()
                tails = [tail for tail in tails if not (tail in ended and tail.dry)]
                if over and not batch and not tails:
                    return
                pause = FIRST_POLL if batch else min(pause * 1.5, LONGEST_POLL)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.news.wait(), 0 if batch else pause)
        finally:
            stop()

    async def _tails(self) -> AsyncIterator[Tail]:
        """Of the pods that were not read before and have begun, in the order in which they began."""
        meta = self.workflow["metadata"]
        labels = ",".join(filter(None, (f"{DOMAIN}workflow={meta['name']}", self.asked.selector)))
        fields = f"metadata.name={self.asked.pod}" if self.asked.pod else ""
        selection = Selection(labels=labels, fields=fields, limit=PAGE)
        fresh: list[Obj] = []
        while True:
            page = await self.client.list(POD, meta["namespace"], selection)
            fresh += [pod for pod in page.items if self._new(pod)]
            if not page.continue_:
                break
            selection = msgspec.structs.replace(selection, continue_=page.continue_)
            await asyncio.sleep(0)
        fresh.sort(key=lambda pod: str((pod.get("status") or {}).get("startTime") or ""))
        for number, pod in enumerate(fresh, 1):
            self.seen.add(pod["metadata"]["uid"])
            yield self._tail(pod)
            if number % TURN == 0:
                await asyncio.sleep(0)

    def _new(self, pod: Obj) -> bool:
        begun = (pod.get("status") or {}).get("phase") not in (None, "", "Pending")
        return begun and pod["metadata"]["uid"] not in self.seen

    def _tail(self, pod: Obj) -> Tail:
        meta, container = pod["metadata"], self.asked.container
        names = [one["name"] for one in pod["spec"].get("containers") or ()]
        if container not in names and container == MAIN and len(names) == 1:
            container = names[0]
        restarts = next((int(one.get("restartCount") or 0) for one in
                         (pod.get("status") or {}).get("containerStatuses") or ()
                         if one.get("name") == container), 0)
        life = max(0, restarts - 1) if self.asked.previous else restarts
        return Tail(meta["name"], meta["uid"], self.home.log(meta["uid"], container, life), self.asked.wanted)

    def _ended(self, tail: Tail) -> bool:
        pod = self.client.peek(POD, tail.pod, self.workflow["metadata"]["namespace"])
        if pod is None or pod["metadata"]["uid"] != tail.uid:
            return True
        return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")

    def _over(self) -> bool:
        meta = self.workflow["metadata"]
        now = self.client.peek(WORKFLOW, meta["name"], meta["namespace"])
        if now is None or now["metadata"]["uid"] != meta["uid"]:
            return True
        return (now.get("status") or {}).get("phase") in COMPLETED


def _more(tails: list[Tail]) -> list[Line]:
    found = [line for tail in tails for line in tail.more()]
    found.sort(key=lambda line: line.time)
    return found


BASE = "/api/v1/workflows/{namespace}/{name}"
ROUTES: list[Entry] = [("GET", BASE + "/log", answer), ("GET", BASE + "/{pod}/log", answer)]
