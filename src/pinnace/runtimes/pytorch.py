"""The PyTorch model server: one TorchScript file (`.pt`, `.pth`), run on the CPU.

A state dictionary alone has no program to run: save with `torch.jit.script` or `torch.jit.trace`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .files import only
from .model import CannotLoad
from .predictor import Format, Model
from .program import main


def load(folder: Path) -> Model:
    import torch  # type: ignore[import-not-found, unused-ignore]

    path = only(folder, ".pt", ".pth")
    torch.set_num_threads(1)
    try:
        module = torch.jit.load(str(path), map_location="cpu").eval()
    except RuntimeError as problem:
        advice = "save it with torch.jit.script or torch.jit.trace"
        said = str(problem).splitlines()[0]
        raise CannotLoad(f"{path.name}: is no TorchScript: {said}; {advice}") from None

    def predict(given: Any) -> Any:
        with torch.inference_mode():
            return module(torch.as_tensor(given, dtype=torch.float32)).numpy()

    return Model(predict, output="FP32")


if __name__ == "__main__":
    main(Format("pytorch", load))
