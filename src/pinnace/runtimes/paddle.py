"""The PaddlePaddle model server: a program (`.pdmodel` or `.json`) and its parameters (`.pdiparams`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .files import only
from .model import CannotLoad
from .predictor import Format, Model
from .program import main


def load(folder: Path) -> Model:
    program = only(folder, ".pdmodel", ".json")
    parameters = only(folder, ".pdiparams")
    import numpy as np
    from paddle import inference  # type: ignore[import-not-found, unused-ignore]

    try:
        config = inference.Config(str(program), str(parameters))
        config.disable_gpu()
        config.set_cpu_math_library_num_threads(1)
        predictor = inference.create_predictor(config)
    except Exception as problem:
        said = str(problem).strip().splitlines()[-1]
        raise CannotLoad(f"{program.name}: cannot be loaded: {said}") from None
    source = predictor.get_input_handle(predictor.get_input_names()[0])
    sink = predictor.get_output_handle(predictor.get_output_names()[0])

    def predict(given: Any) -> Any:
        source.copy_from_cpu(np.ascontiguousarray(given, dtype=np.float32))
        predictor.run()
        return sink.copy_to_cpu()

    return Model(predict, output="FP32")


if __name__ == "__main__":
    main(Format("paddle", load))
