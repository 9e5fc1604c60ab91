"""What goes wrong while reading or evaluating an expression."""

from __future__ import annotations


class ExpressionError(Exception):
    """The text is not in the language, or its evaluation failed; the message is for the user."""


class BudgetExceeded(ExpressionError):
    """The expression did more work, or made more data, than one evaluation may."""
