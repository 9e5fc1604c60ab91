"""Kubernetes' quantities (`500m`, `1.5Gi`): parsed exactly, compared, and written in canonical form.

Used by validation, CEL, resource quotas, the scheduler and Tables. Source of the rules:
kubernetes/apimachinery pkg/api/resource/quantity.go.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
PATTERN = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
"""As upstream's messages quote it."""
SHAPE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?\Z")


def parse(text: str | int | float) -> Decimal:
    """ValueError with upstream's words: not a quantity."""
    found = SHAPE.match(str(text))
    if found is None:
        raise ValueError(f"quantities must match the regular expression '{PATTERN}'")
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix in BINARY:
        return number * Decimal(1024 ** BINARY[suffix])
    if suffix in DECIMAL:
        return number.scaleb(DECIMAL[suffix])
    return number.scaleb(int(suffix[1:]))


def valid(text: str | int | float) -> bool:
    return SHAPE.match(str(text)) is not None


def canonical(text: str | int | float) -> str:
    """The form in which upstream writes it back: the largest suffix without a fraction."""
    value = parse(text)
    found = SHAPE.match(str(text))
    suffix = (found[2] or "") if found else ""
    if suffix in BINARY and value == value.to_integral_value():
        return _binary(int(value))
    if suffix[:1] in ("e", "E") and suffix not in DECIMAL:
        return _decimal(value, exponents=True)
    return _decimal(value)


def _binary(value: int) -> str:
    if abs(value) < 1024:
        return str(value)
    for suffix, power in reversed(BINARY.items()):
        if value % 1024**power == 0:
            return f"{value // 1024**power}{suffix}"
    return str(value)


def _decimal(value: Decimal, *, exponents: bool = False) -> str:
    if value == 0:
        return "0"
    nano = value.quantize(Decimal("1e-9"), rounding=ROUND_CEILING)
    for suffix, power in reversed(DECIMAL.items()):
        scaled = nano.scaleb(-power)
        if scaled == scaled.to_integral_value():
            mark = f"e{power}" if exponents and power else suffix
            return f"{int(scaled)}{mark}"
    return str(nano)
