"""Tests a second: whole runs of a four-step workflow by `pinnace.testing`, in one process.

`python -m benchmarks.testing` prints runs a second of CPU: what a machine that does nothing else sees on its
clock.
"""

from __future__ import annotations

import sys
import time

from benchmarks.figure import Figure
from pinnace.testing import outputs, run

WANTED = 100
FLOW = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: bench-}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: load, template: load}
      - name: train
        template: train
        depends: load
        withItems: [0.1, 0.5]
        arguments:
          parameters: [{name: rate, value: "{{item}}"}, {name: rows, value: "{{tasks.load.outputs.result}}"}]
      - {name: tell, template: load, depends: train}
  - {name: load, script: {image: python, command: [python], source: print(7)}}
  - name: train
    inputs: {parameters: [{name: rate}, {name: rows}]}
    container: {image: train, args: ["{{inputs.parameters.rate}}", "{{inputs.parameters.rows}}"]}
"""


def measure(*, quick: bool = False) -> list[Figure]:
    replacements = {"load": outputs(result=7), "train": None}
    count = 50 if quick else 200
    for _ in range(5):
        run(FLOW, replacements)
    began = time.process_time()
    for _ in range(count):
        assert run(FLOW, replacements).phase == "Succeeded"
    rate = count / (time.process_time() - began)
    return [
        Figure(
            "tests of a four-step workflow by `pinnace.testing`", f"≥ {WANTED} a second", f"{rate:.0f}",
            rate >= WANTED,
        )
    ]


if __name__ == "__main__":
    print(measure(quick="--quick" in sys.argv))
