"""The XGBoost model server: a booster's file (`.bst`, `.json`, `.ubj`), asked as KServe's does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .files import only
from .model import CannotLoad
from .predictor import Format, Model
from .program import main

ENDINGS = (".bst", ".json", ".ubj")


def load(folder: Path) -> Model:
    import numpy as np
    import xgboost  # type: ignore[import-not-found, unused-ignore]

    path = only(folder, *ENDINGS)
    booster = xgboost.Booster(params={"nthread": int(os.environ.get("NTHREAD", "1"))})
    try:
        booster.load_model(path)
    except xgboost.core.XGBoostError as problem:
        raise CannotLoad(f"{path.name}: cannot be loaded: {str(problem).splitlines()[0]}") from None

    def predict(given: Any) -> Any:
        rows = given if hasattr(given, "columns") else np.asarray(given, dtype=float)
        return booster.predict(xgboost.DMatrix(rows), validate_features=hasattr(given, "columns"))

    return Model(predict, booster.num_features(), "FP32")


if __name__ == "__main__":
    main(Format("xgboost", load))
