"""The one refusal of this package."""

from __future__ import annotations


class ImageError(Exception):
    """An image cannot be had or is not sound. The text names the image and what to do.

    `reason` is the kubelet's word for it: ErrImagePull, InvalidImageName or ImageInspectError."""

    def __init__(self, message: str, reason: str = "ErrImagePull") -> None:
        super().__init__(message)
        self.reason = reason
