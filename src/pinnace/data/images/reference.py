"""What an image's name means: `busybox` is `docker.io/library/busybox:latest`.

Rules: distribution/reference (normalize.go, regexp.go): the first component is a registry if it has a dot
or a colon or is `localhost`; a name without one lives on Docker Hub, under `library/` if it is one word.
"""

from __future__ import annotations

import re

import msgspec

from pinnace.data.images.errors import ImageError

HUB = "docker.io"

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_REGISTRY = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Reference(msgspec.Struct, frozen=True):
    """`tag` is empty only where a digest is named."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Raises ImageError (InvalidImageName)."""
        rest, _, digest = text.partition("@")
        if digest and not _DIGEST.fullmatch(digest):
            raise _invalid(text, "after '@' a digest is expected: sha256: and 64 hexadecimal digits")
        registry, rest = _split_registry(rest)
        path, colon, tag = rest.partition(":")
        if colon and not _TAG.fullmatch(tag):
            raise _invalid(text, f"{tag!r} is no tag (letters, digits, '_', '.', '-'; at most 128)")
        if registry == HUB and "/" not in path:
            path = f"library/{path}"
        if not _REGISTRY.fullmatch(registry):
            raise _invalid(text, f"{registry!r} is no registry")
        if not _PATH.fullmatch(path) or len(path) > 255:
            hint = f"; did you mean {text.lower()!r}?" if _PATH.fullmatch(path.lower()) else ""
            raise _invalid(text, f"{path!r} is no repository name (lower case, '/' between parts){hint}")
        return cls(registry, path, tag or ("" if digest else "latest"), digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @property
    def familiar(self) -> str:
        """As people write it: `busybox:latest`."""
        full = str(self)
        for prefix in (f"{HUB}/library/", f"{HUB}/"):
            if full.startswith(prefix):
                return full[len(prefix) :]
        return full


def _split_registry(rest: str) -> tuple[str, str]:
    first, slash, remaining = rest.partition("/")
    if not slash or not (set(".:") & set(first) or first == "localhost" or first.lower() != first):
        return HUB, rest
    return (HUB if first == "index.docker.io" else first), remaining


def _invalid(text: str, why: str) -> ImageError:
    return ImageError(f"image {text!r}: {why}", "InvalidImageName")
