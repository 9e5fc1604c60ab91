"""Stands for a metrics collector of a user's own, with the flags that upstream's example gives its image: it
follows the file, and when nothing more comes pushes what it says to katib-db-manager, for the trial whose
name its pod's begins with."""

import argparse
import asyncio
import os
import re
import time

from grpclib.client import Channel, UnaryUnaryMethod  # type: ignore[import-not-found,unused-ignore]
from grpclib.encoding.base import CodecBase  # type: ignore[import-not-found,unused-ignore]

parser = argparse.ArgumentParser()
for flag in ("-m", "-s", "-path"):
    parser.add_argument(flag, required=True)
options = parser.parse_args()
LINE = re.compile(r"metricName: ([\w|-]+), metricValue: ([-+.\de]+)")


class Raw(CodecBase):  # type: ignore[misc,unused-ignore]
    __content_subtype__ = "proto"

    def encode(self, message, message_type):  # type: ignore[no-untyped-def]
        return message

    def decode(self, data, message_type):  # type: ignore[no-untyped-def]
        return data


def field(number: int, text: bytes) -> bytes:
    size, more = len(text), b""
    while size > 0x7F:
        more += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + more + bytes([size]) + text


def whole() -> str:
    """The file's text, once it has stood still."""
    before = ""
    while True:
        time.sleep(0.5)
        if os.path.exists(options.path):
            with open(options.path) as file:
                text = file.read()
            if text and text == before:
                return text
            before = text


async def push(trial: str, text: str) -> None:
    logs = b""
    for name, value in LINE.findall(text):
        if name in options.m.split(";"):
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()).encode()
            metric = field(1, name.encode()) + field(2, value.encode())
            logs += field(1, field(1, moment) + field(2, metric))
    host, _, port = options.s.rpartition(":")
    channel = Channel(host, int(port), codec=Raw())
    report = UnaryUnaryMethod(channel, "/api.v1.beta1.DBManager/ReportObservationLog", bytes, bytes)
    await report(field(1, trial.encode()) + field(2, logs))
    channel.close()


asyncio.run(push(os.environ["TrialNamePrefix"].rpartition("-")[0], whole()))  # noqa: SIM112 - its spelling
