"""A worker that computes next to nothing and writes down when it was asked to run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from bench_protocol import Arrays, Job, serve

NAME, KIND, LOG = os.environ["FAKE_NAME"], os.environ["FAKE_KIND"], Path(os.environ["FAKE_LOG"])


class Fake(Job):
    """Losses that fall from the sum of the weights, unless told to be lazy."""

    def __init__(self, task: dict, arrays: Arrays) -> None:
        self.loss = float(sum(abs(weight).sum() for weight in arrays.weights))
        self.fall = 1.0 if KIND == "lazy" else 0.9
        self.batches = arrays.batches(np.asarray)

    def step(self, i: int) -> Any:
        self.loss *= self.fall
        return self.loss

    def wait(self, value: Any) -> None:
        pass

    def run(self, steps: int) -> float:
        with LOG.open("a") as file:
            print(NAME, steps, file=file)
        super().run(steps)
        return steps * {"slow": 1.0, "busy": 0.02}.get(KIND, 0.01)


def make(task: dict, arrays: Arrays, threads: int, mode: str) -> Job:
    print("chatter of a library")
    if KIND == "unable":
        raise NotImplementedError("no such layer")
    if KIND == "dying":
        sys.exit("out of memory")
    return Fake(task, arrays)


if __name__ == "__main__":
    serve(make, lambda: {"fake": "1"})
