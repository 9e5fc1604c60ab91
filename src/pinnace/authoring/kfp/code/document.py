"""The whole program: imports, components, pipelines inside, the pipeline, and its compilation. Pure."""

from __future__ import annotations

import ast
import typing
from collections.abc import Iterator
from typing import Any

from pinnace.authoring.kfp.code import groups, leaves, platform
from pinnace.authoring.kfp.code.block import Block
from pinnace.authoring.kfp.code.leaves import CLASSES, NoProgram
from pinnace.authoring.kfp.ir import Component, Dag, Executor, Obj, Package
from pinnace.authoring.program import Call, identifier, source

MAIN = "_pipeline"
"""Until all names are known."""
DSL = ("Input", "Output", "InputPath", "OutputPath", *CLASSES.values(), "component", "container_component",
       "ContainerSpec", "ConcatPlaceholder", "IfPresentPlaceholder", "PipelineTaskFinalStatus", "TaskConfig",
       "EmbeddedInput")
"""What functions may name as it is, since steps import all of `kfp.dsl` and `typing`."""


def program(package: Package) -> tuple[str, tuple[str, ...]]:
    """The text, and what is said about it. Raises NoProgram."""
    if package.argo:
        raise NoProgram("apiVersion: this was compiled by kfp 1.8: a Workflow, not a PipelineSpec")
    return Document(package).written()


