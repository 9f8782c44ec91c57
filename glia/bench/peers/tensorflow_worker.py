"""TensorFlow: eager, a traced graph, or that graph compiled by XLA."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from bench_nets import CELLS, NETS
from bench_protocol import Arrays, Job, serve

ORDER = {"linear": (1, 0), "conv": (2, 3, 1, 0), "conv_transpose": (2, 3, 1, 0)}


class Ops:
    """Operations of the nets, channels last."""

    relu, sigmoid, tanh = staticmethod(tf.nn.relu), staticmethod(tf.sigmoid), staticmethod(tf.tanh)
    reshape, transpose = staticmethod(tf.reshape), staticmethod(tf.transpose)

    def __init__(self, train: bool, mode: str) -> None:
        self.train = train
        self.loop = mode == "xla"

    @staticmethod
    def matmul(x: Any, w: Any) -> Any:
        if len(x.shape) == 2:
            return x @ w
        flat = tf.reshape(x, (-1, x.shape[-1])) @ w  # one product, not one for every sample
        return tf.reshape(flat, (*x.shape[:-1], w.shape[-1]))

    @staticmethod
    def conv(x: Any, w: Any, stride: int, pad: int) -> Any:
        padding = ((0, 0), (pad, pad), (pad, pad), (0, 0))
        return tf.nn.conv2d(x, w, stride, padding if pad else "VALID")

    @staticmethod
    def conv_transpose(x: Any, w: Any) -> Any:
        batch, height, width, _ = x.shape
        shape = (batch, 2 * height, 2 * width, w.shape[2])
        return tf.nn.conv2d_transpose(x, w, shape, 2, "VALID")

    @staticmethod
    def add_bias(x: Any, bias: Any) -> Any:
        return tf.nn.bias_add(x, bias)

    @staticmethod
    def cat_channels(*parts: Any) -> Any:
        return tf.concat(parts, -1)

    @staticmethod
    def max_pool(x: Any, size: int, stride: int, pad: int) -> Any:
        if pad:  # XLA takes no explicit padding here
            around = ((0, 0), (pad, pad), (pad, pad), (0, 0))
            x = tf.pad(x, around, constant_values=x.dtype.min)
        return tf.nn.max_pool2d(x, size, stride, "VALID")

    @staticmethod
    def mean_places(x: Any) -> Any:
        return tf.reduce_mean(x, (1, 2))

    @staticmethod
    def flatten(x: Any) -> Any:
        return tf.reshape(tf.transpose(x, (0, 3, 1, 2)), (x.shape[0], -1))

    def batch_norm(self, x: Any, scale: Any, shift: Any) -> Any:
        zero, one = tf.zeros_like(scale), tf.ones_like(scale)
        if not self.train:  # running statistics at their start: mean 0, variance 1
            found = tf.raw_ops.FusedBatchNormV3(
                x=x, scale=scale, offset=shift, mean=zero, variance=one, epsilon=1e-5,
                is_training=False,
            )  # fmt: skip
            return found.y
        return tf.compat.v1.nn.fused_batch_norm(x, scale, shift, epsilon=1e-5)[0]

    @staticmethod
    def layer_norm(x: Any, scale: Any, shift: Any) -> Any:
        mean, var = tf.nn.moments(x, -1, keepdims=True)
        return (x - mean) * tf.math.rsqrt(var + 1e-5) * scale + shift

    @staticmethod
    def gelu(x: Any) -> Any:
        return tf.nn.gelu(x, approximate=False)

    @staticmethod
    def split(x: Any, count: int) -> Any:
        return tf.split(x, count, -1)

    @staticmethod
    def embedding(table: Any, x: Any) -> Any:
        return tf.gather(table, x)

    @staticmethod
    def causal_attention(q: Any, k: Any, v: Any) -> Any:
        length = q.shape[2]
        scores = tf.matmul(q, k, transpose_b=True) / np.float32(np.sqrt(q.shape[-1]))
        mask = np.where(np.tril(np.ones((length, length), bool)), 0, -np.inf).astype(np.float32)
        return tf.nn.softmax(scores + mask) @ v

    def recur(self, kind: str, x: Any, w_in: Any, w: Any, b_in: Any, b: Any) -> Any:
        """Unrolled, which is fastest; for XLA, which would compile for minutes, a loop."""
        cell, states = CELLS[kind]
        projected = tf.transpose(self.matmul(x, w_in) + b_in, (1, 0, 2))
        steps = projected.shape[0]
        start = (tf.zeros((x.shape[0], w.shape[0])),) * states

        if not self.loop:
            state = start
            for t in range(steps):
                state = cell(self, projected[t], state, w, b)
            return state[0]

        def body(t: Any, *state: Any) -> Any:
            return (t + 1, *cell(self, projected[t], state, w, b))

        found = tf.while_loop(
            lambda t, *_: t < steps, body, (tf.constant(0), *start), maximum_iterations=steps
        )
        return found[1]


LOSSES = {
    "mse": lambda out, y: tf.reduce_mean((out - y) ** 2),
    "cross_entropy": lambda out, y: tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(y, out)
    ),
    "bce": lambda out, y: tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, out)),
}
OPS = {
    "matmul": lambda x, y: x @ y,
    "gelu_erf": lambda x: tf.nn.gelu(x * 1.1 + 0.3, approximate=False) * 0.7,
    "gelu_tanh": lambda x: tf.nn.gelu(x * 1.1 + 0.3, approximate=True) * 0.7,
    "softmax": tf.nn.softmax,
    "layer_norm": lambda x: Ops.layer_norm(x, 1.0, 0.0),
    "sum0": lambda x: tf.reduce_sum(x, 0),
    "sum1": lambda x: tf.reduce_sum(x, 1),
}


class Update:
    """TensorFlow's own update kernels, fed PyTorch's hyper-parameters."""

    def __init__(self, task: dict, weights: list) -> None:
        self.task = task
        self.weights = weights
        adaptive = task["optimizer"] != "sgd"
        slots = 2 if adaptive else 1 if task["momentum"] else 0
        self.slots = [[tf.Variable(tf.zeros_like(w)) for w in weights] for _ in range(slots)]
        self.count = tf.Variable(0.0)

    def __call__(self, grads: list) -> None:
        task, ops = self.task, tf.raw_ops
        grads = [tf.convert_to_tensor(grad) for grad in grads]
        if task["optimizer"] == "sgd":
            for i, (w, g) in enumerate(zip(self.weights, grads)):
                if task["momentum"]:
                    ops.ResourceApplyMomentum(
                        var=w.handle, accum=self.slots[0][i].handle, lr=task["lr"], grad=g,
                        momentum=task["momentum"],
                    )  # fmt: skip
                else:
                    ops.ResourceApplyGradientDescent(var=w.handle, alpha=task["lr"], delta=g)
            return
        self.count.assign_add(1.0)
        first, second = 0.9**self.count, 0.999**self.count
        for w, m, v, g in zip(self.weights, *self.slots, grads):
            if task["optimizer"] == "adamw":
                w.assign(w * (1 - task["lr"] * 0.01))
            ops.ResourceApplyAdam(
                var=w.handle, m=m.handle, v=v.handle, beta1_power=first, beta2_power=second,
                lr=task["lr"], beta1=0.9, beta2=0.999, epsilon=1e-8 * tf.sqrt(1 - second), grad=g,
            )  # fmt: skip


def compiled(function: Any, mode: str) -> Any:
    return function if mode == "eager" else tf.function(function, jit_compile=mode == "xla")


class TensorflowJob(Job):
    def __init__(self, task: dict, arrays: Arrays) -> None:
        def convert(array: np.ndarray) -> Any:
            picture = task["images"] and array.ndim == 4
            return tf.constant(np.moveaxis(array, -3, -1) if picture else array)

        self.batches = arrays.batches(convert)
        self.weights = []
        for kind, weight in zip(task["kinds"], arrays.weights, strict=True):
            order = ORDER.get(kind)
            self.weights.append(tf.Variable(weight.transpose(order) if order else weight))

    def array(self, value: Any) -> np.ndarray:
        return value.numpy()

    def wait(self, value: Any) -> None:
        pass  # eager results are there


class Training(TensorflowJob):
    def __init__(self, task: dict, arrays: Arrays, mode: str) -> None:
        super().__init__(task, arrays)
        net, ops, loss = NETS[task["net"]], Ops(True, mode), LOSSES[task["loss"]]
        update, weights = Update(task, self.weights), self.weights

        def step(x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                value = loss(net(ops, iter(weights).__next__, x), y)
            update(tape.gradient(value, weights))
            return value

        self.take = compiled(step, mode)

    def step(self, i: int) -> Any:
        return self.take(*self.batches[i % len(self.batches)])


class Forward(TensorflowJob):
    dependent = False

    def __init__(self, task: dict, arrays: Arrays, mode: str) -> None:
        super().__init__(task, arrays)
        if task["net"] in OPS:
            self.function = compiled(OPS[task["net"]], mode)
        else:
            net, ops, weights = NETS[task["net"]], Ops(False, mode), self.weights
            self.function = compiled(lambda x: net(ops, iter(weights).__next__, x), mode)

    def step(self, i: int) -> Any:
        return self.function(*self.batches[0])


def make(task: dict, arrays: Arrays, threads: int, mode: str) -> Job:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    return (Training if task["train"] else Forward)(task, arrays, mode)


if __name__ == "__main__":
    serve(make, lambda: {"tensorflow": tf.__version__})
