"""One epoch of LeNet-5 on MNIST: glia beside PyTorch, the same loop, losses compared.

Both start from the same weights and see the same batches in the same order. Rounds alternate
between the two, each in a process of its own, so that a drifting machine hits both alike.

    python benchmarks/lenet_epoch.py --torch-python /path/to/python/with/torch

Without a Python that has PyTorch only glia is measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

BATCH, LR, MOMENTUM = 32, 0.02, 0.9
WARM_UP = 20  # steps before the clock starts


def data(steps: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """MNIST in a fixed random order, normalised, 1×32×32."""
    from glia.data.mnist import MNIST

    images, labels = MNIST("train").arrays
    order = np.random.default_rng(0).permutation(len(labels))[: steps * BATCH]
    images, labels = images[order], labels[order].astype(np.int64)
    return [(images[i : i + BATCH], labels[i : i + BATCH]) for i in range(0, len(order), BATCH)]


def build(nn: Any) -> Any:
    """LeNet-5 with ReLU and max pooling, from either library's layers."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def weights(path: str) -> dict[str, np.ndarray]:
    """The same start for everybody, made once."""
    if not Path(path).exists():
        import glia as gl
        from glia import nn

        gl.manual_seed(0)
        np.savez(path, **{k: v.numpy() for k, v in build(nn).state_dict().items()})
    return dict(np.load(path))


def loop(step: Any, batches: list) -> dict[str, Any]:
    """Run the steps, time those after the warm-up, read the losses at the end."""
    losses = [step(x, y) for x, y in batches[:WARM_UP]]
    start = time.perf_counter()
    losses += [step(x, y) for x, y in batches[WARM_UP:]]
    final = float(losses[-1].item())
    seconds = time.perf_counter() - start
    found = [float(loss.item()) for loss in losses]
    tail = float(np.mean(found[-50:]))
    return {"ms": 1e3 * seconds / (len(batches) - WARM_UP), "tail": tail, "final": final}


def run_glia(start: dict, batches: list, threads: int, jitted: bool) -> dict[str, Any]:
    import glia as gl
    from glia import nn, optim

    gl.set_num_threads(threads)
    net = build(nn)
    net.load_state_dict(start)
    opt = optim.SGD(net.parameters(), lr=LR, momentum=MOMENTUM)
    criterion = nn.CrossEntropyLoss()

    def step(x: Any, y: Any) -> Any:
        loss = criterion(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss.detach()

    compiled = gl.jit(step) if jitted else step
    return loop(lambda x, y: compiled(gl.from_numpy(x), gl.from_numpy(y)), batches)


def run_torch(start: dict, batches: list, threads: int) -> dict[str, Any]:
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    net = build(nn)
    net.load_state_dict({k: torch.from_numpy(v) for k, v in start.items()})
    opt = torch.optim.SGD(net.parameters(), lr=LR, momentum=MOMENTUM)
    criterion = nn.CrossEntropyLoss()

    def step(x: Any, y: Any) -> Any:
        loss = criterion(net(torch.from_numpy(x)), torch.from_numpy(y))
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss.detach()

    return loop(step, batches)


def worker(kind: str, path: str, steps: int, threads: int) -> None:
    start, batches = weights(path), data(steps)
    if kind == "torch":
        result = run_torch(start, batches, threads)
    else:
        result = run_glia(start, batches, threads, kind == "glia-jit")
    print(json.dumps(result))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", help="a Python that can import torch, numpy and glia")
    parser.add_argument("--steps", type=int, default=1875, help="batches of 32 (1875: an epoch)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--worker", nargs=2, metavar=("KIND", "WEIGHTS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(*args.worker, args.steps, args.threads)
        return
    kinds = ["glia", "glia-jit"] + (["torch"] if args.torch_python else [])
    found: dict[str, list[dict]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "weights.npz")
        weights(path)
        for _ in range(args.rounds):
            for kind in kinds:
                python = args.torch_python if kind == "torch" else sys.executable
                command = [python, __file__, "--worker", kind, path]
                command += ["--steps", str(args.steps), "--threads", str(args.threads)]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                found[kind].append(json.loads(output.splitlines()[-1]))
    print(f"LeNet-5, batch {BATCH}, {args.steps} steps, {args.threads} threads, median of rounds")
    medians = {k: statistics.median(r["ms"] for r in rows) for k, rows in found.items()}
    for kind, rows in found.items():
        ratio = f"  {medians[kind] / medians['torch']:.2f} of PyTorch" if "torch" in medians else ""
        losses = f"mean loss of the last 50 steps {rows[0]['tail']:.5f}"
        print(f"{kind:9} {medians[kind]:7.3f} ms/step  {losses}{ratio}")


if __name__ == "__main__":
    main()
