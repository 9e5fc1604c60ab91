"""JSON patch (RFC 6902): operations at JSON pointers, all or nothing.

Called by `Local.patch`. The input document is not changed. A patch that is no patch is a 400; one that cannot
be applied (a `test` that fails, a path that is not there) is a 422, as the API server answers.
"""

from __future__ import annotations

from typing import Any

from pinnace.objects import refusals
from pinnace.objects.document import clone
from pinnace.objects.errors import StatusError

MOST_OPERATIONS = 10_000
_END = "-"
_NEEDS_VALUE = frozenset({"add", "replace", "test"})
_NEEDS_FROM = frozenset({"move", "copy"})
_KNOWN = _NEEDS_VALUE | _NEEDS_FROM | {"remove"}


def _undecodable(patch: Any) -> str:
    one = patch
    if isinstance(patch, list):
        one = next(step for step in patch if not isinstance(step, dict))
    names = {dict: "object", list: "array", str: "string", bool: "bool", type(None): "null"}
    wanted = "Operation" if isinstance(patch, list) else "Patch"
    return f"json: cannot unmarshal {names.get(type(one), 'number')} into Go value of type jsonpatch.{wanted}"


def apply(document: Any, patch: Any) -> Any:
    if not isinstance(patch, list) or not all(isinstance(step, dict) for step in patch):
        raise refusals.bad_request(_undecodable(patch))
    if len(patch) > MOST_OPERATIONS:
        raise StatusError(
            413,
            "RequestEntityTooLarge",
            f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(patch)}",
        )
    box = [clone(document)]
    for step in patch:
        _step(box, step)
    return box[0]


def _step(box: list[Any], step: dict[str, Any]) -> None:
    op, path = step.get("op"), step.get("path")
    if not isinstance(op, str) or op not in _KNOWN or not isinstance(path, str):
        raise refusals.rejected_patch()
    if op in _NEEDS_VALUE and op != "test" and "value" not in step:
        raise refusals.rejected_patch()
    if op in _NEEDS_FROM:
        source = step.get("from")
        if not isinstance(source, str) or (op == "move" and path.startswith(source + "/")):
            raise refusals.rejected_patch()
        value = clone(_read(box, source))
        if op == "move":
            _remove(box, source)
        _add(box, path, value)
        return
    match op:
        case "add":
            _add(box, path, clone(step["value"]))
        case "replace":
            _replace(box, path, clone(step["value"]))
        case "remove":
            _remove(box, path)
        case "test":
            _test(box, path, step.get("value"))


def _parts(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise refusals.rejected_patch()
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _index(key: str, length: int) -> int:
    if not key.isascii() or not key.isdigit() or len(key) > 9 or int(key) >= length:
        raise refusals.rejected_patch()
    return int(key)


def _child(holder: Any, key: str) -> Any:
    if isinstance(holder, dict) and key in holder:
        return holder[key]
    if isinstance(holder, list):
        return holder[_index(key, len(holder))]
    raise refusals.rejected_patch()


def _holder(box: list[Any], path: str) -> tuple[Any, str]:
    """What holds the last step of the path, and that step. The root is the one item of the box."""
    parts = _parts(path)
    if not parts:
        return box, "0"
    holder = box[0]
    for part in parts[:-1]:
        holder = _child(holder, part)
    return holder, parts[-1]


def _read(box: list[Any], path: str) -> Any:
    return _child(*_holder(box, path))


def _add(box: list[Any], path: str, value: Any) -> None:
    holder, key = _holder(box, path)
    if holder is box:
        box[0] = value
    elif isinstance(holder, dict):
        holder[key] = value
    elif isinstance(holder, list):
        holder.insert(len(holder) if key == _END else _index(key, len(holder) + 1), value)
    else:
        raise refusals.rejected_patch()


def _replace(box: list[Any], path: str, value: Any) -> None:
    holder, key = _holder(box, path)
    _child(holder, key)
    if isinstance(holder, dict):
        holder[key] = value
    else:
        holder[int(key)] = value


def _remove(box: list[Any], path: str) -> None:
    holder, key = _holder(box, path)
    if holder is box:
        raise refusals.rejected_patch()
    _child(holder, key)
    if isinstance(holder, dict):
        del holder[key]
    else:
        del holder[int(key)]


def _test(box: list[Any], path: str, expected: Any) -> None:
    holder, key = _holder(box, path)
    if expected is None and isinstance(holder, dict) and holder.get(key) is None:
        return
    if not same(_child(holder, key), expected):
        raise refusals.rejected_patch()


def same(left: Any, right: Any) -> bool:
    """Equality of JSON: true is not 1, 1 is 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
