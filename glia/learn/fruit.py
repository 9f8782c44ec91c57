"""One neuron that tells apples from oranges.

Two features: colour (red 1, yellow -1) and surface (smooth 1, rough -1). With weights (1, 1)
and no bias the neuron adds them up; the sign is its answer: 1 apple, -1 orange.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WEIGHTS = np.array([1.0, 1.0])
BIAS = 0.0
APPLE, ORANGE, UNDECIDED = 1, -1, 0


@dataclass(frozen=True)
class Fruit:
    """A fruit as the neuron sees it, and what it makes of it."""

    colour: int  # 1 red, -1 yellow
    surface: int  # 1 smooth, -1 rough

    @property
    def total(self) -> float:
        """n = w₁·colour + w₂·surface + b."""
        return float(WEIGHTS @ [self.colour, self.surface] + BIAS)

    @property
    def answer(self) -> int:
        """The sign of the total; 0 exactly on the line, where the neuron cannot decide."""
        return int(np.sign(self.total))


#: Two clear fruits, and two that lie on the line.
FRUITS = (Fruit(1, 1), Fruit(-1, -1), Fruit(1, -1), Fruit(-1, 1))
