"""The string formats that an API server checks (kube-openapi pkg/validation/strfmt); unknown ones always
pass."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import uuid
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from . import quantity

DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
DATE_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})([.,]\d+)?([Zz]|[+-]\d{2}:?\d{2})\Z", re.ASCII
)
DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
HOST = re.compile(
    r"(?=.{1,255}\Z)[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)*\.?\Z"
)
MAIL = re.compile(r"[^@\s]+@[^@\s]+\Z")
DURATION = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)\s*(?:ns|us|µs|ms|s|m|h|d|w)[\w.\s]*\Z|0\Z")


def _date_time(text: str) -> bool:
    found = DATE_TIME.match(text)
    if found is None:
        return False
    month, day, hour, minute, second = (int(found[n]) for n in range(2, 7))
    return 1 <= month <= 12 and 1 <= day <= DAYS[month - 1] and hour < 24 and minute < 60 and second < 61


def _byte(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _accepts(parser: Callable[[str], object]) -> Callable[[str], bool]:
    def accepts(text: str) -> bool:
        try:
            parser(text)
        except ValueError:
            return False
        return True

    return accepts


FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": _date_time,
    "datetime": _date_time,
    "date": lambda text: DATE.match(text) is not None and _date_time(f"{text}T00:00:00Z"),
    "byte": _byte,
    "quantity": quantity.valid,
    "ipv4": _accepts(ipaddress.IPv4Address),
    "ipv6": _accepts(ipaddress.IPv6Address),
    "cidr": lambda text: "/" in text and _accepts(lambda one: ipaddress.ip_network(one, strict=False))(text),
    "hostname": lambda text: HOST.match(text) is not None,
    "email": lambda text: MAIL.match(text) is not None,
    "uuid": _accepts(uuid.UUID),
    "uri": lambda text: re.match(r"[a-zA-Z][-+.a-zA-Z0-9]*:|/", text) is not None,
    "duration": lambda text: DURATION.match(text) is not None,
}
BITS = {"int32": 31, "int64": 63}


SIMPLE = re.compile(r"\^(\[[-\w ./]+\])([+*])\$\Z", re.ASCII)
"""One class of characters, repeated: where Python's own engine is linear too, and ten times quicker to
call."""


@lru_cache(maxsize=1024)
def pattern(text: str) -> Callable[[str], Any]:
    """A search for `text` in RE2's linear time; ValueError: not a regular expression of RE2."""
    if simple := SIMPLE.match(text):
        return re.compile(f"{simple[1]}{simple[2]}\\Z", re.ASCII).match
    import re2

    try:
        search: Callable[[str], Any] = re2.compile(text).search
    except re2.error as problem:
        raise ValueError(f"not a regular expression that RE2 knows: {problem}") from problem
    return search


@lru_cache(maxsize=4096)
def _matches(text: str, value: str) -> bool:
    return pattern(text)(value) is not None


def matches(text: str, value: str) -> bool:
    """Does the pattern occur in the value? The same names come again and again, so short answers are kept."""
    return _matches(text, value) if len(value) < 256 else pattern(text)(value) is not None
