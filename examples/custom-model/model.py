import argparse

import kserve
import numpy as np
from kserve.model_server import parser as server_options


class Add(kserve.Model):
    """Adds a number to what comes, by both protocols and gRPC."""

    def __init__(self, name, more):
        super().__init__(name)
        self.more = more
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        if isinstance(payload, dict):
            return {"predictions": [each + self.more for each in payload["instances"]]}
        found = payload.inputs[0].as_numpy() + self.more
        output = kserve.InferOutput("sum", list(found.shape), "FP32")
        output.set_data_from_numpy(found.astype(np.float32), binary_data=False)
        return kserve.InferResponse(payload.id or "1", self.name, [output])


if __name__ == "__main__":
    own = argparse.ArgumentParser(parents=[server_options], conflict_handler="resolve")
    own.add_argument("--more", type=float, default=1)
    options, _ = own.parse_known_args()
    kserve.ModelServer().start([Add(options.model_name, options.more)])
