"""Stands for upstream's lightgbm-dist program: LightGBM's own sockets between the pods, rows of ours.

The machines' list is made of what the operator puts into the environment, as theirs makes it. Today's library
refuses `--tree_learner=feature` to Python programs, so each rank learns on rows of its own (`data`).
"""

import argparse
import os
import socket
import time

import lightgbm as lgb
import numpy as np

parser = argparse.ArgumentParser()
for name, kind in (("num_trees", int), ("num_leaves", int), ("max_bin", int)):
    parser.add_argument(f"--{name}", type=kind)
options, _ = parser.parse_known_args()


def address(name: str) -> str:
    """A worker's name is known once its pod runs."""
    while True:
        try:
            return socket.gethostbyname(name)
        except OSError:
            time.sleep(0.5)


rank = int(os.environ["RANK"])
hosts = [(os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"])]
hosts += [(name, os.environ["WORKER_PORT"]) for name in os.environ["WORKER_ADDRS"].split(",")]
random = np.random.default_rng(0)
rows = random.normal(size=(2000, 10))
labels = (rows[:, 0] + rows[:, 1] ** 2 > 0.5).astype(int)
settings = {name: value for name, value in vars(options).items() if value is not None and name != "num_trees"}
booster = lgb.train({
    **settings, "objective": "binary", "tree_learner": "data", "pre_partition": True,
    "num_machines": len(hosts), "time_out": 5, "num_threads": 1,
    "machines": ",".join(f"{address(name)}:{port}" for name, port in hosts),
    "local_listen_port": int(hosts[min(rank, 1)][1]), "verbosity": 1,
}, lgb.Dataset(rows[rank::len(hosts)], labels[rank::len(hosts)]), num_boost_round=options.num_trees or 20)
right = ((booster.predict(rows) > 0.5) == labels).mean()
print(f"rank {rank} of {len(hosts)}: {booster.num_trees()} trees, accuracy={right:.4f}", flush=True)
assert right > 0.9
