"""The PMML model server: one `.pmml` file, evaluated by PMML4S (package pypmml), which needs Java."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from .files import only
from .model import CannotLoad
from .predictor import Format, Model
from .program import main


def load(folder: Path) -> Model:
    path = only(folder, ".pmml", ".xml")
    if shutil.which("java") is None:
        raise CannotLoad("PMML is evaluated in Java, and there is no `java` on this machine: install a JRE")
    from pypmml import Model as Evaluated  # type: ignore[import-not-found, unused-ignore]

    try:
        evaluator = Evaluated.load(str(path))
    except Exception as problem:
        raise CannotLoad(f"{path.name}: is no PMML: {str(problem).splitlines()[0]}") from None
    names = list(evaluator.inputNames)

    def predict(given: Any) -> Any:
        """Rows in the order of the model's fields, or by their names; each becomes its output fields."""
        rows = given.to_dict("records") if hasattr(given, "to_dict") else given
        return [dict(evaluator.predict(record(row, names))) for row in rows]

    return Model(predict, len(names), "BYTES")


def record(row: Any, names: list[str]) -> dict[str, Any]:
    if isinstance(row, dict):
        return row
    values = row.tolist() if hasattr(row, "tolist") else list(row)
    return dict(zip(names, values, strict=False))


if __name__ == "__main__":
    main(Format("pmml", load))
