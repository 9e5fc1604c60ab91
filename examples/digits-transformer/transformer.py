"""Pictures in, digits out: KServe's SDK as it comes from PyPI. The predictor behind knows only numbers."""

import argparse

import kserve
from images import features
from kserve.model_server import parser as server_options
from kserve.predictor_config import PredictorConfig


class Pictures(kserve.Model):
    def __init__(self, name, predictor_host):
        super().__init__(name, PredictorConfig(predictor_host))
        self.ready = True

    async def preprocess(self, payload, headers=None):
        return {"instances": [features(picture) for picture in payload["instances"]]}

    async def postprocess(self, result, headers=None, response_headers=None):
        return {"predictions": [{"digit": int(digit)} for digit in result["predictions"]]}


if __name__ == "__main__":
    options, _ = argparse.ArgumentParser(parents=[server_options], conflict_handler="resolve").parse_known_args()
    kserve.ModelServer().start([Pictures(options.model_name, options.predictor_host)])
