"""The nets as functions of a library's operations, for libraries whose modules are not PyTorch's.

``ops`` holds the operations; ``take()`` gives the next weight, in the order of PyTorch's modules.
Weights have been brought into the library's own layout before (``ops.adapt``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Take = Callable[[], Any]


def linear(ops: Any, take: Take, x: Any, bias: bool = True) -> Any:
    x = ops.matmul(x, take())
    return x + take() if bias else x


def dense(ops: Any, take: Take, x: Any, count: int) -> Any:
    """So many linear layers with ReLU between them."""
    for i in range(count):
        x = linear(ops, take, ops.relu(x) if i else x)
    return x


def regression(ops: Any, take: Take, x: Any) -> Any:
    return dense(ops, take, x, 2)


def mlp(ops: Any, take: Take, x: Any) -> Any:
    return dense(ops, take, x, 3)


def lenet(ops: Any, take: Take, x: Any) -> Any:
    for _ in range(2):
        x = ops.add_bias(ops.conv(x, take(), 1, 0), take())
        x = ops.max_pool(ops.relu(x), 2, 2, 0)
    return dense(ops, take, ops.flatten(x), 3)


def conv_norm(ops: Any, take: Take, x: Any, size: int, stride: int = 1) -> Any:
    x = ops.conv(x, take(), stride, size // 2)
    return ops.batch_norm(x, take(), take())


def resnet18(ops: Any, take: Take, x: Any) -> Any:
    x = ops.relu(conv_norm(ops, take, x, 3))
    for stage in range(4):
        for i in range(2):
            stride = 2 if stage and not i else 1
            y = ops.relu(conv_norm(ops, take, x, 3, stride))
            y = conv_norm(ops, take, y, 3)
            x = conv_norm(ops, take, x, 1, stride) if stride > 1 else x
            x = ops.relu(y + x)
    return linear(ops, take, ops.mean_places(x))


def resnet50(ops: Any, take: Take, x: Any) -> Any:
    x = ops.relu(conv_norm(ops, take, x, 7, 2))
    x = ops.max_pool(x, 3, 2, 1)
    for stage, count in enumerate((3, 4, 6, 3)):
        for i in range(count):
            stride = 2 if stage and not i else 1
            y = ops.relu(conv_norm(ops, take, x, 1))
            y = ops.relu(conv_norm(ops, take, y, 3, stride))
            y = conv_norm(ops, take, y, 1)
            x = x if i else conv_norm(ops, take, x, 1, stride)
            x = ops.relu(y + x)
    return linear(ops, take, ops.mean_places(x))


def unet(ops: Any, take: Take, x: Any) -> Any:
    def block(x: Any) -> Any:
        x = ops.relu(conv_norm(ops, take, x, 3))
        return ops.relu(conv_norm(ops, take, x, 3))

    kept = []
    for _ in range(4):
        kept.append(block(x))
        x = ops.max_pool(kept[-1], 2, 2, 0)
    x = block(x)
    for skip in reversed(kept):
        x = ops.add_bias(ops.conv_transpose(x, take()), take())
        x = block(ops.cat_channels(skip, x))
    return ops.add_bias(ops.conv(x, take(), 1, 0), take())


def recurrent(kind: str) -> Callable[[Any, Take, Any], Any]:
    def net(ops: Any, take: Take, x: Any) -> Any:
        x = ops.embedding(take(), x)  # (batch, time, 64)
        last = ops.recur(kind, x, take(), take(), take(), take())
        return linear(ops, take, last)

    return net


def lstm_cell(ops: Any, projected: Any, state: Any, weight: Any, bias: Any) -> Any:
    """Gates in PyTorch's order: input, forget, candidate, output."""
    h, c = state
    i, f, g, o = ops.split(projected + ops.matmul(h, weight) + bias, 4)
    c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
    return ops.sigmoid(o) * ops.tanh(c), c


def gru_cell(ops: Any, projected: Any, state: Any, weight: Any, bias: Any) -> Any:
    """Gates in PyTorch's order: reset, update, candidate."""
    (h,) = state
    ar, az, an = ops.split(projected, 3)
    br, bz, bn = ops.split(ops.matmul(h, weight) + bias, 3)
    r, z = ops.sigmoid(ar + br), ops.sigmoid(az + bz)
    n = ops.tanh(an + r * bn)
    return (n + z * (h - n),)


def rnn_cell(ops: Any, projected: Any, state: Any, weight: Any, bias: Any) -> Any:
    (h,) = state
    return (ops.tanh(projected + ops.matmul(h, weight) + bias),)


CELLS = {"rnn": (rnn_cell, 1), "lstm": (lstm_cell, 2), "gru": (gru_cell, 1)}


def gpt(ops: Any, take: Take, x: Any) -> Any:
    batch, length = x.shape
    token, place = take(), take()
    x = ops.embedding(token, x) + place[:length]
    for _ in range(4):
        y = ops.layer_norm(x, take(), take())
        y = linear(ops, take, y)
        parts = ops.reshape(y, (batch, length, 3, 4, 64))
        q, k, v = (ops.transpose(parts[:, :, i], (0, 2, 1, 3)) for i in range(3))
        y = ops.transpose(ops.causal_attention(q, k, v), (0, 2, 1, 3))
        x = x + linear(ops, take, ops.reshape(y, (batch, length, 256)))
        y = ops.layer_norm(x, take(), take())
        y = ops.gelu(linear(ops, take, y))
        x = x + linear(ops, take, y)
    x = linear(ops, take, ops.layer_norm(x, take(), take()), bias=False)
    return ops.reshape(x, (-1, 5000))


NETS = {
    "regression": regression,
    "mlp": mlp,
    "lenet": lenet,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "unet": unet,
    "rnn": recurrent("rnn"),
    "lstm": recurrent("lstm"),
    "gru": recurrent("gru"),
    "gpt": gpt,
}
