"""The controller's own configuration: upstream's ConfigMap `workflow-controller-configmap` of the namespace
`argo`, each key a YAML document, or all of them in the one key `config`.

Pure. Callers: `controller`, `ending`. What is not named here is of a cluster's and is passed over. Source:
upstream config/config.go, docs/workflow-controller-configmap.yaml, docs/workflow-restrictions.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from pinnace.controllers.workflow.locations import CONTROLLER
from pinnace.controllers.workflow.template import TemplateError
from pinnace.kinds.argo import text
from pinnace.kinds.document import from_yaml
from pinnace.kinds.resource import Obj

KEYS = ("parallelism", "namespaceParallelism", "workflowDefaults", "workflowRestrictions", "persistence")
REFERENCING = ("Strict", "Secure")
OWN = frozenset({
    "activeDeadlineSeconds", "archiveLogs", "arguments", "artifactGC", "entrypoint", "metrics", "podGC",
    "priority", "shutdown", "suspend", "ttlStrategy", "volumeClaimGC", "workflowMetadata",
    "workflowTemplateRef",
})
"""What a workflow may still say itself where it has to refer to a template."""
OF_THE_COLLECTOR = ("podMetadata", "podSpecPatch", "serviceAccountName")
"""Of artifactGC: with these it could become somebody else."""
WHEN = "when the controller is in reference mode"
CHANGED = f"workflowTemplateRef reference may not change during execution {WHEN}"
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


class Configuration(msgspec.Struct, frozen=True):
    """`parallelism` and `namespace_parallelism`: 0 is no limit. `archive_ttl`: seconds, 0 is for ever."""

    parallelism: int = 0
    namespace_parallelism: int = 0
    workflow_defaults: Obj | None = None
    referencing: str = ""
    archive_ttl: float = 0

    def judge(self, spec: Obj) -> None:
        """A new workflow's own spec, under `workflowRestrictions`. Raises TemplateError."""
        if not self.referencing:
            return
        if not spec.get("workflowTemplateRef"):
            raise TemplateError(f"workflows must use workflowTemplateRef to be executed {WHEN}")
        collector = spec.get("artifactGC") or {}
        strange = [key for key, value in spec.items() if value is not None and key not in OWN]
        strange += [f"artifactGC.{key}" for key in OF_THE_COLLECTOR if collector.get(key)]
        if strange:
            raise TemplateError(
                f"fields [{' '.join(sorted(strange))}] are not permitted when using workflowTemplateRef with "
                "templateReferencing restriction"
            )


NONE = Configuration()


def read(config_map: Obj | None) -> Configuration:
    """Raises TemplateError: a workflow must not run under less than what somebody meant to say."""
    data = (config_map or {}).get("data") or {}
    if not data:
        return NONE
    said = _said(data)
    restrictions, persistence = said.get("workflowRestrictions") or {}, said.get("persistence") or {}
    referencing = str(restrictions.get("templateReferencing") or "")
    if referencing and referencing not in REFERENCING:
        raise _wrong("workflowRestrictions", f"templateReferencing is none of {', '.join(REFERENCING)}")
    defaults = said.get("workflowDefaults")
    return Configuration(
        _whole(said, "parallelism"), _whole(said, "namespaceParallelism"),
        defaults if isinstance(defaults, dict) else None, referencing,
        _age(text(persistence.get("archiveTTL") or "")),
    )


class Settings:
    """The configuration as it is now, read again when its ConfigMap has changed. `peek(namespace, name)`
    gives one."""

    def __init__(self, peek: Callable[[str, str], Obj | None]) -> None:
        self.peek = peek
        self._read: tuple[str, Configuration] = ("", NONE)

    def now(self) -> Configuration:
        """Raises TemplateError."""
        found = self.peek(*CONTROLLER)
        version = found["metadata"]["resourceVersion"] if found is not None else ""
        if self._read[0] != version:
            self._read = (version, read(found))
        return self._read[1]

    def limits(self) -> tuple[int, int]:
        """How many workflows may run: in all, and in each namespace."""
        try:
            found = self.now()
        except TemplateError:  # it is told to each workflow as that begins
            return 0, 0
        return found.parallelism, found.namespace_parallelism


def _said(data: dict[str, str]) -> dict[str, Any]:
    import yaml  # only where somebody configures it

    found: dict[str, Any] = {}
    for key in ("config",) if "config" in data else KEYS:
        try:
            found[key] = from_yaml(data[key]) if key in data else None
        except yaml.YAMLError as error:
            raise _wrong(key, str(error)) from None
    whole = found.get("config", found)
    return whole if isinstance(whole, dict) else {}


def _whole(said: dict[str, Any], key: str) -> int:
    value = said.get(key) or 0
    try:
        return int(value)
    except (TypeError, ValueError):
        raise _wrong(key, f"{value!r} is not a whole number") from None


def _age(said: str) -> float:
    """`180d`, `1h30m`, or seconds."""
    if not said:
        return 0
    parts = re.findall(r"(\d+)([dhms]?)", said)
    if "".join(number + unit for number, unit in parts) != said:
        raise _wrong("persistence", f"archiveTTL {said!r} is no duration such as 180d")
    return float(sum(int(number) * _UNITS[unit or "s"] for number, unit in parts))


def _wrong(key: str, why: str) -> TemplateError:
    namespace, name = CONTROLLER
    return TemplateError(f"{key} of ConfigMap {namespace}/{name}: {why}")
