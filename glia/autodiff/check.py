"""Are the derivatives right? Compare them with differences, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from glia.autodiff.reverse import pullback
from glia.base.dtypes import as_dtype
from glia.base.errors import ArgumentError, GradError, teach
from glia.ir.build import add, mul, sum_
from glia.ir.expr import Expr
from glia.ir.interpret import interpret
from glia.ir.ops.source import leaf

Function = Callable[..., Expr]
Evaluate = Callable[[Sequence[Expr], Mapping[Expr, np.ndarray]], Sequence[np.ndarray]]

#: With at most so many elements on each side the whole Jacobian is compared.
JACOBIAN = 64


def gradcheck(
    function: Function,
    inputs: Sequence[np.ndarray],
    *,
    order: int = 1,
    step: float = 1e-6,
    tolerance: float = 1e-6,
    seed: int = 0,
    evaluate: Evaluate = interpret,
) -> float:
    """Compare the gradient of a function of expressions with central differences.

    In a random direction v, and for a random weighting w of the results, ``Σ v · ∂(w·f)/∂x``
    must be ``(w·f(x + h v) - w·f(x - h v)) / 2h``. Where both sides have at most 64 elements,
    every entry of the Jacobian is compared too. Complex numbers count as pairs of real ones.

    Args:
        function: takes one expression per input and gives one of real or complex dtype.
        inputs: where to differentiate. Floating-point and complex arrays are varied, in float64
            and complex128; whole numbers and bools are held fixed. Stay away
            from kinks by more than ``step``.
        order: 2 compares second derivatives: the gradient of ``v · gradient``.
        step: the step h of the differences.
        tolerance: largest error, relative to the size of what is compared (at least 1).
        seed: of the random directions.
        evaluate: how values are computed; the interpreter unless another is given.

    Returns:
        The largest relative error met.

    Raises:
        GradError: a derivative differs; the text names the input and the entry.

    Example:
        >>> from glia.ir import build
        >>> gradcheck(lambda x: build.tanh(x), [np.array([0.3, -1.0])]) < 1e-6
        True
    """
    if order not in (1, 2):
        raise ArgumentError(teach(f"gradcheck: expected order 1 or 2, found {order}."))
    check = _Check(function, inputs, np.random.default_rng(seed), evaluate)
    if order == 2:
        directions = [check.random(x) if varied(x) else None for x in check.values]
        check.function = _directional(function, directions)
    check.step, check.tolerance = step, tolerance
    check.prepare()
    worst = check.direction()
    if 0 < check.inputs_size() <= JACOBIAN and 0 < check.result.numel <= JACOBIAN:
        worst = max(worst, check.jacobian())
    return worst


def varied(array: np.ndarray) -> bool:
    """Whether derivatives with respect to this input exist."""
    return array.dtype.kind in "fc"


def _product(a: np.ndarray, b: np.ndarray) -> float:
    """``Σ a b`` over real and imaginary parts."""
    return float(np.real(np.conj(a) * b).sum())


def _units(like: np.ndarray) -> Iterator[np.ndarray]:
    """One at every place in turn; then i, where numbers are complex."""
    for one in (1.0, 1j) if like.dtype.kind == "c" else (1.0,):
        for place in np.ndindex(like.shape):
            unit = np.zeros(like.shape, like.dtype)
            unit[place] = one
            yield unit


def _constant(array: np.ndarray, number: int) -> tuple[Expr, np.ndarray]:
    return leaf(-1 - number, array.shape, as_dtype(array.dtype)), array


def _directional(function: Function, directions: Sequence[np.ndarray | None]) -> Function:
    """``Σ v · ∂(Σ f)/∂x`` as a function of x, the directions v fixed."""

    def derived(*xs: Expr) -> Expr:
        from glia.ir.build import const, full
        from glia.ir.ops.complex import conj, real
        from glia.ir.ops.view import concat, reshape

        def fixed(v: np.ndarray) -> Expr:
            dtype = as_dtype(v.dtype)
            parts = [reshape(const(n, dtype), (1,)) for n in v.ravel().tolist()]
            return reshape(concat(parts, 0), v.shape) if parts else full(v.shape, 0.0, dtype)

        result = function(*xs)
        dtype = result.dtype
        wrt = [x for x, v in zip(xs, directions, strict=True) if v is not None]
        found = pullback(result, wrt, full(result.shape, 1.0, dtype))
        total: Expr = const(0.0, dtype.to_real())
        chosen = [v for v in directions if v is not None]
        for v, g in zip(chosen, found, strict=True):
            if g is not None:
                total = add(total, sum_(real(mul(conj(g), fixed(v)))))
        return total

    return derived


class _Check:
    """One comparison: leaves, values, the expression and its gradient."""

    step: float
    tolerance: float

    def __init__(
        self,
        function: Function,
        inputs: Sequence[np.ndarray],
        rng: np.random.Generator,
        evaluate: Evaluate,
    ) -> None:
        self.function = function
        self.rng = rng
        self.evaluate = evaluate
        arrays = [np.asarray(x) for x in inputs]
        wide = {"f": np.float64, "c": np.complex128}
        self.values = [x.astype(wide.get(x.dtype.kind, x.dtype)) for x in arrays]
        if not any(varied(x) for x in self.values):
            message = "gradcheck: expected at least one floating-point input."
            raise ArgumentError(teach(message, "convert the inputs with .astype(float)"))

    def random(self, like: np.ndarray) -> np.ndarray:
        if like.dtype.kind == "c":
            return np.asarray(self.random(like.real) + 1j * self.random(like.real))
        return self.rng.choice([-1.0, 1.0], like.shape) * self.rng.uniform(0.5, 1.0, like.shape)

    def prepare(self) -> None:
        """Record the function and its gradient on leaves of their own."""
        kinds = [as_dtype(x.dtype) for x in self.values]
        self.leaves = [
            leaf(-1 - i, x.shape, kind)
            for i, (x, kind) in enumerate(zip(self.values, kinds, strict=True))
        ]
        self.result = self.function(*self.leaves)
        if not self.result.dtype.is_inexact:
            message = f"gradcheck: the function gives {self.result.dtype.name}, not a float."
            raise ArgumentError(teach(message))
        self.seed = leaf(-1 - len(self.values), self.result.shape, self.result.dtype)
        self.wrt = [i for i, x in enumerate(self.values) if varied(x)]
        self.gradients = pullback(self.result, [self.leaves[i] for i in self.wrt], self.seed)

    def inputs_size(self) -> int:
        return sum(self.values[i].size for i in self.wrt)

    def at(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """The function's value."""
        (found,) = self.evaluate([self.result], dict(zip(self.leaves, values, strict=True)))
        return np.asarray(found, np.complex128 if np.iscomplexobj(found) else np.float64)

    def gradient(self, weights: np.ndarray) -> list[np.ndarray]:
        """``∂(w·f)/∂x`` for every varied input; zeros where f does not depend on it."""
        known = dict(zip(self.leaves, self.values, strict=True))
        known[self.seed] = weights.astype(self.result.dtype.np)
        present = [g for g in self.gradients if g is not None]
        found = iter(self.evaluate(present, known) if present else ())
        zeros = [np.zeros(self.values[i].shape) for i in self.wrt]
        return [z if g is None else next(found) for g, z in zip(self.gradients, zeros, strict=True)]

    def difference(self, moves: Mapping[int, np.ndarray]) -> np.ndarray:
        """The central difference of the function along these moves of the inputs."""
        sides = []
        for sign in (1.0, -1.0):
            moved = [
                x + sign * self.step * moves[i] if i in moves else x
                for i, x in enumerate(self.values)
            ]
            sides.append(self.at(moved))
        return (sides[0] - sides[1]) / (2 * self.step)

    def direction(self) -> float:
        """One random direction of all inputs, one random weighting of the results."""
        weights = self.random(np.empty(self.result.shape, self.result.dtype.np))
        moves = {i: self.random(self.values[i]) for i in self.wrt}
        numeric = _product(weights, self.difference(moves))
        pairs = [(moves[i], g) for i, g in zip(self.wrt, self.gradient(weights), strict=True)]
        analytic = sum(_product(move, g) for move, g in pairs)
        size = float(np.abs(self.at(self.values)).sum())
        size += float(sum(np.abs(move * g).sum() for move, g in pairs))
        return self.compare(analytic, numeric, max(1.0, size), "along a random direction")

    def jacobian(self) -> float:
        """Every entry: rows from the gradient, columns from differences."""
        units = list(_units(np.empty(self.result.shape, self.result.dtype.np)))
        rows = [self.gradient(unit) for unit in units]
        scale = max(1.0, float(np.abs(self.at(self.values)).max()))
        worst = 0.0
        for place, i in enumerate(self.wrt):
            for element, move in enumerate(_units(self.values[i])):
                column = self.difference({i: move})
                for j, unit in enumerate(units):
                    numeric = _product(unit, column)
                    analytic = _product(move, rows[j][place])
                    where = f"of result {j} by element {element} of input {i}"
                    size = max(scale, abs(analytic))
                    worst = max(worst, self.compare(analytic, numeric, size, where))
        return worst

    def compare(self, analytic: float, numeric: float, size: float, where: str) -> float:
        error = abs(analytic - numeric) / size
        if not error <= self.tolerance:  # NaN is an error too
            message = (
                f"gradcheck: the derivative {where} is {analytic:.9g}, "
                f"differences give {numeric:.9g} (relative error {error:.2g})."
            )
            raise GradError(teach(message, "is the input at a kink, or the formula wrong?"))
        return error
