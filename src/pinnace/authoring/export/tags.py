"""A component's words as tags of Argo: each `{{$…}}` becomes an expression over the pod's inputs. Pure.

Used by `plain`. What depends on whether an input is there (`IfPresent`) would change how many words there
are, which no template can.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from pinnace.authoring.kfp import expressions
from pinnace.authoring.kfp.expressions import formula, literal
from pinnace.authoring.kfp.placeholders import TAG
from pinnace.authoring.kfp.step import PARAMETERS, Step

_INPUT = re.compile(r"\.inputs\.parameters\[(?:'([^']*)'|\"([^\"]*)\")\]")
_OUTPUT = re.compile(r"\.outputs\.parameters\[(?:'([^']*)'|\"([^\"]*)\")\]\.output_file")
_ARTIFACT = re.compile(
    r"\.(inputs|outputs)\.artifacts\[(?:'([^']*)'|\"([^\"]*)\")\]\.(uri|path|name|metadata)"
    r"(?:\[(?:'([^']*)'|\"([^\"]*)\")\])?"
)


class Unwritable(ValueError):
    """A word that no expression can stand for."""


class Tags:
    """`document`: the expression of the executor's input; `known`: constants by name."""

    def __init__(self, step: Step, document: str, known: Mapping[str, str]) -> None:
        self.step = step
        self.document = document
        self.known = known

    def words(self, words: list[str]) -> list[str]:
        return [self.word(word) for word in words]

    def word(self, word: str) -> str:
        if word.startswith('{"IfPresent"'):
            raise Unwritable("an argument depends on whether an input is there (IfPresent)")
        if word.startswith('{"Concat"'):
            try:
                parts = json.loads(word)["Concat"]
            except (ValueError, KeyError):
                return self.text(word)
            if not all(isinstance(part, str) for part in parts):
                raise Unwritable("an argument is put together of others that may be missing (Concat)")
            return self.text("".join(parts))
        return self.text(word)

    def text(self, text: str) -> str:
        if "{{" not in text:
            return text
        parts, at = [], 0
        for found in TAG.finditer(text):
            parts += [literal(text[at : found.start()]), self.expression(found[1].strip(), found[0])]
            at = found.end()
        return formula(" + ".join([*parts, literal(text[at:])]))

    def expression(self, name: str, whole: str) -> str:
        if name == "":
            return self.document
        if name in self.known:
            return literal(self.known[name])
        if found := _INPUT.fullmatch(name):
            return expressions.plain(_given(found[1] or found[2]))
        if found := _OUTPUT.fullmatch(name):
            return literal(f"{PARAMETERS}/{found[1] or found[2]}")
        if found := _ARTIFACT.fullmatch(name):
            return self.artifact(found[1] == "inputs", found[2] or found[3], found[4], found[5] or found[6])
        raise Unwritable(f"{whole} is only known to Kubeflow Pipelines")

    def artifact(self, taken: bool, name: str, field: str, key: str | None) -> str:
        one = f"fromJSON({_given(name)})[0]"
        uri = f"{one}.uri" if taken else f"{_given('artifacts-root')} + {literal(f'/{name}')}"
        if field == "uri":
            return f"({uri})"
        if field == "path":
            return f"replace({uri}, 'minio://', '/minio/')"
        if field == "name":
            return f"{one}.name" if taken else literal(name)
        if not taken:
            return literal("{}")
        metadata = f"({one}.metadata ?? {{}})"
        return f"toJson({metadata})" if key is None else f"string({metadata}[{literal(key)}])"


def _given(name: str) -> str:
    return f"inputs.parameters[{literal(name)}]"
