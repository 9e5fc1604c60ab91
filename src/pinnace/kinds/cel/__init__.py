"""CEL, as CustomResourceDefinitions use it: parsed by the `cel-python` library, evaluated here under a
budget.

`rules.py` is the caller. Why not the library's evaluator: `docs/decisions/cel.md`. Values are plain JSON data
(plus datetime, timedelta, Quantity and addresses); whatever goes wrong is a `CelError`.
"""

from __future__ import annotations

from .tree import Expression, compiled
from .values import Budget, CelError, Exhausted, Maybe

__all__ = ["Budget", "CelError", "Exhausted", "Expression", "Maybe", "compiled"]
