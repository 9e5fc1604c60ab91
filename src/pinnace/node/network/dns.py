"""The name server of the cluster network: bytes of a question in, bytes of an answer out.

Served by `holder.py` on UDP and TCP. Names below `cluster.local` are answered from the picture; all others
are passed on unread to the host's name servers, where there is a way out. Without one they fail at once.
"""

from __future__ import annotations

import socket
import struct

from pinnace.node.network.picture import DOMAIN, Answer, Picture, Pointer

ADDRESS = "10.96.0.10"
API = "10.96.0.1"
"""Of the name server and of the Service `kubernetes`, as in upstream's clusters."""
HEADER = struct.Struct("!HHHHHH")
A, CNAME, PTR, SRV, ANY = 1, 5, 12, 33, 255
IN = 1
RESPONSE, AUTHORITATIVE, TRUNCATED, RECURSION, AVAILABLE = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
FORMAT_ERROR, SERVER_FAILURE, NO_NAME = 1, 2, 3
TTL = 5
MOST = 1232
REVERSE = ".in-addr.arpa"
CHAIN = 8


class Malformed(Exception):
    pass


class Question:
    def __init__(self, data: bytes) -> None:
        """Malformed: no question that can be answered."""
        if len(data) < HEADER.size:
            raise Malformed
        self.id, self.flags, questions, *_ = HEADER.unpack_from(data)
        if questions != 1 or self.flags & RESPONSE:
            raise Malformed
        labels, at = [], HEADER.size
        while True:
            size = data[at] if at < len(data) else 255
            if size > 63 or at + 1 + size > len(data):
                raise Malformed
            at += 1 + size
            if size == 0:
                break
            labels.append(data[at - size : at].decode("ascii", "replace").lower())
        if at + 4 > len(data):
            raise Malformed
        self.name = ".".join(labels)
        self.kind, self.family = struct.unpack_from("!HH", data, at)
        self.asked = data[HEADER.size : at + 4]


def answer(picture: Picture, data: bytes, limit: int = MOST) -> bytes | None:
    """None: it is for the host's name servers. A question that is none gets an error."""
    try:
        question = Question(data)
    except Malformed:
        return data[:2].ljust(2, b"\0") + struct.pack("!HHHHH", RESPONSE | FORMAT_ERROR, 0, 0, 0, 0)
    records = reverse(picture, question) if question.name.endswith(REVERSE) else lookup(picture, question)
    if records is None:
        return None
    code, found = records
    return reply(question, code, found, limit)


def failure(data: bytes) -> bytes:
    """There is nobody to ask."""
    try:
        return reply(Question(data), SERVER_FAILURE, [], MOST)
    except Malformed:
        return b""


def lookup(picture: Picture, question: Question) -> tuple[int, list[bytes]] | None:
    name = question.name
    records: list[bytes] = []
    for _ in range(CHAIN):
        answer = picture.ask(name)
        if answer is None:
            return (0, records) if records else None
        if not answer.known:
            return NO_NAME, records
        records += of_kind(picture, name, question.kind, answer)
        if not answer.alias:
            break
        name = answer.alias.rstrip(".").lower()
    return 0, records


def of_kind(picture: Picture, name: str, kind: int, answer: Answer) -> list[bytes]:
    if answer.alias:
        return [record(name, CNAME, wire(answer.alias.rstrip(".")))]
    if kind in (A, ANY) and answer.addresses:
        return [record(name, A, socket.inet_aton(each)) for each in answer.addresses]
    if kind in (SRV, ANY) and answer.pointers:
        share = max(1, 100 // len(answer.pointers))
        return [record(name, SRV, pointed(each, share)) for each in answer.pointers]
    return []


def pointed(pointer: Pointer, weight: int) -> bytes:
    return struct.pack("!HHH", 0, weight, pointer.port) + wire(pointer.target)


def reverse(picture: Picture, question: Question) -> tuple[int, list[bytes]] | None:
    address = ".".join(reversed(question.name.removesuffix(REVERSE).split(".")))
    found = picture.named(address)
    if not found:
        return (NO_NAME, []) if address.startswith("10.") else None
    return 0, [record(question.name, PTR, wire(found))] if question.kind in (PTR, ANY) else []


def reply(question: Question, code: int, records: list[bytes], limit: int) -> bytes:
    flags = RESPONSE | AUTHORITATIVE | AVAILABLE | (question.flags & RECURSION) | code
    body = question.asked + b"".join(records)
    if HEADER.size + len(body) > limit:
        head = HEADER.pack(question.id, flags | TRUNCATED, 1, 0, 0, 0)
        return head + question.asked
    return HEADER.pack(question.id, flags, 1, len(records), 0, 0) + body


def record(name: str, kind: int, data: bytes) -> bytes:
    return wire(name) + struct.pack("!HHIH", kind, IN, TTL, len(data)) + data


def wire(name: str) -> bytes:
    labels = (label.encode()[:63] for label in name.split(".") if label)
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def resolv_conf(namespace: str, outside: str = "") -> str:
    """What a pod is told, as the kubelet does with ClusterFirst."""
    search = f"{namespace}.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}"
    return f"search {search}{' ' + outside if outside else ''}\nnameserver {ADDRESS}\noptions ndots:5\n"
