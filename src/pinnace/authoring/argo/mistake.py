"""What was asked of a Workflow cannot be done. Raised by the pure edits beside it; faces answer a 400."""

from __future__ import annotations


class Mistake(ValueError):
    """The text is for whoever asked, in upstream's words where it has some."""
