"""The names of revisions: a short hash of a template, in letters that spell no words.

The hash itself is no contract (upstream's changes with its Go structs); its form and what it depends on are.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

HASH = "pod-template-hash"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def short_hash(data: Any, collisions: int | None = None) -> str:
    """Up to ten letters. `collisions` makes another hash of the same data."""
    encoded = msgspec.json.encode(data, order="sorted")
    if collisions is not None:
        encoded += str(collisions).encode()
    digits = str(int.from_bytes(hashlib.blake2s(encoded, digest_size=4).digest(), "big"))
    return "".join(_LETTERS[ord(digit) % len(_LETTERS)] for digit in digits)
