"""Finding and loading the one scikit-learn model of a folder.

skops files are preferred: they load only the types that skops trusts. joblib and pickle files run code of
whoever wrote them, which is why a model server lives in the sandbox without a network.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SKOPS = (".skops",)
PICKLES = (".joblib", ".pkl", ".pickle")

TRUSTED = frozenset(
    f"sklearn.{name}"
    for name in (
        "_loss.loss.HalfTweedieLossIdentity",
        "calibration._CalibratedClassifier",
        "calibration._SigmoidCalibration",
        "ensemble._hist_gradient_boosting.binning._BinMapper",
        "ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "gaussian_process.kernels.ConstantKernel",
        "gaussian_process.kernels.Product",
        "gaussian_process.kernels.RBF",
        "metrics._dist_metrics.EuclideanDistance64",
        "neighbors._ball_tree.BallTree",
        "neighbors._kd_tree.KDTree",
        "neural_network._stochastic_optimizers.AdamOptimizer",
        "neural_network._stochastic_optimizers.SGDOptimizer",
        "tree._tree.Tree",
    )
)
"""Fitted parts of scikit-learn's own estimators: data, no callables. Without them no forest is loaded."""


class CannotLoad(Exception):
    """There is no one model to load, or it must not be; the text says what to do."""


class Missing(CannotLoad):
    """There is no model file at all: perhaps there will be, under other names."""


def find(folder: Path) -> Path:
    """The model file of `folder` (which may be the file itself)."""
    if folder.is_file():
        return folder
    if not folder.is_dir():
        raise Missing(f"{folder}: there is no such folder; is the model's storageUri right?")
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    for endings in (SKOPS, PICKLES):
        fitting = [path for path in files if path.suffix in endings]
        if len(fitting) > 1:
            names = ", ".join(path.name for path in fitting)
            raise CannotLoad(f"{folder}: more than one model file is detected ({names}); leave one of them")
        if fitting:
            return fitting[0]
    if len(files) == 1:
        return files[0]
    names = ", ".join(path.name for path in files[:10]) or "nothing"
    endings_text = " ".join((*SKOPS, *PICKLES))
    text = f"{folder}: expected one model file ({endings_text}), found {names}"
    raise CannotLoad(text) if files else Missing(text)


def load(path: Path) -> Any:
    if path.suffix in SKOPS or is_zip(path):
        return load_skops(path)
    import joblib

    try:
        return joblib.load(path)
    except Exception as problem:
        raise CannotLoad(f"{path.name}: cannot be loaded: {type(problem).__name__}: {problem}") from problem


def is_zip(path: Path) -> bool:
    """A skops file is a zip archive whatever its name is (an artifact's key often has no ending)."""
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def load_skops(path: Path) -> Any:
    try:
        import skops.io
    except ImportError:
        missing = "skops is not in this environment; add it, or save the model with joblib"
        raise CannotLoad(f"{path.name}: {missing}") from None
    try:
        named = skops.io.get_untrusted_types(file=path)
        untrusted = [name for name in named if name not in TRUSTED]
        if untrusted:
            raise CannotLoad(
                f"{path.name}: refused, it contains types that are not trusted: {', '.join(untrusted)}. "
                "Build the model from scikit-learn's own classes, or save it with joblib"
            )
        return skops.io.load(path, trusted=named)
    except CannotLoad:
        raise
    except Exception as problem:
        cause = f"{type(problem).__name__}: {problem}"
        raise CannotLoad(f"{path.name}: is not a skops file: {cause}") from problem
