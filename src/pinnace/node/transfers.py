"""Artifacts that lie elsewhere: brought into `data/` before a pod starts, sent after its outputs are taken.

Called by `pod`, only where a pod has such artifacts. The work is done by `pinnace.data.remote`, one process a
pod, so that no credential, no library of a store and no foreign archive is in the node's own process; the
credentials go by a descriptor that is no file anywhere. Names of the cluster network's Services come with
their address.
"""

from __future__ import annotations

import os
import sys
import tempfile
from urllib.parse import urlsplit

import msgspec

from pinnace.data.remote.jobs import Answer, Job, Jobs
from pinnace.node.protocol import LOGS, Collected, Input, Remote, Run
from pinnace.node.services import Services

TOLD = 2000


class NotFetched(Exception):
    """An input cannot be had; the text is the pod's message."""


async def fetched(services: Services, run: Run) -> Run:
    """The run with digests in place of locations. Raises NotFetched."""
    wanted = [given for given in run.inputs if given.remote is not None]
    answers = await done(services, [_get(services, run, given) for given in wanted])
    found = {given.name: _staged(given, answer) for given, answer in zip(wanted, answers, strict=True)}
    return msgspec.structs.replace(run, inputs=[found.get(given.name, given) for given in run.inputs])


def _get(services: Services, run: Run, given: Input) -> Job:
    remote = given.remote
    assert remote is not None
    job = Job("get", given.name, remote.kind, remote.where, archive=remote.archive)
    job.dial = dialled(services, run.namespace, remote)
    return job


def _staged(given: Input, answer: Answer) -> Input:
    if answer.error and not (answer.absent and given.optional):
        raise NotFetched(f"artifact {given.name} failed to load: {answer.error}")
    return Input(given.name, given.path, answer.digest, None, given.mode, given.recurse, None, given.optional)


async def sent(services: Services, run: Run, collected: Collected) -> None:
    """What was collected goes where it belongs; a failure becomes the collection's error."""
    jobs = _puts(services, run, collected)
    for job, answer in zip(jobs, await done(services, jobs), strict=True):
        if answer.error and not collected.error:
            collected.error = f"failed to save artifact {job.name}: {answer.error}"


def _puts(services: Services, run: Run, collected: Collected) -> list[Job]:
    outputs = run.outputs
    assert outputs is not None
    targets = [
        (output.name, output.remote, os.path.basename(output.path.rstrip("/")))
        for output in outputs.artifacts
    ]
    targets.append((LOGS, outputs.logs_to, "main.log"))
    jobs = []
    for name, remote, base in targets:
        taken = collected.artifacts.get(name)
        if remote is None or taken is None:
            continue
        job = Job(
            "put", name, remote.kind, remote.where, remote.archive, remote.level, taken.digest, base=base
        )
        job.dial = dialled(services, run.namespace, remote)
        jobs.append(job)
    return jobs


def dialled(services: Services, namespace: str, remote: Remote) -> str:
    """The address of the Service that a location's host is, '' if it is none."""
    place = str(remote.where.get("endpoint") or remote.where.get("url") or remote.where.get("repo") or "")
    host = urlsplit(place if "://" in place else f"//{place}").hostname or ""
    stem = host.removesuffix(".cluster.local").removesuffix(".svc")
    name, _, elsewhere = stem.partition(".")
    found = services.cluster.picture.services.get((elsewhere or namespace, name))
    if found is None or found.external:
        return ""
    if found.address and not found.address.startswith("127."):
        return found.address
    return found.pods[0][0] if found.pods else ""


async def done(services: Services, jobs: list[Job]) -> list[Answer]:
    """Runs the process; what it says, or the same error for each job."""
    home = services.home
    asked = msgspec.json.encode(Jobs(str(home.data), str(home.run), jobs))
    reading, said, wrong = nameless(), nameless(), nameless()
    try:
        os.write(reading, asked)
        os.lseek(reading, 0, os.SEEK_SET)
        async with services.transfers:
            code = await services.reaper.run(
                [sys.executable, "-m", "pinnace.data.remote"],
                dict(os.environ),
                stdin=reading,
                output=said,
                errors=wrong,
            )
        answer = _whole(said)
        if code == 0 and answer:
            return msgspec.json.decode(answer, type=list[Answer])
        lines = _whole(wrong).decode(errors="replace").strip()[-TOLD:]
        print(f"node: a transfer ended with {code}: {lines}", file=sys.stderr, flush=True)
        return [Answer(error=f"the transfer ended with exit code {code}; see node.log") for _ in jobs]
    finally:
        for descriptor in (reading, said, wrong):
            os.close(descriptor)


def nameless() -> int:
    """A descriptor of a file that nobody else can open; in memory where there is such a thing."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("transfer", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _whole(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0)
