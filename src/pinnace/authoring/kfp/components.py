"""Leaf components of the IR as Python of the SDK: functions as they were written, and containers. Pure.

Caller: `writing`. A function's source travels in its command, so it comes out as its author wrote it; what
the SDK puts around it (its own installation, the header) it puts there again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from msgspec import UNSET

from pinnace.authoring.kfp import layers
from pinnace.authoring.kfp.ir import Artifact, Component, Container, Parameter
from pinnace.authoring.program import Call, Raw, source

TYPES = {
    "STRING": "str", "NUMBER_INTEGER": "int", "NUMBER_DOUBLE": "float", "BOOLEAN": "bool", "LIST": "list",
    "STRUCT": "dict", "TASK_FINAL_STATUS": "dsl.PipelineTaskFinalStatus",
}
CLASSES = {
    f"system.{name}": name for name in (
        "Artifact", "ClassificationMetrics", "Dataset", "HTML", "Markdown", "Metrics", "Model",
        "SlicedClassificationMetrics",
    )
}
_HEADER = re.compile(
    r"\A\s*import kfp\nfrom kfp import dsl\nfrom kfp\.dsl import \*\nfrom typing import \*\n+"
)
STUBS = "argostub/"
FUNCTION = "--function_to_execute"


class NoProgram(ValueError):
    """The SDK has no words for it, or they are not known here; the text names the place."""


def kind_of(given: Parameter | Artifact) -> str:
    """As an annotation names it."""
    if isinstance(given, Parameter):
        found = TYPES.get(given.parameter_type)
        if found is None:
            raise NoProgram(f"parameterType {given.parameter_type}: the SDK has no annotation for it")
        return found
    title = str(given.artifact_type.get("schemaTitle") or "system.Artifact")
    name = CLASSES.get(title)
    if name is None:
        raise NoProgram(f"schemaTitle {title}: only the types of the SDK itself can be written")
    return f"List[{name}]" if given.is_artifact_list else name


def is_function(container: Container) -> bool:
    return FUNCTION in container.args and bool(container.command) and "def " in container.command[-1]


def function_name(container: Container) -> str:
    at = container.args.index(FUNCTION)
    return container.args[at + 1] if at + 1 < len(container.args) else ""


def function(container: Container) -> str:
    """A lightweight component."""
    text, matched = _HEADER.subn("", container.command[-1])
    if not matched:
        raise NoProgram(f"{function_name(container)}: its source does not begin as the SDK writes it")
    name = function_name(container)
    helpers, marked, own = text.strip().partition(f"def {name}(")
    if not marked or (helpers and not helpers.endswith("\n")):
        raise NoProgram(f"{name}: its source does not hold a function of that name")
    more = _helpers(name, helpers)
    given = [("additional_funcs", [Raw(each) for each in more])] if more else []
    settings = [("base_image", container.image), *_installs(container), *given]
    return f"{helpers}@{source(Call('dsl.component', tuple(settings)))}\n{marked}{own}"


def _helpers(name: str, text: str) -> list[str]:
    """Functions that are sent along with a component's own."""
    try:
        found = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NoProgram(f"{name}: its source cannot be read: {error}") from None
    if not all(isinstance(one, ast.FunctionDef) for one in found):
        raise NoProgram(f"{name}: its source holds more than functions")
    return [one.name for one in found if isinstance(one, ast.FunctionDef)]


def _installs(container: Container) -> Iterator[tuple[str, Any]]:
    groups, rest = layers.split(container.command)
    if rest == container.command and any("pip install" in word for word in container.command[:-1]):
        raise NoProgram(f"{function_name(container)}: its installation is not written as the SDK writes it")
    own = [group for group in groups if _is_sdk(group)]
    packages = [word for group in groups if not _is_sdk(group) for word in group]
    urls = [word.partition("=")[2] for word in packages if word.startswith(("--index-url", "--extra-index"))]
    names = [word for word in packages if not word.startswith("--")]
    if names:
        yield "packages_to_install", names
    if urls:
        yield "pip_index_urls", urls
    if not own:
        yield "install_kfp_package", False


def _is_sdk(group: list[str]) -> bool:
    return any(re.match(r"kfp([=<>~!].*)?$", word) for word in group)


def container_component(name: str, component: Component, container: Container) -> str:
    """A component of a command line; placeholders stand in it as the IR has them."""
    spec = Call("dsl.ContainerSpec", tuple(
        (key, value) for key, value in
        (("image", container.image), ("command", container.command), ("args", container.args)) if value
    ))
    if container.image.startswith(STUBS):
        raise NoProgram(f"{name}: it stands for a component of kfp-kubernetes, which is to be imported")
    head = f"@dsl.container_component\ndef {name}({', '.join(_signature(component))}):"
    return f"{head}\n    return {source(spec, 4)}"


def _signature(component: Component) -> list[str]:
    given, made = component.input_definitions, component.output_definitions
    first = [f"{name}: Input[{kind_of(one)}]" for name, one in given.artifacts.items() if not one.is_optional]
    later = [
        f"{name}: Optional[Input[{kind_of(one)}]] = None"
        for name, one in given.artifacts.items() if one.is_optional
    ]
    for name, one in given.parameters.items():
        (first if one.default_value is UNSET and not one.is_optional else later).append(parameter(name, one))
    first += [f"{name}: Output[{kind_of(one)}]" for name, one in made.artifacts.items()]
    first += [f"{name}: dsl.OutputPath({kind_of(one)})" for name, one in made.parameters.items()]
    return [*first, *later]


def parameter(name: str, one: Parameter) -> str:
    """`epochs: int = 3`, as a function takes it."""
    if not name.isidentifier():
        raise NoProgram(f"inputs: {name!r} is no name of Python's")
    kind = kind_of(one)
    if one.default_value is not UNSET:
        return f"{name}: {kind} = {source(typed(one, one.default_value))}"
    return f"{name}: Optional[{kind}] = None" if one.is_optional else f"{name}: {kind}"


def typed(one: Parameter, value: Any) -> Any:
    """JSON writes whole numbers as `3.0`: as Python means it."""
    if one.parameter_type == "NUMBER_INTEGER" and isinstance(value, float) and value.is_integer():
        return int(value)
    if one.parameter_type == "NUMBER_DOUBLE" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def raw(text: str) -> Raw:
    return Raw(text)
