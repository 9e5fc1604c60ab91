"""Regular expressions, on RE2: no backtracking, so none can hang control.
"""

from __future__ import annotations

from typing import Any

from pinnace.authoring.argo.expression.errors import ExpressionError


def matches(text: Any, pattern: Any) -> bool:
    return compiled(pattern).search(text) is not None


def compiled(pattern: str) -> Any:
    import re2

    try:
        return re2.compile(pattern)
    except re2.error as error:
        raise ExpressionError(f"invalid regular expression {pattern!r}: {error}") from None
