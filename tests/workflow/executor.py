"""A tiny stand-in for containers: understands `argosay`, `echo`, exits and self-contained Python; else
says so.

What it cannot know (files, networks, random outcomes) it reports in `unknown`, so a test can say which
documents need the real node instead of guessing their outcome.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import Any

from tests.workflow.world import Result, main, staging

_EXIT = re.compile(r"(?:^|[;&|\s])exit\s+(\d+)")
_WRITE = re.compile(r"(?:echo(?:\s+-n)?|cowsay)\s+(.*?)\s*(?:\|\s*tee|>)\s*(/\S+)")
_FALSE = frozenset({"false"})


TOO_LONG = "Pod was active on the node longer than the specified deadline"
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _lasts(command: str) -> float:
    found = re.search(r"sleep\s+(\d+)([smhd]?)", command)
    return int(found[1]) * _UNITS[found[2]] if found else 0


class Executor:
    def __init__(self) -> None:
        self.unknown: list[str] = []

    def __call__(self, pod: dict[str, Any]) -> Result:
        container, staged = main(pod), staging(pod)
        argv = [*(container.get("command") or []), *(container.get("args") or [])]
        files: dict[str, str] = {}
        code, out = self._run(container, argv, staged.get("script"), files)
        found: Result = {"code": code, "result": out.removesuffix("\n")}
        limit = pod["spec"].get("activeDeadlineSeconds")
        if limit is not None and _lasts(" ".join(argv)) > limit:
            return {"code": 143, "seconds": limit, "message": TOO_LONG}
        if code == 0:
            self._collect(staged["outputs"], files, found)
        return found

    def _run(
        self, container: dict[str, Any], argv: list[str], script: str | None, files: dict[str, str]
    ) -> tuple[int, str]:
        image = str(container.get("image", ""))
        if "argosay" in image and (
            not argv or argv[0] in ("/argosay", "argosay") or not container.get("command")
        ):
            return self._argosay([word for word in argv if word not in ("/argosay", "argosay")], files)
        if script is not None and argv and "python" in argv[0]:
            return self._python(script)
        if argv[:1] and "python" in argv[0] and "-c" in argv:
            return self._python(argv[argv.index("-c") + 1])
        if argv and argv[0] in ("echo", "cowsay"):
            return 0, " ".join(argv[1:]) + "\n"
        if argv and argv[0] in _FALSE:
            return 1, ""
        if argv and argv[0] in ("sleep", "true", "date", "cat", "ls"):
            return 0, ""
        if argv and argv[0] in ("sh", "bash", "/bin/sh", "/bin/bash"):
            return self._shell(script if script is not None else argv[-1], files)
        if argv and not argv[0].startswith("/") and argv[0] in ("invalid", "exit", "test"):
            return (64 if argv[0] == "invalid" else 1), ""
        self.unknown.append(f"{image} {argv}")
        return 0, ""

    def _argosay(self, argv: list[str], files: dict[str, str]) -> tuple[int, str]:
        if not argv:
            return 0, "hello argo\n"
        verb, rest = argv[0], argv[1:]
        if verb == "echo":
            if len(rest) > 1:
                files[rest[1]] = rest[0]
                return 0, ""
            return 0, (rest[0] if rest else "") + "\n"
        if verb == "exit":
            return int(rest[0]) if rest else 0, ""
        if verb in ("sleep", "cat", "assert_contains"):
            return 0, ""
        if verb == "sh":
            return self._shell(rest[-1] if rest else "", files)
        return 1, ""

    def _shell(self, source: str, files: dict[str, str]) -> tuple[int, str]:
        if any(word in source for word in ("RANDOM", "kill ", "if ", "$((", "while ")):
            self.unknown.append(source)
        for text, path in _WRITE.findall(source):
            files[path.rstrip(";")] = text.strip("'\"") + "\n"
        found = _EXIT.search(source)
        if found and "if " not in source:
            return int(found.group(1)), ""
        said = re.match(r"\s*echo\s+([^|>;&]*)$", source.strip())
        if said:
            try:
                return 0, " ".join(shlex.split(said.group(1))) + "\n"
            except ValueError:
                return 0, said.group(1) + "\n"
        return 0, ""

    def _python(self, source: str) -> tuple[int, str]:
        if re.search(r"open\(|import (os|subprocess)", source):
            self.unknown.append(source)
            return 0, ""
        hurried = f"import time\ntime.sleep = lambda seconds: None\n{source}"
        try:
            done = subprocess.run([sys.executable, "-c", hurried], capture_output=True, text=True, timeout=5)
        except subprocess.TimeoutExpired:
            self.unknown.append(source)
            return 0, ""
        return done.returncode, done.stdout

    def _collect(self, wanted: dict[str, Any], files: dict[str, str], found: Result) -> None:
        values, artifacts = {}, {}
        for parameter in wanted["parameters"]:
            if parameter["path"] in files:
                values[parameter["name"]] = files[parameter["path"]].removesuffix("\n")
            elif "default" not in parameter:
                self.unknown.append(f"output parameter {parameter['path']}")
                values[parameter["name"]] = "?"
        for artifact in wanted["artifacts"]:
            if artifact["path"] not in files and artifact.get("optional"):
                continue
            if artifact["path"] not in files:
                self.unknown.append(f"output artifact {artifact['path']}")
            artifacts[artifact["name"]] = {"digest": "0" * 64, "size": 1}
        found["parameters"], found["artifacts"] = values, artifacts
