"""The promise that a pod runs at most once, as a row: committed before `run` is sent, removed with the
result.

A row (kind `binding`, owner = pod uid) says to which life of the node the pod was given, and exactly what was
given. Only `controller` writes it.
"""

from __future__ import annotations

import msgspec

from pinnace.node.protocol import Run
from pinnace.store.interface import Row

KIND = "binding"


class Binding(msgspec.Struct, array_like=True):
    """`milli_cpu` and `memory` are what the pod holds of the machine until it ends."""

    epoch: str
    milli_cpu: int
    memory: int
    run: Run


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Binding)


def made(uid: str, binding: Binding) -> Row:
    return Row(KIND, uid, "", _encoder.encode(binding))


def fulfilled(uid: str) -> Row:
    return Row(KIND, uid, "", None)


def read(body: bytes) -> Binding:
    """msgspec.DecodeError: written by another version of the platform; migrations keep this from
    happening."""
    return _decoder.decode(body)
