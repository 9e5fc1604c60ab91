"""The programs of a lowered blueprint's steps: plain Python, for any cluster. They take apart and join
protobuf messages by the tags of their top-level fields, as the orchestrator does. Caller: `lowering`."""

from __future__ import annotations

ASKING = """\
import os, time, urllib.error, urllib.request

kind = os.environ["KIND"]
with open("/tmp/in", "rb") as file:
    message = file.read()
request = urllib.request.Request(os.environ["ADDRESS"], message, {"Content-Type": kind, "Accept": kind})
try:
    with urllib.request.urlopen(request, timeout=600) as answer:
        made = answer.read()
except urllib.error.HTTPError as error:
    said = error.read(200).decode(errors="replace")
    raise SystemExit(f"{os.environ['ADDRESS']} answered {error.code}: {said}")
with open("/tmp/out", "wb") as file:
    file.write(made)
print(f"{len(message)} bytes in, {len(made)} bytes out")
"""
FIELDS = """\
def varint(value):
    made = b""
    while value > 127:
        made, value = made + bytes([value & 127 | 128]), value >> 7
    return made + bytes([value])


def read(data, at):
    value = shift = 0
    while True:
        value, at, shift = value | (data[at] & 127) << shift, at + 1, shift + 7
        if not data[at - 1] & 128:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, start = read(data, at)
        if key & 7 == 0:
            end = read(data, start)[1]
        elif key & 7 == 2:
            size, begin = read(data, start)
            end = begin + size
        else:
            end = start + (8 if key & 7 == 1 else 4)
        yield key, data[start:end]
        at = end


def moved(data, tags):
    return b"".join(
        varint(tag << 3 | key & 7) + rest
        for key, rest in fields(data) for tag in tags.get(str(key >> 3), ()))


"""
SPLITTING = FIELDS + """\
import json, os

with open("/tmp/in", "rb") as file:
    message = file.read()
for name, tags in json.loads(os.environ["TAGS"]).items():
    with open(f"/tmp/{name}", "wb") as file:
        file.write(message if tags is None else moved(message, tags))
"""
COLLATING = FIELDS + """\
import json, os

made = b""
for name, tags in json.loads(os.environ["TAGS"]).items():
    with open(f"/tmp/{name}", "rb") as file:
        message = file.read()
    if isinstance(tags, dict):
        made += moved(message, tags)
    else:
        made += varint(tags << 3 | 2) + varint(len(message)) + message
with open("/tmp/out", "wb") as file:
    file.write(made)
"""
