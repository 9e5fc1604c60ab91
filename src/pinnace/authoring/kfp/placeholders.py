"""`{{$…}}` in a component's command, arguments, environment and resources. Callers: `launch`, `lowering`.

Structures (`{"Concat": […]}`, `{"IfPresent": {…}}`) are read before anything is put in, so that no value can
change them. Source of the list: kubeflow/pipelines sdk kfp/dsl/placeholders.py, backend/src/v2/driver.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pinnace.authoring.kfp.step import WORKSPACE, Job
from pinnace.authoring.kfp.values import shown

TAG = re.compile(r"\{\{\$((?:\.|\[)?[^{}]*)\}\}")
_INPUT = re.compile(r"\.inputs\.parameters\[(?:'([^']*)'|\"([^\"]*)\")\]")
_OUTPUT = re.compile(r"\.outputs\.parameters\[(?:'([^']*)'|\"([^\"]*)\")\]\.output_file")
_ARTIFACT = re.compile(
    r"\.(inputs|outputs)\.artifacts\[(?:'([^']*)'|\"([^\"]*)\")\]"
    r"(?:\.(uri|path|name|metadata)(?:\[(?:'([^']*)'|\"([^\"]*)\")\])?)?"
)
Lookup = Callable[[str], str | None]


def of_job(job: Job) -> dict[str, str]:
    return {
        ".pipeline_job_name": job.name,
        ".pipeline_job_resource_name": job.resource,
        ".pipeline_job_uuid": job.id,
        ".pipeline_root": job.folder,
        ".pipeline_job_create_time_utc": job.created,
        ".pipeline_job_schedule_time_utc": job.scheduled or job.created,
        ".workspace_path": WORKSPACE,
    }


def put(text: str, known: Mapping[str, str]) -> str:
    """Only the names that are known; the others stay as they are."""
    return TAG.sub(lambda found: known.get(found[1].strip(), found[0]), text)


def put_deep(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return put(value, known) if "{{$" in value else value
    if isinstance(value, list):
        return [put_deep(item, known) for item in value]
    if isinstance(value, dict):
        return {put(key, known): put_deep(item, known) for key, item in value.items()}
    return value


class Resolver:
    """`document` is the ExecutorInput; `paths` gives an artifact's local path by its uri."""

    def __init__(self, known: dict[str, str], document: dict[str, Any], path: Callable[[str], str]) -> None:
        self.known = known
        self.document = document
        self.path = path

    def text(self, text: str) -> str:
        return TAG.sub(self._tag, text) if "{{$" in text else text

    def words(self, words: list[str]) -> list[str]:
        return [made for word in words for made in self.word(word)]

    def word(self, word: str) -> list[str]:
        if word.startswith(('{"Concat"', '{"IfPresent"')):
            try:
                return self._structure(json.loads(word))
            except ValueError:
                pass
        return [self.text(word)]

    def _structure(self, part: Any) -> list[str]:
        if isinstance(part, list):
            return [word for item in part for word in self._structure(item)]
        if isinstance(part, str):
            return [self.text(part)]
        if "Concat" in part:
            return ["".join(word for item in part["Concat"] for word in self._structure(item))]
        choice = part["IfPresent"]
        branch = choice.get("Then") if self.present(choice["InputName"]) else choice.get("Else")
        return [] if branch is None else self._structure(branch)

    def present(self, name: str) -> bool:
        inputs = self.document["inputs"]
        return inputs["parameterValues"].get(name) is not None or bool(inputs["artifacts"].get(name))

    def _tag(self, found: re.Match[str]) -> str:
        name = found[1].strip()
        if name in self.known:
            return self.known[name]
        for pattern, lookup in ((_INPUT, self._input), (_OUTPUT, self._output), (_ARTIFACT, self._artifact)):
            inner = pattern.fullmatch(name)
            if inner is not None:
                answer = lookup(inner)
                return found[0] if answer is None else answer
        return found[0]

    def _input(self, found: re.Match[str]) -> str | None:
        value = self.document["inputs"]["parameterValues"].get(found[1] or found[2])
        return "" if value is None else shown(value)

    def _output(self, found: re.Match[str]) -> str | None:
        declared = self.document["outputs"]["parameters"].get(found[1] or found[2])
        return None if declared is None else str(declared["outputFile"])

    def _artifact(self, found: re.Match[str]) -> str | None:
        group = self.document[found[1]]["artifacts"].get(found[2] or found[3])
        if group is None:
            return "" if found[1] == "inputs" else None
        artifacts = group["artifacts"]
        if found[4] is None:
            # A program in a container can open paths only; upstream's launcher leaves this tag as it is.
            return json.dumps([{**one, "uri": self.path(one["uri"])} for one in artifacts])
        if not artifacts:
            return ""
        return self._field(artifacts[0], found[4], found[5] or found[6])

    def _field(self, artifact: dict[str, Any], field: str, key: str | None) -> str:
        if field == "path":
            return self.path(artifact["uri"])
        if field == "metadata":
            metadata = artifact.get("metadata") or {}
            return shown(metadata.get(key)) if key is not None else json.dumps(metadata)
        return str(artifact.get(field, ""))