class Document:
    def __init__(self, package: Package) -> None:
        self.pipeline = package.pipeline
        self.platforms: Obj = package.platform.get("platforms") or {}
        self.notes: list[str] = []
        self.blocks: list[str] = []
        """Components and nested pipelines, before what uses them."""
        self.callables: dict[str, str] = {}
        """Component → the function that stands for it."""
        self.known: dict[str, str] = {}
        """What a component is → its function: the SDK repeats one for each container setting."""
        self.names: set[str] = {"dsl", "compiler", "kfp", "kubernetes"}
        self.classes: dict[str, str] = {}
        """Schemas of artifacts that the SDK has no class for → classes written here."""

    def written(self) -> tuple[str, tuple[str, ...]]:
        info = self.pipeline.pipeline_info
        said = {
            "name": info.name, "description": info.description, "display_name": info.display_name,
            "pipeline_root": self.pipeline.default_pipeline_root,
            "pipeline_config": platform.pipeline_config(self.platforms),
        }
        main = self._function(MAIN, self.pipeline.root, [(key, one) for key, one in said.items() if one])
        name = identifier(info.name, self.names)
        main = main.replace(f"\ndef {MAIN}(", f"\ndef {name}(", 1)
        compiled = f'compiler.Compiler().compile({name}, "{name}.yaml")'
        end = f'if __name__ == "__main__":\n    {compiled}\n'
        parts = [*self.classes.values(), *self.blocks, main]
        body = [*(f"{block}\n" for block in parts), end]
        return "\n\n".join([_imports("\n\n".join(body)), *body]), tuple(self.notes)

    # ---- pipelines -----------------------------------------------------------------------------

    def _function(self, name: str, component: Component, settings: list[tuple[str, Any]]) -> str:
        given, made = component.input_definitions, component.output_definitions
        kinds = {key: self.kind(one) for key, one in {**made.parameters, **made.artifacts}.items()}
        block = Block(self, component.dag or Dag(), dict.fromkeys((*given.parameters, *given.artifacts), ""))
        lines = block.whole(outputs=list(kinds))
        head = f"@{source(Call('dsl.pipeline', tuple(settings)))}"
        said = leaves.documented(given, made, 4)
        first = f"def {name}({', '.join(self._arguments(component))}){_returns(kinds)}:"
        return "\n".join([head, first, *([said.rstrip()] if said else []), *lines])

    def _arguments(self, component: Component) -> list[str]:
        given = component.input_definitions
        first, last = list[str](), list[str]()
        for key, each in given.artifacts.items():
            kind = f"Input[{self.kind(each)}]"
            if each.is_optional:
                last.append(f"{key}: Optional[{kind}] = None")
            else:
                first.append(f"{key}: {kind}")
        for key, one in given.parameters.items():
            text, item = leaves.parameter(key, one), self._item(key) if one.parameter_type == "LIST" else ""
            written = text.replace(": list", f": List[{item}]", 1) if item else text
            (first if leaves.needed(one) else last).append(written)
        return [*first, *last]

    def _item(self, name: str) -> str:
        """Of what a list's items are, if a loop over it says so."""
        for one in self.pipeline.components.values():
            found = one.input_definitions.parameters.get(f"pipelinechannel--{name}-loop-item")
            if found is not None:
                return leaves.kind_of(found)
        return ""

    # ---- components ----------------------------------------------------------------------------

    def executor(self, component: Component) -> Executor:
        return self.pipeline.deployment_spec.executors.get(component.executor_label, Executor())

    def component(self, name: str) -> Component:
        found = self.pipeline.components.get(name)
        if found is None:
            raise NoProgram(f"components.{name}: a task refers to it, and it is not there")
        return found

    def callable(self, name: str) -> str:
        """The function of a component, written when it is first used."""
        if name not in self.callables:
            self.callables[name] = self._callable(name, self.component(name))
        return self.callables[name]

    def _callable(self, name: str, component: Component) -> str:
        bare = name.removeprefix("comp-")
        if component.dag is not None:
            return self._inner(bare, component)
        container = self.executor(component).container
        if container is None:
            raise NoProgram(f"components.{name}: it is neither a container nor an importer")
        if container.image in leaves.STUBS:
            return leaves.STUBS[container.image]
        wanted, text = self._leaf(bare, component)
        if text in self.known:
            return self.known[text]
        if wanted in self.names:
            raise NoProgram(f"components.{name}: another component is called {wanted} as well")
        self.names.add(wanted)
        self.known[text] = wanted
        self.blocks.append(text)
        return wanted

    def _inner(self, bare: str, component: Component) -> str:
        """A pipeline inside. The SDK numbers those of one name."""
        base = groups.split(bare)[0]
        base = base if f"comp-{base}" in self.pipeline.components else bare
        text = self._function(MAIN, component, [("name", base)])
        if text not in self.known:
            self.known[text] = made = identifier(base, self.names)
            self.names.add(made)
            self.blocks.append(text.replace(f"\ndef {MAIN}(", f"\ndef {made}(", 1))
        return self.known[text]

    def _leaf(self, bare: str, component: Component) -> tuple[str, str]:
        """Its name, and its text: a function if the SDK would write it like that again."""
        container = self.executor(component).container
        assert container is not None
        if leaves.is_function(container):
            name = leaves.function_name(container)
            try:
                return name, leaves.function(component, container)
            except NoProgram as problem:
                self.notes.append(f"{problem}: it stands as the container that runs it")
        wanted = identifier(groups.split(bare)[0])
        return wanted, leaves.container_component(wanted, component, container, self.kind)

    # ---- types ---------------------------------------------------------------------------------

    def kind(self, given: Any) -> str:
        """As an annotation names it."""
        if hasattr(given, "parameter_type"):
            return leaves.kind_of(given)
        name = self.artifact_class(given.artifact_type).removeprefix("dsl.")
        return f"List[{name}]" if given.is_artifact_list else name

    def artifact_class(self, schema: Obj) -> str:
        title = str(schema.get("schemaTitle") or "system.Artifact")
        if title in CLASSES:
            return f"dsl.{CLASSES[title]}"
        name = title.rpartition(".")[2]
        if not name.isidentifier() or schema.get("instanceSchema"):
            raise NoProgram(f"schemaTitle {title}: no class of Python's has this name")
        version = str(schema.get("schemaVersion") or "0.0.1")
        self.classes[name] = "\n    ".join([
            f"class {name}(dsl.Artifact):", f"schema_title = {source(title)}",
            f"schema_version = {source(version)}",
        ])
        return name


def _returns(kinds: dict[str, str]) -> str:
    if set(kinds) == {"Output"}:
        return f" -> {kinds['Output']}"
    listed = ", ".join(f"{key}={kind}" for key, kind in kinds.items())
    return f' -> NamedTuple("Outputs", {listed})' if kinds else ""


def _imports(text: str) -> str:
    """Of what the text names; a text that cannot be read gets everything."""
    try:
        named = {one.id for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Name)}
        bound = set(_bound(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return "from typing import *\n\nfrom kfp import compiler, dsl, kubernetes\nfrom kfp.dsl import *\n"
    words = sorted(named & set(typing.__all__) - bound)
    classes = sorted(named & set(DSL) - bound)
    more = ", kubernetes" if "kubernetes" in named else ""
    lines = [f"from typing import {', '.join(words)}\n"] if words else []
    lines.append(f"from kfp import compiler, dsl{more}")
    return "\n".join([*lines, *([f"from kfp.dsl import {', '.join(classes)}"] if classes else []), ""])


def _bound(tree: ast.Module) -> Iterator[str]:
    for one in tree.body:
        if isinstance(one, (ast.FunctionDef, ast.ClassDef)):
            yield one.name
