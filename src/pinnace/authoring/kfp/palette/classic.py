"""Component YAML of Kubeflow Pipelines v1 (`implementation.container`) as its loader converts it. Pure.

Placeholders of the command line become those of the IR, texts of defaults values of their types. Caller:
`reading`. Source: kubeflow/pipelines sdk/python/kfp/dsl/structures.py `from_v1_component_spec`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import UNSET

from pinnace.authoring.kfp.ir import Obj
from pinnace.authoring.kfp.palette import interface
from pinnace.authoring.kfp.palette import piece as pieces
from pinnace.authoring.kfp.palette.interface import Port
from pinnace.authoring.kfp.palette.piece import Piece, Spec, Unreadable, refuse

GROUP = "pinnace.dev/group"
_GOOGLE = re.compile(r"google.[A-Za-z]+$")


def is_one(document: Obj) -> bool:
    return "implementation" in document


def read(document: Obj) -> Piece:
    """Raises Unreadable."""
    container = (document.get("implementation") or {}).get("container")
    if not isinstance(container, dict):
        if "graph" in (document.get("implementation") or {}):
            raise refuse("implementation.graph: graph components of v1 are not converted by the SDK either: "
                         "write a pipeline of their components")
        raise refuse("implementation.container: expected what the component runs: image, command and args")
    if not isinstance(container.get("image"), str):
        raise refuse("implementation.container.image: expected the name of an image")
    title = str(document.get("name") or "name")
    name = pieces.key(title)
    inputs = {_key(one["name"]): _port(one, inward=True) for one in _each(document, "inputs")}
    outputs = {_key(one["name"]): _port(one, inward=False) for one in _each(document, "outputs")}
    command = _Command(inputs, outputs)
    made: Obj = {
        field: [command.word(one, f"implementation.container.{field}[{at}]")
                for at, one in enumerate(container.get(field) or ())]
        for field in ("command", "args") if container.get(field)
    }
    made["image"] = container["image"]
    if container.get("env"):
        made["env"] = [
            {"name": each, "value": command.word(value, f"implementation.container.env.{each}")}
            for each, value in container["env"].items()
        ]
    spec = Spec(interface.component(name, inputs, outputs), {"container": made})
    annotations = (document.get("metadata") or {}).get("annotations") or {}
    group = str(annotations.get(GROUP) or pieces.CONTAINERS)
    return pieces.piece(name, title, str(document.get("description") or "").strip(), group, spec)


def _each(document: Obj, field: str) -> Iterator[Obj]:
    seen = set()
    for at, one in enumerate(document.get(field) or ()):
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            raise refuse(f"{field}[{at}]: expected an object with a name")
        if one["name"] in seen:
            raise refuse(f"{field}[{at}].name: {one['name']!r} is there twice")
        seen.add(one["name"])
        yield one


def _key(name: str) -> str:
    """As the loader names it: small letters, digits and underscores."""
    return re.sub("[^_0-9a-z]+", "_", name.lower()).strip("_")


# ---- types -------------------------------------------------------------------------------------


def _port(one: Obj, *, inward: bool) -> Port:
    kind = one.get("type")
    name = _outer(kind) if isinstance(kind, str) else ""
    optional = inward and (bool(one.get("optional")) or "default" in one)
    if name in interface.SPECIAL and inward:
        return Port(parameter=interface.SPECIAL[name], optional=True)
    if name.lower() in interface.PARAMETERS:
        parameter = interface.PARAMETERS[name.lower()]
        default = _typed(parameter, one.get("default"), one["name"]) if inward else UNSET
        return Port(parameter=parameter, optional=optional, default=default)
    artifact = name if _GOOGLE.match(name) else interface.ARTIFACTS.get(name.lower(), "system.Artifact")
    return Port(artifact=artifact, optional=optional)


def _outer(name: str) -> str:
    """`typing.List[str]` → `List`."""
    bare = name.removeprefix("typing.")
    return bare.partition("[")[0] if bare.lower().startswith(("list", "dict")) else bare


def _typed(parameter: str, value: Any, name: str) -> Any:
    if value is None:
        return UNSET
    try:
        return _READ[parameter](value)
    except (TypeError, ValueError):
        raise refuse(f"inputs: the default {value!r} of {name!r} is no {parameter}") from None


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = str(value).lower()
    if words in ("y", "yes", "t", "true", "on", "1"):
        return True
    if words in ("n", "no", "f", "false", "off", "0"):
        return False
    raise ValueError(words)


def _structure(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


_READ: dict[str, Any] = {
    "STRING": str, "NUMBER_INTEGER": int, "NUMBER_DOUBLE": float, "BOOLEAN": _truth, "LIST": _structure,
    "STRUCT": _structure,
}


# ---- command lines -----------------------------------------------------------------------------


class _Command:
    """Placeholders of v1 as those of the IR; one of an input or output that there is not is refused."""

    def __init__(self, inputs: dict[str, Port], outputs: dict[str, Port]) -> None:
        self.inputs = inputs
        self.outputs = outputs

    def word(self, one: Any, place: str) -> str:
        made = self._value(one, place)
        return made if isinstance(made, str) else json.dumps(made)

    def _value(self, one: Any, place: str) -> Any:
        if isinstance(one, str):
            return one
        if isinstance(one, (int, float)):
            return str(one)
        if not isinstance(one, dict) or len(one) != 1:
            raise refuse(f"{place}: expected a text or one placeholder, found {one!r}")
        (kind, about), = one.items()
        if kind == "executorInput":
            return "{{$}}"
        if kind == "concat":
            return {"Concat": [self._value(each, f"{place}.concat[{at}]") for at, each in enumerate(about)]}
        if kind == "if":
            return self._choice(about, place)
        if kind not in _FORMS:
            raise refuse(f"{place}: {kind!r} is no placeholder that the SDK converts: there is "
                         f"{', '.join((*_FORMS, 'concat', 'if', 'executorInput'))}")
        return self._primitive(kind, str(about), place)

    def _primitive(self, kind: str, about: str, place: str) -> str:
        side = self.outputs if kind.startswith("output") else self.inputs
        name = self._known(about, side, place)
        if kind == "outputPath" and side[name].parameter:
            return f"{{{{$.outputs.parameters['{name}'].output_file}}}}"
        return _FORMS[kind].format(name=name)

    def _choice(self, about: Any, place: str) -> Obj:
        condition = about.get("cond") if isinstance(about, dict) else None
        present = condition.get("isPresent") if isinstance(condition, dict) else None
        if not isinstance(present, str) or "then" not in about:
            raise refuse(f"{place}.if: expected `cond: {{isPresent: INPUT}}` and `then`")
        made: Obj = {
            "InputName": self._known(present, self.inputs, f"{place}.if.cond"),
            "Then": self._branch(about["then"], f"{place}.if.then"),
        }
        if about.get("else"):
            made["Else"] = self._branch(about["else"], f"{place}.if.else")
        return {"IfPresent": made}

    def _branch(self, about: Any, place: str) -> Any:
        if isinstance(about, list):
            return [self._value(each, f"{place}[{at}]") for at, each in enumerate(about)]
        return self._value(about, place)

    def _known(self, about: str, side: dict[str, Port], place: str) -> str:
        name = _key(about)
        if name not in side:
            what = "output" if side is self.outputs else "input"
            raise Unreadable([pieces.Problem(f'{place}: references nonexistant {what}: "{about}"')])
        return name


_FORMS = {
    "inputValue": "{{{{$.inputs.parameters['{name}']}}}}",
    "inputPath": "{{{{$.inputs.artifacts['{name}'].path}}}}",
    "inputUri": "{{{{$.inputs.artifacts['{name}'].uri}}}}",
    "outputPath": "{{{{$.outputs.artifacts['{name}'].path}}}}",
    "outputUri": "{{{{$.outputs.artifacts['{name}'].uri}}}}",
}
