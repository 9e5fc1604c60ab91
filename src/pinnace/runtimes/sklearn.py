"""The scikit-learn model server: `python -m pinnace.runtimes.sklearn --model_name NAME --model_dir DIR`.

Started as the kserve-container of predictor pods; takes the arguments of KServe's sklearnserver, so that
upstream's serving runtimes run unchanged.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .model import CannotLoad, find
from .model import load as load_file
from .predictor import Format, Model
from .program import main


def load(folder: Path) -> Model:
    return model(load_file(find(folder)))


def model(estimator: Any) -> Model:
    probabilities = os.environ.get("PREDICT_PROBA", "").lower() == "true"
    named = "predict_proba" if probabilities and hasattr(estimator, "predict_proba") else "predict"
    if not hasattr(estimator, named):
        raise CannotLoad(f"a {type(estimator).__name__} cannot predict; save a fitted scikit-learn estimator")
    from .tensors import datatype_of

    classes = getattr(estimator, "classes_", None)
    output = "FP64" if classes is None else datatype_of(getattr(classes, "dtype", None))
    return Model(getattr(estimator, named), int(getattr(estimator, "n_features_in_", -1)), output)


FORMAT = Format("sklearn", load)

if __name__ == "__main__":
    main(FORMAT)
