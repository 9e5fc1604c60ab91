"""Which pixels made the model say so: each is wiped off in turn, and the predictor is asked again."""

import argparse

import kserve
import numpy as np
from images import features
from kserve.model_server import parser as server_options
from kserve.predictor_config import PredictorConfig


class Occlusion(kserve.Model):
    def __init__(self, name, predictor_host):
        super().__init__(name, PredictorConfig(predictor_host))
        self.ready = True

    async def explain(self, payload, headers=None):
        return {"explanations": [await self.why(features(picture)) for picture in payload["instances"]]}

    async def why(self, drawn):
        """The digit, and an 8×8 map: 1 where the answer changes without that pixel's surroundings."""
        wiped = [drawn]
        for row in range(8):
            for column in range(8):
                grid = np.array(drawn).reshape(8, 8)
                grid[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = 0
                wiped.append(grid.ravel().tolist())
        answer = await self.predict({"instances": wiped})
        digit, *others = answer["predictions"]
        decisive = (np.array(others) != digit).astype(int).reshape(8, 8).tolist()
        return {"digit": int(digit), "decisive": decisive}


if __name__ == "__main__":
    options, _ = argparse.ArgumentParser(parents=[server_options], conflict_handler="resolve").parse_known_args()
    kserve.ModelServer().start([Occlusion(options.model_name, options.predictor_host)])
