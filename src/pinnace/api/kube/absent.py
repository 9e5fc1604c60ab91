"""What a cluster has below an object and this platform has not: a refusal that says what to do instead.

Called by `face.py` when nobody answers a subresource. Without it clients would report a missing page.
"""

from __future__ import annotations

from pinnace.objects.errors import StatusError

INSTEAD: dict[tuple[str, str], str] = {
    ("pods", "resize"):
        "changing a running pod's resources is not served by this platform: delete it and create it anew",
}


def refusal(key: str, subresource: str) -> StatusError | None:
    words = INSTEAD.get((key, subresource))
    if words is None:
        return None
    return StatusError(501, "NotImplemented", words, details={"kind": key})
