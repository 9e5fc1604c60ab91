"""What a model server counts, in the Prometheus text format, under the names that KServe's servers use.

Source of the names: kserve python/kserve/kserve/metrics.py (histograms `request_*_seconds` by `model_name`).
"""

from __future__ import annotations

from bisect import bisect_left

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
HELP = {
    "request_preprocess_seconds": "time from a request's bytes to the model's input",
    "request_predict_seconds": "time of the model's prediction",
    "request_postprocess_seconds": "time from the model's output to the answer's bytes",
}


class Histogram:
    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class Metrics:
    def __init__(self, model: str) -> None:
        self._model = escape(model)
        self.histograms = {name: Histogram() for name in HELP}
        self._requests: dict[tuple[str, int], int] = {}

    def observe(self, preprocess: float, predict: float, postprocess: float) -> None:
        values = (preprocess, predict, postprocess)
        for histogram, seconds in zip(self.histograms.values(), values, strict=True):
            histogram.observe(seconds)

    def count(self, protocol: str, status: int) -> None:
        key = (protocol, status)
        self._requests[key] = self._requests.get(key, 0) + 1

    def text(self) -> str:
        lines: list[str] = []
        for name, histogram in self.histograms.items():
            lines += [f"# HELP {name} {HELP[name]}", f"# TYPE {name} histogram"]
            lines += self._histogram(name, histogram)
        lines += ["# HELP pinnace_inference_requests_total inference requests by protocol and status"]
        lines += ["# TYPE pinnace_inference_requests_total counter"]
        for (protocol, status), number in sorted(self._requests.items()):
            labels = f'model_name="{self._model}",protocol="{protocol}",code="{status}"'
            lines.append(f"pinnace_inference_requests_total{{{labels}}} {number}")
        return "\n".join(lines) + "\n"

    def _histogram(self, name: str, histogram: Histogram) -> list[str]:
        lines, seen = [], 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), histogram.counts, strict=True):
            seen += count
            lines.append(f'{name}_bucket{{le="{bound}",model_name="{self._model}"}} {seen}')
        lines.append(f'{name}_count{{model_name="{self._model}"}} {seen}')
        lines.append(f'{name}_sum{{model_name="{self._model}"}} {histogram.total:.9g}')
        return lines


def escape(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
