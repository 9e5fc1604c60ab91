"""Images without an engine: found, fetched, unpacked once, and then just a folder and a configuration.

`ImageStore` is the whole of it; the node asks it for a pod's root.
"""

from __future__ import annotations

from pinnace.data.images.config import Image, ImageConfig
from pinnace.data.images.errors import ImageError
from pinnace.data.images.reference import Reference
from pinnace.data.images.store import ImageStore

__all__ = ["Image", "ImageConfig", "ImageError", "ImageStore", "Reference"]
