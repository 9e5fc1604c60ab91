"""The LightGBM model server: a booster's text file (`.bst`, `.txt`), asked as KServe's lgbserver asks it."""

from __future__ import annotations

from pathlib import Path

from .files import only
from .model import CannotLoad
from .predictor import Format, Model
from .program import main

ENDINGS = (".bst", ".txt")


def load(folder: Path) -> Model:
    import lightgbm  # type: ignore[import-not-found, unused-ignore]

    path = only(folder, *ENDINGS)
    try:
        booster = lightgbm.Booster(params={"num_threads": 1}, model_file=str(path))
    except lightgbm.basic.LightGBMError as problem:
        raise CannotLoad(f"{path.name}: cannot be loaded: {problem}") from None
    return Model(booster.predict, booster.num_feature())


if __name__ == "__main__":
    main(Format("lightgbm", load))
