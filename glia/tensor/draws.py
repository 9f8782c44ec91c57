"""Methods that fill a tensor with random numbers, in place, and those that draw by its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glia.base.dtypes import float32
from glia.base.errors import ArgumentError, DTypeError, teach
from glia.base.i18n import tr
from glia.ir import samplers
from glia.tensor.record import Handle

if TYPE_CHECKING:
    from glia.tensor.generator import Generator
    from glia.tensor.tensor import Tensor


class Draws(Handle):
    """Random numbers in the shape and dtype of the tensor."""

    __slots__ = ()

    def _filled(self, new: Tensor, name: str) -> Tensor:
        from glia.tensor.inplace import rebind

        own: Any = self
        return rebind(own, new.detach().to(self.dtype), name)

    def _floats(self, name: str) -> Any:
        """The dtype to draw in, for laws of real numbers."""
        if self.dtype.kind != "float":
            what = tr(
                f"{name}: expected a floating-point tensor, found {self.dtype.name}.",
                f"{name}：应为浮点张量，得到 {self.dtype.name}。",
            )
            raise DTypeError(teach(what, tr("use random_ for whole numbers", "整数请用 random_")))
        return self.dtype

    def _scaled(
        self, name: str, law: Any, low: float, size: float, generator: Generator | None
    ) -> Tensor:
        from glia.tensor.distributions import drawn

        kind = self._floats(name)
        return self._filled(drawn(name, law, low, size, self.shape, generator, kind), name)

    def uniform_(
        self, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None
    ) -> Tensor:
        """Uniform in [from, to)."""
        if from_ > to:
            what = tr(
                f"uniform_: expected from ≤ to, found {from_} and {to}.",
                f"uniform_：应有 from ≤ to，得到 {from_} 和 {to}。",
            )
            raise ArgumentError(teach(what))
        return self._scaled("uniform_", samplers.uniform, from_, to - from_, generator)

    def normal_(
        self, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
    ) -> Tensor:
        """Normal with this mean and standard deviation."""
        return self._scaled("normal_", samplers.normal, mean, std, generator)

    def log_normal_(
        self, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None
    ) -> Tensor:
        """``exp`` of normal numbers with this mean and standard deviation."""
        from glia.tensor.distributions import drawn

        kind = self._floats("log_normal_")
        law = samplers.normal
        logs = drawn("log_normal_", law, mean, std, self.shape, generator, kind)
        return self._filled(logs.exp(), "log_normal_")

    def exponential_(self, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Exponential: density ``λ e^(-λ x)``."""
        if not lambd > 0:
            what = tr(
                f"exponential_: expected lambd > 0, found {lambd}.",
                f"exponential_：lambd 应大于 0，得到 {lambd}。",
            )
            raise ArgumentError(teach(what))
        return self._scaled("exponential_", samplers.exponential, 0.0, 1.0 / lambd, generator)

    def cauchy_(
        self, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None
    ) -> Tensor:
        """Cauchy: density ``σ / π ((x - median)² + σ²)``."""
        return self._scaled("cauchy_", samplers.cauchy, median, sigma, generator)

    def geometric_(self, p: float, *, generator: Generator | None = None) -> Tensor:
        """The number of trials up to the first success."""
        from glia.tensor.distributions import geometric

        kind = self.dtype if self.dtype.kind == "float" else float32
        new = geometric(p, self.shape, generator=generator, dtype=kind)
        return self._filled(new, "geometric_")

    def bernoulli_(self, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
        """1 with probability p, a number or a tensor, else 0."""
        from glia.tensor.distributions import _bernoulli, probability
        from glia.tensor.generator import key_tensor
        from glia.tensor.tensor import apply

        args = key_tensor(generator), probability("bernoulli_", p)
        return self._filled(apply(_bernoulli, args, self.shape, self.dtype), "bernoulli_")

    def random_(
        self, from_: int = 0, to: int | None = None, *, generator: Generator | None = None
    ) -> Tensor:
        """Whole numbers from ``from`` up to, not including, ``to``; one bound is the upper one.

        Without bounds, up to the largest that the dtype holds exactly.
        """
        from glia.tensor.random import randint

        if to is None and from_:
            from_, to = 0, from_
        if to is None:
            kind, bits = self.dtype.kind, 8 * self.dtype.itemsize
            widths = {"bool": 1, "uint": bits, "int": bits - 1}
            floats = {16: 11, 32: 24, 64: 53}
            to = 2 ** (widths[kind] if kind in widths else floats[bits])
        new = randint(from_, to, self.shape, dtype=self.dtype, generator=generator)
        return self._filled(new, "random_")

    def bernoulli(self, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
        """1 with the probability that stands in its place, else 0; with ``p``, that everywhere."""
        from glia.tensor.distributions import bernoulli

        own: Any = self
        return bernoulli(own, p, generator=generator)

    def multinomial(
        self, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
    ) -> Tensor:
        """Indices drawn with weights; see ``gl.multinomial``."""
        from glia.tensor.distributions import multinomial

        own: Any = self
        return multinomial(own, num_samples, replacement, generator=generator)
