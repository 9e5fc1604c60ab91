"""Stands for upstream's mnist_with_summaries: TensorFlow learns, and writes summaries, on rows of ours."""

import os

import numpy as np
import tensorflow as tf

random, wanted = np.random.default_rng(0), np.linspace(-1, 1, 8)[:, None]
weights = tf.Variable(tf.zeros([8, 1]))
folder = "/tmp/tensorflow/mnist/logs"
writer = tf.summary.create_file_writer(folder)
for step in range(100):
    rows = tf.constant(random.normal(size=(64, 8)), tf.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(rows @ weights - rows @ tf.constant(wanted, tf.float32)))
    weights.assign_sub(0.1 * tape.gradient(loss, weights))
    with writer.as_default():
        tf.summary.scalar("loss", loss, step=step)
writer.close()
print(f"loss={float(loss):.2e}, summaries: {os.listdir(folder)}", flush=True)
assert float(loss) < 1e-3
