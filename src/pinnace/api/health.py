"""`/healthz`, `/livez`, `/readyz`: for supervisors and scripts, without credentials and without data."""

from __future__ import annotations

from pinnace.api.context import ApiContext, Route
from pinnace.api.http import Request, not_found

READS = frozenset({"GET", "HEAD"})
ALWAYS = ("ping", "log")


def routes(context: ApiContext) -> list[Route]:
    async def health(request: Request) -> None:
        parts = request.segments()
        checks = {} if parts[0] == "livez" else context.checks
        await _answer(request, parts, {name: check() for name, check in checks.items()})

    paths = [path for name in ("healthz", "livez", "readyz") for path in (f"/{name}", f"/{name}/*")]
    return [Route(path, health, READS, public=True) for path in paths]


async def _answer(request: Request, parts: list[str], found: dict[str, str]) -> None:
    results = {**dict.fromkeys(ALWAYS, ""), **found}
    if len(parts) > 1:
        if parts[1] not in results or len(parts) > 2:
            raise not_found()
        results = {parts[1]: results[parts[1]]}
    healthy = not any(results.values())
    if healthy and "verbose" not in request.query:
        await request.text(200, "ok")
        return
    lines = [f"[-]{name} failed: {wrong}" if wrong else f"[+]{name} ok" for name, wrong in results.items()]
    lines.append(f"{parts[0]} check {'passed' if healthy else 'failed'}")
    await request.text(200 if healthy else 503, "\n".join(lines) + "\n")
