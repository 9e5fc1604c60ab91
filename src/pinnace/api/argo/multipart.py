"""One file out of a `multipart/form-data` body, written down as it arrives. Callers: `uploads`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import IO

from pinnace.api.argo.errors import invalid
from pinnace.objects.errors import StatusError

HEAD = 16 * 1024


class Part:
    """The first part of this field. `filename`: what the client calls it, without any folders."""

    def __init__(self, content_type: str, field: str) -> None:
        """StatusError 400: not a form."""
        found = re.match(r'multipart/form-data\s*;.*?boundary="?([^";,]{1,70})', content_type, re.I)
        if found is None:
            raise invalid("expected a body of multipart/form-data with the field `file`")
        self.mark = b"\r\n--" + found[1].encode("latin-1")
        self.field = field
        self.filename = ""

    async def save(self, pieces: AsyncIterator[bytes], target: IO[bytes], limit: int) -> int:
        """Bytes written. StatusError 400: no such field; 413: longer than `limit`."""
        buffer, inside, ours, size, done = b"\r\n", False, False, 0, False
        async for piece in pieces:
            if done:
                continue  # the rest is read, for clients send all of it before they listen
            buffer += piece
            while True:
                if not inside:
                    start = buffer.find(self.mark)
                    end = buffer.find(b"\r\n\r\n", start) if start >= 0 else -1
                    if end < 0:
                        if len(buffer) > HEAD and start >= 0:
                            raise invalid("the head of a part is too long")
                        buffer = buffer[max(0, start, len(buffer) - HEAD) :]
                        break
                    ours = self._reads(buffer[start:end])
                    buffer, inside = buffer[end + 4 :], True
                place = buffer.find(self.mark)
                keep = len(buffer) - len(self.mark) if place < 0 else place
                if keep > 0:
                    if ours:
                        size += keep
                        if size > limit:
                            raise StatusError(413, "RequestEntityTooLarge", f"an upload's limit is {limit}")
                        target.write(buffer[:keep])
                    buffer = buffer[keep:]
                if place < 0:
                    break
                inside, done = False, ours
                if done:
                    break
        if not done:
            raise invalid(f"the form has no (whole) field `{self.field}`")
        return size

    def _reads(self, head: bytes) -> bool:
        text = head.decode("utf-8", "replace")
        name = re.search(r'(?i)content-disposition:[^\r\n]*?\bname="?([^";\r\n]*)', text)
        file = re.search(r'(?i)content-disposition:[^\r\n]*?\bfilename="?([^"\r\n]*)', text)
        if name is None or name[1] != self.field:
            return False
        self.filename = re.split(r"[\\/]", file[1])[-1] if file else ""
        return True
