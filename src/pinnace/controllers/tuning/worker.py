"""`python -m pinnace.controllers.tuning.worker`: answers `crew`'s questions on standard input to its end.

Every question is whole, so the process may be killed at any time. It leaves after a minute of silence.
"""

from __future__ import annotations

import os
import select
import struct
import sys
from typing import BinaryIO

import msgspec

from pinnace.controllers.tuning.crew import Question, Reply
from pinnace.controllers.tuning.suggesters import suggest

SILENCE = 60.0


def main() -> int:
    questions, replies = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb", 0)
    os.dup2(2, 1)  # what a library prints is not an answer
    while select.select([questions], [], [], SILENCE)[0]:
        head = _exactly(questions, 4)
        if head is None:
            break
        body = _exactly(questions, struct.unpack(">I", head)[0])
        if body is None:
            break
        answer = msgspec.msgpack.encode(_answered(msgspec.msgpack.decode(body, type=Question)))
        replies.write(struct.pack(">I", len(answer)) + answer)
    return 0


def _answered(question: Question) -> Reply:
    try:
        return Reply(suggest(question.problem, question.count))
    except ModuleNotFoundError as error:
        what = f"{question.problem.algorithm} needs the package {error.name}"
        return Reply(error=f"{what}: install it beside pinnace (uv pip install {error.name})")
    except Exception as error:
        return Reply(error=f"{type(error).__name__}: {error}")


def _exactly(stream: BinaryIO, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        block = stream.read(size - len(data))
        if not block:
            return None
        data += block
    return data


if __name__ == "__main__":
    sys.exit(main())
