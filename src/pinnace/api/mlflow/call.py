"""One request of MLflow's API: its parameters, wherever they travel, and who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from pinnace.api.http import NoDocument, Request
from pinnace.api.mlflow.errors import invalid
from pinnace.objects import tickets
from pinnace.objects.lineage.contents import Contents
from pinnace.objects.registry import runs
from pinnace.objects.registry.files import Files
from pinnace.objects.registry.records import EXPERIMENT, MODEL, Absent, Record, Registry

BODY = 8 * 1024 * 1024
ZERO = "0"
"""MLflow's id of the experiment `Default`."""
LISTS = frozenset({"order_by", "experiment_ids", "stages", "run_ids", "datasets"})


class Call:
    """`given`: the body of a POST, the query of a GET (there, lists are repeated)."""

    def __init__(
        self, registry: Registry, files: Files, contents: Contents, request: Request, given: Record,
        names: Mapping[str, str],
    ) -> None:
        self.registry = registry
        self.files = files
        self.contents = contents
        self.request = request
        self.given = {**given, **names}

    def text(self, name: str, default: str | None = None) -> str:
        """Raises Refusal: it is missing and has no default."""
        found = self.given.get(name)
        if found is None or found == "":
            if default is None:
                raise invalid(f"Missing value for required parameter '{name}'.")
            return default
        if isinstance(found, dict | list):
            raise invalid(f"Invalid value for parameter '{name}': expected a text")
        return str(found)

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.given.get(name) or default)
        except (TypeError, ValueError):
            raise invalid(f"Invalid value for parameter '{name}': expected a whole number") from None

    def several(self, name: str) -> list[Any]:
        found = self.given.get(name) or []
        if not isinstance(found, list):
            raise invalid(f"Invalid value for parameter '{name}': expected a list")
        return found

    def pairs(self, name: str) -> dict[str, str]:
        """`[{key, value}]`. Raises Refusal."""
        made: dict[str, str] = {}
        for one in self.several(name):
            if not isinstance(one, dict) or not isinstance(one.get("key"), str):
                raise invalid(f"Invalid value for parameter '{name}': expected a list of key and value")
            made[one["key"]] = str(one.get("value", ""))
        return made

    # -- what is asked about ----------------------------------------------------------------------------

    def run(self) -> Record:
        return runs.of_uuid(self.registry, self.text("run_id", self.text("run_uuid", "")))

    def experiment(self, number: str = "") -> Record:
        """Raises Absent."""
        wanted = number or self.text("experiment_id")
        return self.registry.get(EXPERIMENT, runs.FIRST if wanted == ZERO else wanted)

    def model(self) -> Record:
        name = self.text("name")
        found = self.registry.said(MODEL, name)
        if found is None:
            raise Absent(f"Registered Model with name={name} not found")
        return found

    # -- who asks ---------------------------------------------------------------------------------------

    @property
    def said(self) -> Record:
        """`pod` and `workspace`, as far as they are known."""
        return tickets.said(self.request.identity)


async def given(request: Request) -> Record:
    """Raises Refusal."""
    if request.method in ("GET", "HEAD"):
        text = request.scope.get("query_string", b"").decode("latin-1")
        try:
            pairs = parse_qs(text, keep_blank_values=True, max_num_fields=1000)
        except ValueError as problem:
            raise invalid(f"the query cannot be read: {problem}") from None
        return {name: found if name in LISTS else found[0] for name, found in pairs.items()}
    try:
        return await request.document(BODY)
    except NoDocument as problem:
        raise invalid(str(problem)) from None
