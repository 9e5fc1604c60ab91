"""Run by the environment of a trial: pushes metrics as Katib's SDK does, with gRPC alone.

`python -c PROGRAM VALUE COUNT [PAUSE]` reports `loss` COUNT times, the last time VALUE.
"""

import asyncio
import os
import sys
import time

from grpclib.client import Channel, UnaryUnaryMethod  # type: ignore[import-not-found,unused-ignore]
from grpclib.encoding.base import CodecBase  # type: ignore[import-not-found,unused-ignore]


class Raw(CodecBase):  # type: ignore[misc,unused-ignore]
    __content_subtype__ = "proto"

    def encode(self, message, message_type):  # type: ignore[no-untyped-def]
        return message

    def decode(self, data, message_type):  # type: ignore[no-untyped-def]
        return data


def field(number: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def request(value: str) -> bytes:
    metric = field(1, b"loss") + field(2, value.encode())
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()).encode()
    log = field(1, field(1, moment) + field(2, metric))
    return field(1, os.environ["KATIB_TRIAL_NAME"].encode()) + field(2, log)


async def push(value: str, count: int, pause: float) -> None:
    channel = Channel("katib-db-manager.kubeflow", 6789, codec=Raw())
    report = UnaryUnaryMethod(channel, "/api.v1.beta1.DBManager/ReportObservationLog", bytes, bytes)
    for number in range(count):
        await report(request(value if number == count - 1 else str(1000 + number)))
        await asyncio.sleep(pause)
    channel.close()


asyncio.run(push(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 0))
