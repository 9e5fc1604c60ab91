"""The frameworks that training jobs are of, one module each, all of the same shape."""

from __future__ import annotations

from pinnace.controllers.training.framework import Framework
from pinnace.controllers.training.frameworks import jax, mpi, paddle, pytorch, tensorflow, xgboost

FRAMEWORKS: tuple[Framework, ...] = (
    tensorflow.FRAMEWORK, pytorch.FRAMEWORK, xgboost.FRAMEWORK, paddle.FRAMEWORK, jax.FRAMEWORK,
    mpi.FRAMEWORK,
)
