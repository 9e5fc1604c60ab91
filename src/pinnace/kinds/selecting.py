"""Label selectors as objects carry them (`matchLabels`, `matchExpressions`): matched, or spoken as text.

Called by controllers that look for what their object selects, and by the `scale` subresource. A selector of
None selects nothing, an empty one everything (kubernetes/apimachinery LabelSelectorAsSelector).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Selector = Mapping[str, Any] | None


def matches(selector: Selector, labels: Mapping[str, str] | None) -> bool:
    if selector is None:
        return False
    has = labels or {}
    wanted = selector.get("matchLabels") or {}
    if any(has.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(one, has) for one in selector.get("matchExpressions") or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def spoken(selector: Selector) -> str:
    """As in a query: `app=web,tier in (a,b),!old`."""
    if not selector:
        return ""
    labels = selector.get("matchLabels") or {}
    parts = [f"{key}={labels[key]}" for key in sorted(labels)]
    for one in selector.get("matchExpressions") or ():
        key, values = one["key"], ",".join(one.get("values") or ())
        parts.append({
            "In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key,
            "DoesNotExist": f"!{key}",
        }[one["operator"]])
    return ",".join(parts)
