"""Options and headings that several groups of commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

PLATFORM = Group("The platform", sort_key=1)
WORK = Group("Your work", sort_key=2)
CARE = Group("Care of the home", sort_key=3)

Where = Annotated[Path | None, Parameter(name="--home", env_var="PINNACE_HOME", help="The home folder.")]
Namespace = Annotated[str, Parameter(name=["--namespace", "-n"], help="Namespace of the objects.")]
