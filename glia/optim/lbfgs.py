"""L-BFGS: steps of a quasi-Newton method, from the last gradients.

How often the loss is computed depends on what it is, so the method runs on the host: the closure
is one program, all that is done with its gradients is NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, CheckpointError, teach
from glia.base.i18n import tr
from glia.base.shapes import numel
from glia.optim.line_search import Point, strong_wolfe
from glia.optim.optimizer import Group, Optimizer, check_range
from glia.tensor.functional import flush, write
from glia.tensor.tensor import Tensor, enable_grad, realize, to_numpy


class LBFGS(Optimizer):
    """``p ← p - t H g``, H from the changes ``s`` of p and ``y`` of g in the last steps.

    ``H = (I - ρ s yᵀ) H (I - ρ y sᵀ) + ρ s sᵀ`` with ``ρ = 1 / yᵀ s``, from ``H = yᵀ s / yᵀ y``.
    For small problems and the gradient of all data; ``step`` takes up to ``max_iter`` of them.

    Args:
        params: what to optimise; one group.
        lr: t; with a line search the first t to try.
        max_iter: steps of one call.
        max_eval: calls of the closure in one call; ``max_iter · 5 / 4`` by default.
        tolerance_grad: stop when no element of the gradient is larger.
        tolerance_change: stop when no element, or the loss, changes by more.
        history_size: how many changes are kept.
        line_search_fn: None, or "strong_wolfe".

    Raises:
        ArgumentError: several groups, or an option out of range.
        GradError: ``step`` inside ``jit``.

    Example:
        >>> import glia as gl
        >>> p = gl.Parameter([4.0, -2.0])
        >>> opt = gl.optim.LBFGS([p], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     opt.zero_grad()
        ...     loss = ((p - 1) * (p - 1) * gl.tensor([1.0, 10.0])).sum()
        ...     loss.backward()
        ...     return loss
        >>> opt.step(closure).item()
        99.0
        >>> p.detach().numpy().round(4).tolist()
        [1.0, 1.0]

    Source: Nocedal, "Updating quasi-Newton matrices with limited storage" (1980).
    """

    scalars = ("lr",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """The first group; there can be no other."""
        if self.param_groups:
            what = tr(
                "LBFGS: one direction for all parameters; there can be only one group.",
                "LBFGS：所有参数共用一个方向，只能有一个参数组。",
            )
            raise ArgumentError(teach(what))
        super().add_param_group(param_group)

    def _check(self, group: Mapping[str, Any]) -> None:
        check_range("lr", group["lr"])
        check_range("history_size", group["history_size"], 1)
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            found = group["line_search_fn"]
            what = tr(
                f"LBFGS: unknown line_search_fn {found!r}.",
                f"LBFGS：未知的 line_search_fn {found!r}。",
            )
            raise ArgumentError(teach(what, "None | 'strong_wolfe'"))

    # Between tensors and one long vector

    def _gathered(self) -> np.ndarray:
        """All gradients in a row; 0 where there is none."""
        parts = [
            np.zeros(numel(p.shape), p.dtype.np) if p.grad is None else to_numpy(p.grad).reshape(-1)
            for p in self.param_groups[0]["params"]
        ]
        return np.concatenate(parts)

    def _place(self) -> np.ndarray:
        """All parameters in a row."""
        parts = [to_numpy(p).reshape(-1) for p in self.param_groups[0]["params"]]
        return np.concatenate(parts)

    def _move(self, x: np.ndarray) -> None:
        """Set all parameters."""
        at, values = 0, []
        for p in self.param_groups[0]["params"]:
            end = at + numel(p.shape)
            values.append((p, x[at:end].reshape(p.shape)))
            at = end
        write(values)

    def _call(self, closure: Callable[[], Any]) -> tuple[Any, float, np.ndarray]:
        """What the closure returns, the loss, and the gradients; in one program."""
        with enable_grad():
            result = closure()
        grads = [p.grad for p in self.param_groups[0]["params"] if p.grad is not None]
        realize(*[x for x in (result, *grads) if isinstance(x, Tensor)])
        self.state[self.param_groups[0]["params"][0]]["func_evals"] += 1
        return result, float(result), self._gathered()

    # Steps

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Up to ``max_iter`` steps.

        Args:
            closure: computes the loss anew and calls ``backward()``. It is called several times;
                its first result is returned.
        """
        if closure is None:
            what = tr(
                "LBFGS.step computes the loss several times: it needs a closure.",
                "LBFGS.step 要多次计算损失：需要传入闭包。",
            )
            help = tr(
                "opt.step(closure), where closure calls zero_grad() and backward() and returns "
                "the loss",
                "写成 opt.step(closure)，closure 内调用 zero_grad()、backward() 并返回损失",
            )
            raise ArgumentError(teach(what, help))
        group = self.param_groups[0]
        state = self.state.setdefault(group["params"][0], {})
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = state["func_evals"]
        result, loss, g = self._call(closure)
        for taken in range(1, group["max_iter"] + 1):
            if np.abs(g).max(initial=0.0) <= group["tolerance_grad"]:
                break
            last = taken == group["max_iter"]
            found = self._advance(closure, state, loss, g, last, first)
            if found is None:
                break
            change, before, (loss, g) = np.abs(state["d"] * state["t"]).max(), loss, found
            if last or state["func_evals"] - first >= group["max_eval"]:
                break
            least = group["tolerance_change"]
            if change <= least or abs(loss - before) < least:
                break
        flush()
        return result

    def _advance(
        self,
        closure: Callable[[], Any],
        state: dict[str, Any],
        loss: float,
        g: np.ndarray,
        last: bool,
        first: int,
    ) -> tuple[float, np.ndarray] | None:
        """One step: the new loss and gradient; None where the direction does not descend."""
        group = self.param_groups[0]
        d = self._direction(state, g)
        lr, t = float(group["lr"]), float(group["lr"])
        if state["n_iter"] == 1:
            t = min(1.0, 1.0 / float(np.abs(g).sum())) * lr
        state.update(d=d, t=t, prev_flat_grad=g, prev_loss=loss)
        slope = _dot(g, d)
        if slope > -group["tolerance_change"]:
            return None
        x = self._place()
        if group["line_search_fn"] is None:
            self._move(x + d * g.dtype.type(t))
            return (loss, g) if last else self._call(closure)[1:]

        def evaluate(t: float) -> Point:
            self._move(x + d * g.dtype.type(t))
            _, loss, gradient = self._call(closure)
            return Point(t, loss, gradient, _dot(gradient, d))

        most = group["max_eval"] - (state["func_evals"] - first)
        start, length = Point(0.0, loss, g, slope), float(np.abs(d).max())
        point, _ = strong_wolfe(evaluate, start, t, length, group["tolerance_change"], most)
        self._move(x + d * g.dtype.type(point.t))
        state["t"] = point.t
        return point.loss, point.gradient

    def _direction(self, state: dict[str, Any], g: np.ndarray) -> np.ndarray:
        """``-H g``, by two walks through the history."""
        state["n_iter"] += 1
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -g
        changes, moves, inverse = state["old_dirs"], state["old_stps"], state["ro"]
        y, s = g - state["prev_flat_grad"], state["d"] * g.dtype.type(state["t"])
        along = _dot(y, s)
        if along > 1e-10:
            changes.append(y)
            moves.append(s)
            inverse.append(1.0 / along)
            for history in (changes, moves, inverse):
                del history[: -self.param_groups[0]["history_size"]]
            state["H_diag"] = along / _dot(y, y)
        q, shares = -g, []
        kind = g.dtype.type
        for y, s, rho in zip(changes[::-1], moves[::-1], inverse[::-1], strict=True):
            shares.append(_dot(s, q) * rho)
            q = q - y * kind(shares[-1])
        q = q * kind(state["H_diag"])
        for y, s, rho, share in zip(changes, moves, inverse, shares[::-1], strict=True):
            q = q + s * kind(share - _dot(y, q) * rho)
        return q

    # State

    def _saved(self, state: Mapping[str, Any]) -> dict[str, Any]:
        return _each(state, Tensor)

    def _load_entry(
        self, group: Group, param: Tensor, entry: Mapping[str, Any], shared: dict[Any, Any]
    ) -> dict[str, Any]:
        found = _each(entry, lambda array: array)
        size = sum(numel(p.shape) for p in group["params"])
        for name in ("d", "prev_flat_grad"):
            if name in found and found[name].shape != (size,):
                what = tr(
                    f"optimizer state '{name}': expected {size} numbers, "
                    f"found shape {found[name].shape}.",
                    f"优化器状态“{name}”：应有 {size} 个数，得到形状 {found[name].shape}。",
                )
                raise CheckpointError(teach(what))
        return found


def _each(value: Any, wrap: Callable[[np.ndarray], Any]) -> Any:
    """Nested state with its vectors wrapped anew; single numbers become Python's."""
    if isinstance(value, Mapping):
        return {name: _each(item, wrap) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_each(item, wrap) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    array = to_numpy(value) if isinstance(value, Tensor) else np.asarray(value)
    return wrap(array.copy()) if array.ndim else array.item()


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    """In NumPy's own order: a BLAS would add in another one for every number of threads."""
    return float((a * b).sum(dtype=np.float64))
