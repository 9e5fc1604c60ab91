"""Stands for the programs of upstream's XGBoost images: ranks grow one model by XGBoost's own collective.

`--job_type=Train|Predict`, `--model_path`: theirs. Without arguments the ranks only add (the smoke test).
"""

import argparse
import os
import socket
import sys
import time
from pathlib import Path

import numpy as np
import xgboost as xgb
from sklearn.datasets import load_iris
from xgboost import collective
from xgboost.tracker import RabitTracker

parser = argparse.ArgumentParser()
parser.add_argument("--job_type", default="Smoke")
parser.add_argument("--model_path", type=Path, default=Path("/tmp/xgboost-model"))
parser.add_argument("--n_estimators", type=int, default=10)
parser.add_argument("--learning_rate", type=float, default=0.1)
options, _ = parser.parse_known_args()
iris = load_iris()
if options.job_type == "Predict":
    booster = xgb.Booster(model_file=options.model_path)
    right = (booster.predict(xgb.DMatrix(iris.data)).argmax(axis=1) == iris.target).mean()
    print(f"accuracy={right:.4f}", flush=True)
    sys.exit(0 if right > 0.9 else 1)
rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def found(name: str) -> str:
    """The master's name is known once its pod runs."""
    while True:
        try:
            return socket.gethostbyname(name)
        except OSError:
            time.sleep(0.5)


address = found(os.environ.get("MASTER_ADDR", "localhost"))
port = int(os.environ.get("MASTER_PORT", "9991"))
if rank == 0:
    tracker = RabitTracker(n_workers=world, host_ip=address, port=port, sortby="task")
    tracker.start()
ring = {"dmlc_tracker_uri": address, "dmlc_tracker_port": port, "dmlc_task_id": str(rank), "dmlc_retry": 60}
with collective.CommunicatorContext(**ring):
    ranks = collective.allreduce(np.array([rank + 1]), collective.Op.SUM)[0]
    print(f"rank {rank} of {world}: sum {ranks}", flush=True)
    assert ranks == world * (world + 1) // 2
    if options.job_type == "Train":
        mine = slice(rank, None, world)
        settings = {"objective": "multi:softprob", "num_class": 3, "eta": options.learning_rate, "nthread": 1}
        data = xgb.DMatrix(iris.data[mine], iris.target[mine])
        booster = xgb.train(settings, data, num_boost_round=options.n_estimators)
        if rank == 0:
            options.model_path.parent.mkdir(parents=True, exist_ok=True)
            raw = booster.save_raw("json")
            options.model_path.write_bytes(raw)
if rank == 0:
    tracker.wait_for()
