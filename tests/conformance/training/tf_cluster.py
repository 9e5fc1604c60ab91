"""Stands for upstream's dist_mnist: a cluster of TF_CONFIG, variables on the ps, rows of ours."""

import json
import os

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
config = json.loads(os.environ["TF_CONFIG"])
job, index = config["task"]["type"], config["task"]["index"]
cluster = tf.train.ClusterSpec(config["cluster"])
mine = f"/job:{job}/task:{index}"
alone = not {"chief", "master"} & {*config["cluster"]}
leads = job in ("chief", "master") or (alone and job == "worker" and index == 0)
settings = tf.ConfigProto(
    device_filters=[] if job == "ps" else ["/job:ps", mine],
    intra_op_parallelism_threads=1, inter_op_parallelism_threads=2,
)
server = tf.train.Server(cluster, job_name=job, task_index=index, config=settings)
if job == "ps":
    server.join()
with tf.device(tf.train.replica_device_setter(worker_device=mine, cluster=cluster)):
    rows, answers = tf.placeholder(tf.float32, [None, 8]), tf.placeholder(tf.float32, [None, 1])
    weights = tf.get_variable("weights", [8, 1])
    loss = tf.reduce_mean(tf.square(tf.matmul(rows, weights) - answers))
    step = tf.train.get_or_create_global_step()
    learn = tf.train.GradientDescentOptimizer(0.05).minimize(loss, global_step=step)
random, wanted = np.random.default_rng(index), np.linspace(-1, 1, 8)[:, None]
with tf.train.MonitoredTrainingSession(
    master=server.target, is_chief=leads, config=settings, log_step_count_steps=None
) as session:
    done = 0
    while done < 300:
        given = random.normal(size=(32, 8))
        _, done, found = session.run([learn, step, loss], {rows: given, answers: given @ wanted})
print(f"{job} {index}: {done} steps, loss={found:.2e}, variables on {weights.device}", flush=True)
