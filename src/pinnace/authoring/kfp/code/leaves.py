"""Leaf components of the IR as Python of the SDK: functions as they were written, and containers. Pure.

Callers: the modules beside this. A function's source travels in its command, so it comes out as its author
wrote it; what the SDK puts around it (its own installation, the header) it puts there again. A function whose
source the SDK would not write like that again (a notebook's) comes out as the container that it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import UNSET

from pinnace.authoring.kfp import layers
from pinnace.authoring.kfp.code import words
from pinnace.authoring.kfp.ir import Component, Container, Definitions, Parameter, Passthrough
from pinnace.authoring.program import Call, Raw, source

TYPES = {
    "STRING": "str", "NUMBER_INTEGER": "int", "NUMBER_DOUBLE": "float", "BOOLEAN": "bool", "LIST": "list",
    "STRUCT": "dict", "TASK_FINAL_STATUS": "dsl.PipelineTaskFinalStatus", "TASK_CONFIG": "dsl.TaskConfig",
}
GIVEN = ("TASK_FINAL_STATUS", "TASK_CONFIG")
"""What the platform fills in: nobody passes it."""
CLASSES = {
    f"system.{name}": name for name in (
        "Artifact", "ClassificationMetrics", "Dataset", "HTML", "Markdown", "Metrics", "Model",
        "SlicedClassificationMetrics",
    )
}
DYNAMIC = "{{$"
_HEADER = re.compile(
    r"\A\s*import kfp\nfrom kfp import dsl\nfrom kfp\.dsl import \*\nfrom typing import \*\n+"
)
STUBS = {"argostub/createpvc": "kubernetes.CreatePVC", "argostub/deletepvc": "kubernetes.DeletePVC"}
"""Images that stand for components of kfp.kubernetes."""
FUNCTION = "--function_to_execute"


Kind = Callable[[Any], str]
"""What annotates a parameter or artifact."""


class NoProgram(ValueError):
    """The SDK has no words for it, or they are not known here; the text names the place."""


def kind_of(given: Parameter) -> str:
    """As an annotation names it."""
    found = TYPES.get(given.parameter_type)
    if found is None:
        raise NoProgram(f"parameterType {given.parameter_type}: the SDK has no annotation for it")
    return found


def is_function(container: Container) -> bool:
    return FUNCTION in container.args and bool(container.command) and "def " in container.command[-1]


def function_name(container: Container) -> str:
    at = container.args.index(FUNCTION)
    return container.args[at + 1] if at + 1 < len(container.args) else ""


def function(component: Component, container: Container) -> str:
    """A lightweight component. Raises NoProgram: it is not as the SDK writes one."""
    text, matched = _HEADER.subn("", container.command[-1])
    name = function_name(container)
    if not matched:
        raise NoProgram(f"{name}: its source does not begin as the SDK writes it")
    helpers, marked, own = text.strip().partition(f"def {name}(")
    if not marked or (helpers and not helpers.endswith("\n")):
        raise NoProgram(f"{name}: its source does not hold a function of that name")
    more = _helpers(name, helpers)
    settings: list[tuple[str, Any]] = [] if DYNAMIC in container.image else [("base_image", container.image)]
    settings += _installs(container)
    if more:
        settings.append(("additional_funcs", [Raw(each) for each in more]))
    if component.task_config_passthroughs:
        passed = [_passthrough(one) for one in component.task_config_passthroughs]
        settings.append(("task_config_passthroughs", passed))
    return f"{helpers}@{source(Call('dsl.component', tuple(settings)))}\n{marked}{own}"


def _passthrough(one: Passthrough) -> Any:
    field = Raw(f"dsl.TaskConfigField.{one.field}")
    if not one.apply_to_task:
        return field
    return Call("dsl.TaskConfigPassthrough", (("field", field), ("apply_to_task", True)))


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


def container_component(name: str, component: Component, container: Container, kind: Kind) -> str:
    """A component of a command line; placeholders stand in it by the names of inputs and outputs."""
    if component.task_config_passthroughs:
        raise NoProgram(f"{name}: taskConfigPassthroughs: the SDK writes these of functions alone")
    image = "" if DYNAMIC in container.image else container.image
    spec = Call("dsl.ContainerSpec", tuple(
        (key, value) for key, value in (
            ("image", image), ("command", [words.word(one, component) for one in container.command]),
            ("args", [words.word(one, component) for one in container.args]),
        ) if value or key == "image"
    ))
    head = f"@dsl.container_component\ndef {name}({', '.join(_signature(component, kind))}):"
    said = documented(component.input_definitions, component.output_definitions, 4)
    return f"{head}\n{said}    return {source(spec, 4)}"


def documented(given: Definitions, made: Definitions, indent: int) -> str:
    """A docstring of what is said of inputs and outputs; '' where nothing is."""
    lines: list[str] = []
    for title, side in (("Args", given), ("Returns", made)):
        said = [(name, one.description) for name, one in side.parameters.items() if one.description]
        said += [(name, one.description) for name, one in side.artifacts.items() if one.description]
        if said:
            lines += ["", f"{title}:", *(f"    {name}: {_escaped(text)}" for name, text in said)]
    if not lines:
        return ""
    space = " " * indent
    inner = "".join(f"{space}{line}\n" if line else "\n" for line in lines[1:])
    return f'{space}"""\n{inner}{space}"""\n'


def _escaped(text: str) -> str:
    """On further lines indented, so that they belong to it."""
    plain = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return plain.replace("\n", f"\n{' ' * 12}")


def _signature(component: Component, kind: Kind) -> list[str]:
    given, made = component.input_definitions, component.output_definitions
    first = [f"{name}: Input[{kind(one)}]" for name, one in given.artifacts.items() if not one.is_optional]
    later = [
        f"{name}: Optional[Input[{kind(one)}]] = None"
        for name, one in given.artifacts.items() if one.is_optional
    ]
    for name, one in given.parameters.items():
        (first if needed(one) else later).append(parameter(name, one))
    first += [f"{name}: Output[{kind(one)}]" for name, one in made.artifacts.items()]
    first += [f"{name}: dsl.OutputPath({kind(one)})" for name, one in made.parameters.items()]
    return [*first, *later]


def needed(one: Parameter) -> bool:
    """Whether it stands before those that have a default."""
    return one.parameter_type in GIVEN or (one.default_value is UNSET and not one.is_optional)


def parameter(name: str, one: Parameter) -> str:
    """`epochs: int = 3`, as a function takes it."""
    if not name.isidentifier():
        raise NoProgram(f"inputs: {name!r} is no name of Python's")
    kind = kind_of(one)
    if one.parameter_type in GIVEN:
        return f"{name}: {kind}"
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

