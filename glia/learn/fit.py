"""The course's regression: a small net learns a noisy cosine.

y = cos x + noise, noise uniform in [-0.1, 0.1], x = 0, 0.1, …, 4.9: 50 points. The net is
Linear(1, 10) - ReLU - Linear(10, 1), 31 parameters; the loss is the mean squared error; every
step uses all 50 points, so this is gradient descent proper, not its stochastic form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from glia import nn, optim
from glia.tensor.jit import jit
from glia.tensor.random import host_rng, manual_seed
from glia.tensor.tensor import Tensor, realize, to_numpy

STEPS = 3000
LEARNING_RATE = 0.05
#: Steps between two frames.
FRAME_EVERY = 10
#: Expected mean square of the noise, 0.1²/3: what even the true curve leaves as loss.
NOISE_FLOOR = 0.1**2 / 3

#: Called with the step, the losses since the last frame, and the outputs of this step.
Frame = Callable[[int, np.ndarray, np.ndarray], None]


@dataclass
class Fit:
    """What came of it."""

    net: nn.Module
    x: np.ndarray
    y: np.ndarray
    losses: np.ndarray  # (steps,)
    prediction: np.ndarray  # (50,), after the last step


def make_points() -> tuple[np.ndarray, np.ndarray]:
    """The 50 points, float32; the noise comes from glia's random numbers."""
    x = np.arange(50) / 10
    y = np.cos(x) + host_rng().uniform(-0.1, 0.1, x.shape)
    return x.astype(np.float32), y.astype(np.float32)


def make_net() -> nn.Module:
    """Linear(1, 10) - ReLU - Linear(10, 1)."""
    return nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))


def fit(
    points: tuple[np.ndarray, np.ndarray],
    net: nn.Module,
    steps: int = STEPS,
    frame: Frame | None = None,
) -> Fit:
    """Train on all points at every step.

    Args:
        points: x and y, (n,).
        net: takes (n, 1), gives (n, 1).
        steps: how many.
        frame: called at step 0 and every tenth one after it.
    """
    x, y = (Tensor(values[:, None]) for values in points)
    optimizer = optim.SGD(net.parameters(), lr=LEARNING_RATE)
    loss_fn = nn.MSELoss()

    @jit
    def step(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        outputs = net(x)
        loss = loss_fn(outputs, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach(), outputs.detach()

    waiting: list[Tensor] = []
    losses: list[np.ndarray] = []

    def read() -> np.ndarray:
        realize(*waiting)
        found = np.array([to_numpy(loss) for loss in waiting], np.float64)
        waiting.clear()
        losses.append(found)
        return found

    for number in range(steps):
        loss, outputs = step(x, y)
        waiting.append(loss)
        if number % FRAME_EVERY == 0:
            found = read()
            if frame is not None:
                frame(number, found, to_numpy(outputs)[:, 0].astype(np.float64))
    if waiting:
        read()
    prediction = to_numpy(net(x))[:, 0]
    return Fit(net, *points, np.concatenate(losses), prediction)


def run_fit(seed: int, frame: Frame | None = None) -> Fit:
    """Points, net and training from one seed."""
    manual_seed(seed)
    return fit(make_points(), make_net(), frame=frame)
