"""`katib-db-manager`: upstream's gRPC service of trials' observations, in front of the platform's API.

`python -m pinnace.runtimes.katib [--host ADDRESS]`, started in a pod by `controllers/tuning`.
It keeps nothing: each call becomes one request to control, which knows whose pod asks (`peer`) and commits
before it answers. While control is away a call waits, as long as its caller does or a minute; a report has
an id of its own, so that one that is sent twice counts once.
Source: kubeflow/katib pkg/apis/manager/v1beta1/api.proto, pkg/db/v1beta1.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import ssl
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from grpclib.const import Cardinality, Handler, Status  # type: ignore[import-not-found,unused-ignore]
from grpclib.encoding.base import CodecBase  # type: ignore[import-not-found,unused-ignore]
from grpclib.exceptions import GRPCError  # type: ignore[import-not-found,unused-ignore]
from grpclib.server import Server  # type: ignore[import-not-found,unused-ignore]
from grpclib.utils import graceful_exit  # type: ignore[import-not-found,unused-ignore]

from pinnace.runtimes import wire

PORT = 6789
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PATH = "/pinnace/v1/observations/"
PATIENCE, PAUSE = 60.0, 0.2
"""Seconds for which a request is tried again, and between two tries."""
SERVING = b"\x08\x01"
"""A HealthCheckResponse whose status is SERVING."""
STATUSES = {
    400: Status.INVALID_ARGUMENT, 403: Status.PERMISSION_DENIED, 404: Status.NOT_FOUND,
    409: Status.FAILED_PRECONDITION,
}
Answer = dict[str, Any]


class Raw(CodecBase):  # type: ignore[misc,unused-ignore]
    """Messages are read and written by `wire`."""

    __content_subtype__ = "proto"

    def encode(self, message: bytes, message_type: Any) -> bytes:
        return message

    def decode(self, data: bytes, message_type: Any) -> bytes:
        return data


class Control:
    """The platform's API, as any client in a pod finds it."""

    def __init__(self, environment: Mapping[str, str], account: Path) -> None:
        self.host = environment["KUBERNETES_SERVICE_HOST"]
        self.port = int(environment["KUBERNETES_SERVICE_PORT"])
        self.account = account
        self.trust = ssl.create_default_context(cafile=str(account / "ca.crt"))

    async def ask(self, method: str, trial: str, query: str = "", body: Any = None) -> Answer:
        """Raises GRPCError: refused, or nobody answered for a minute."""
        path, until = PATH + quote(trial, safe="") + query, time.monotonic() + PATIENCE
        while True:
            try:
                code, found = await asyncio.to_thread(self._ask, method, path, body)
            except (OSError, http.client.HTTPException, ValueError) as error:
                code, found = 503, {"message": f"the platform's API does not answer: {error}"}
            if code < 300:
                return found
            if code < 500 and code != 401:
                raise GRPCError(STATUSES.get(code, Status.UNKNOWN), str(found.get("message")))
            if time.monotonic() > until:
                raise GRPCError(Status.UNAVAILABLE, str(found.get("message")))
            await asyncio.sleep(PAUSE)

    def _ask(self, method: str, path: str, body: Any) -> tuple[int, Answer]:
        token = (self.account / "token").read_text()
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=20, context=self.trust)
        try:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            found = json.loads(answer.read() or b"{}")
            return answer.status, found if isinstance(found, dict) else {}
        finally:
            connection.close()


class DBManager:
    def __init__(self, ask: Callable[..., Any]) -> None:
        self.ask = ask

    def __mapping__(self) -> dict[str, Handler]:
        calls = {
            "/api.v1.beta1.DBManager/ReportObservationLog": self.report,
            "/api.v1.beta1.DBManager/GetObservationLog": self.get,
            "/api.v1.beta1.DBManager/DeleteObservationLog": self.delete,
            "/grpc.health.v1.Health/Check": self.check,
        }
        return {path: Handler(_answering(call), Cardinality.UNARY_UNARY, bytes, bytes)
                for path, call in calls.items()}

    async def report(self, message: bytes, peer: str) -> bytes:
        """ReportObservationLogRequest: trial_name 1, observation_log 2."""
        logs = [one for log in wire.inner(message, 2) for one in wire.inner(log, 1)]
        number = f"{time.time_ns()}-{uuid.uuid4().hex}"
        body = {"id": number, "peer": peer, "logs": [of_log(one) for one in logs]}
        await self.ask("POST", _name(message), body=body)
        return b""

    async def get(self, message: bytes, _peer: str) -> bytes:
        """GetObservationLogRequest: trial_name 1, metric_name 2, start_time 3, end_time 4."""
        asked = wire.texts(message)
        named = {"metric": asked.get(2), "start": asked.get(3), "end": asked.get(4)}
        query = "&".join(f"{key}={quote(value, safe='')}" for key, value in named.items() if value)
        found = await self.ask("GET", asked.get(1, ""), f"?{query}" if query else "")
        return wire.field(1, b"".join(wire.field(1, log_of(one)) for one in found.get("logs") or ()))

    async def delete(self, message: bytes, peer: str) -> bytes:
        await self.ask("DELETE", _name(message), f"?peer={quote(peer, safe='')}")
        return b""

    async def check(self, _message: bytes, _peer: str) -> bytes:
        return SERVING


def _name(message: bytes) -> str:
    return next((found.decode() for found in wire.inner(message, 1)), "")


def of_log(data: bytes) -> dict[str, str]:
    """MetricLog: time_stamp 1, metric 2 (name 1, value 2)."""
    metric = wire.texts(next(wire.inner(data, 2), b""))
    moment = next(wire.inner(data, 1), b"").decode()
    return {"time": moment, "metric": metric.get(1, ""), "value": metric.get(2, "")}


def log_of(log: Mapping[str, str]) -> bytes:
    metric = wire.field(1, log["metric"]) + wire.field(2, log["value"])
    return wire.field(1, log["time"]) + wire.field(2, metric)


def _answering(call: Callable[[bytes, str], Any]) -> Callable[[Any], Any]:
    async def answer(stream: Any) -> None:
        message = await stream.recv_message()
        try:
            said = await call(message or b"", _peer(stream))
        except (wire.Damaged, UnicodeDecodeError) as error:
            raise GRPCError(Status.INVALID_ARGUMENT, f"the message cannot be read: {error}") from None
        await stream.send_message(said)

    return answer


def _peer(stream: Any) -> str:
    address = stream.peer.addr()
    return str(address[0]) if address else ""


async def serve(host: str, port: int, account: Path) -> None:
    control = Control(os.environ, account)
    server = Server([DBManager(control.ask)], codec=Raw())
    with graceful_exit([server]):
        await server.start(host, port)
        print(f"Start Katib manager: {host}:{port}", flush=True)
        await server.wait_closed()


def main() -> None:
    parser = argparse.ArgumentParser(prog="katib-db-manager")
    parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 - of its own pod
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--account", type=Path, default=ACCOUNT, help="a folder with token and ca.crt")
    options = parser.parse_args()
    asyncio.run(serve(options.host, options.port, options.account))


if __name__ == "__main__":
    main()
