"""Recurrent layers: RNN, LSTM and GRU over sequences, and their cells for single steps."""

from __future__ import annotations

import math
import warnings
from typing import Any

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn import init
from glia.nn import recurrent_formulas as _r
from glia.nn.functional_checks import check_probability
from glia.nn.linear import check_count, empty_parameter
from glia.nn.module import Module
from glia.tensor.random import key_tensor
from glia.tensor.tensor import Parameter, Tensor, apply_all


def _draw(module: Module, hidden_size: int) -> None:
    """All parameters uniform in ±1/√hidden_size."""
    bound = 1 / math.sqrt(hidden_size)
    for parameter in module.parameters():
        init.uniform_(parameter, -bound, bound)


def _mode(name: str, nonlinearity: str) -> str:
    if nonlinearity not in ("tanh", "relu"):
        what = tr(
            f"{name}: expected nonlinearity 'tanh' or 'relu', found {nonlinearity!r}.",
            f"{name}：nonlinearity 应为 'tanh' 或 'relu'，得到 {nonlinearity!r}。",
        )
        raise ArgumentError(teach(what))
    return f"RNN_{nonlinearity.upper()}"


def _lstm_mode(peephole: bool, coupled: bool) -> str:
    return "LSTM" + "_PEEPHOLE" * bool(peephole) + "_COUPLED" * bool(coupled)


def _gru_mode(name: str, reset: str, z_weighs: str) -> str:
    for option, found, choices in (
        ("reset", reset, ("after", "before")),
        ("z_weighs", z_weighs, ("old", "new")),
    ):
        if found not in choices:
            what = tr(
                f"{name}: expected {option} {choices[0]!r} or {choices[1]!r}, found {found!r}.",
                f"{name}：{option} 应为 {choices[0]!r} 或 {choices[1]!r}，得到 {found!r}。",
            )
            raise ArgumentError(teach(what))
    return "GRU" + "_BEFORE" * (reset == "before") + "_NEW" * (z_weighs == "new")


def _variant(mode: str) -> str:
    """What a layer's description says of its variant."""
    texts = {"PEEPHOLE": "peephole=True", "COUPLED": "coupled=True", "BEFORE": "reset=before"}
    texts["NEW"] = "z_weighs=new"
    return "".join(f", {texts[part]}" for part in mode.split("_") if part in texts)


def _pair(name: str, state: Any) -> tuple[Tensor, Tensor]:
    """The two states of an LSTM."""
    if isinstance(state, tuple | list) and len(state) == 2:
        return state[0], state[1]
    what = tr(
        f"{name}: expected the first state as a pair (h, c), found {type(state).__name__}.",
        f"{name}：初始状态应为一对 (h, c)，得到 {type(state).__name__}。",
    )
    raise ArgumentError(teach(what, tr("pass (h, c)", "请传入 (h, c)")))


class RNNBase(Module):
    """What RNN, LSTM and GRU have in common; see there.

    Args:
        mode: ``RNN_TANH``, ``RNN_RELU``, ``LSTM`` or ``GRU``; the others as in :class:`LSTM`.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.mode = mode
        self.input_size = check_count(name, "input_size", input_size)
        self.hidden_size = check_count(name, "hidden_size", hidden_size)
        self.num_layers = check_count(name, "num_layers", num_layers)
        self.bias = bool(bias)
        self.batch_first = bool(batch_first)
        self.dropout = check_probability(name, dropout)
        self.bidirectional = bool(bidirectional)
        self.proj_size = check_count(name, "proj_size", proj_size, 0)
        self._check(name)
        self._names: list[str] = []
        gates = _r.KINDS[mode].gates * self.hidden_size
        state = self.proj_size or self.hidden_size
        directions = ("", "_reverse") if self.bidirectional else ("",)
        for layer in range(self.num_layers):
            size = state * len(directions) if layer else self.input_size
            shapes: dict[str, tuple[int, ...]] = {
                "weight_ih": (gates, size),
                "weight_hh": (gates, state),
            }
            if self.bias:
                shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
            if self.proj_size:
                shapes["weight_hr"] = (self.proj_size, self.hidden_size)
            if "PEEPHOLE" in mode:
                shapes["weight_c"] = ((_r.KINDS[mode].gates - 1) * self.hidden_size,)
            for direction in directions:
                for part, shape in shapes.items():
                    self._names.append(f"{part}_l{layer}{direction}")
                    self.register_parameter(self._names[-1], empty_parameter(shape, dtype))
        self._plans: dict[tuple[bool, float], _r.Plan] = {}
        self.reset_parameters()

    def _check(self, name: str) -> None:
        is_lstm = self.mode.startswith("LSTM")
        if self.proj_size and (not is_lstm or self.proj_size >= self.hidden_size):
            what = tr(
                f"{name}: proj_size {self.proj_size} is for LSTM only, and must be smaller than "
                f"hidden_size {self.hidden_size}.",
                f"{name}：proj_size {self.proj_size} 只用于 LSTM，且须小于 hidden_size "
                f"{self.hidden_size}。",
            )
            raise ArgumentError(teach(what))
        if self.dropout and self.num_layers == 1:
            text = tr(
                f"{name}: dropout acts between layers, and there is only one.",
                f"{name}：dropout 作用于层与层之间，而这里只有一层。",
            )
            warnings.warn(text, UserWarning, stacklevel=4)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        _draw(self, self.hidden_size)

    def flatten_parameters(self) -> None:
        """For programs written for PyTorch: there is nothing to do."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters by layer and direction."""
        found = [getattr(self, name) for name in self._names]
        size = 2 + 2 * self.bias + bool(self.proj_size) + ("PEEPHOLE" in self.mode)
        return [found[i : i + size] for i in range(0, len(found), size)]

    def _plan(self, given: bool, dropout: float) -> _r.Plan:
        """What the expressions are made from; made once."""
        found = self._plans.get((given, dropout))
        if found is None:
            directions = 1 + self.bidirectional
            found = self._plans[given, dropout] = _r.Plan(
                type(self).__name__,
                self.mode,
                self.num_layers,
                directions,
                self.batch_first,
                len(self._names) // (self.num_layers * directions),
                given,
                dropout,
            )
        return found

    def _run(self, input: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        fields = self.__dict__
        weights = [fields[name] for name in self._names]
        dropout = self.dropout if self.training else 0.0
        keys = [key_tensor() for _ in range(self.num_layers - 1)] if dropout else []
        plan = self._plan(bool(state), dropout)
        return apply_all(_r.recurrent, (input, *state, *weights, *keys), plan)

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Any]:
        out, last = self._run(input, () if hx is None else (hx,))
        return out, last

    def extra_repr(self) -> str:
        plain = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
            "bidirectional": False,
        }
        parts = [f"{self.input_size}, {self.hidden_size}"]
        for name, usual in plain.items():
            if getattr(self, name) != usual:
                parts.append(f"{name}={getattr(self, name)}")
        return ", ".join(parts) + _variant(self.mode)


class RNN(RNNBase):
    """``hₜ = tanh(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh)``, layer upon layer.

    Args:
        input_size: size of xₜ.
        hidden_size: size of hₜ.
        num_layers: layers on top of each other.
        nonlinearity: ``"tanh"`` or ``"relu"``.
        bias: whether to add b_ih and b_hh.
        batch_first: input and output are (N, L, …) instead of (L, N, …); states are not.
        dropout: probability of dropping an output between two layers while training.
        bidirectional: a second run from the end to the beginning; outputs stand side by side.

    Shape:
        input (L, N, input_size), hx (num_layers · D, N, hidden_size) → output (L, N, D ·
        hidden_size) and the last hx; D is 2 if bidirectional, else 1. Without N for one sequence.

    Example:
        >>> import glia as gl
        >>> output, h = gl.nn.RNN(3, 5, num_layers=2)(gl.zeros(7, 4, 3))
        >>> output.shape, h.shape
        ((7, 4, 5), (2, 4, 5))

    Source: Elman, "Finding structure in time" (1990).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: Any = None,
    ) -> None:
        mode = _mode("RNN", nonlinearity)
        options = (num_layers, bias, batch_first, dropout, bidirectional)
        super().__init__(mode, input_size, hidden_size, *options, dtype=dtype)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """``c = σ(f) c + σ(i) tanh(g)``, ``h = σ(o) tanh(c)``, layer upon layer.

    The gates ``i, f, g, o = W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh``, in this order. With ``proj_size``
    the state is ``W_hr h``.

    Args:
        input_size: size of xₜ.
        hidden_size: size of cₜ, and of hₜ without ``proj_size``.
        num_layers: layers on top of each other.
        bias: whether to add b_ih and b_hh.
        batch_first: input and output are (N, L, …) instead of (L, N, …); states are not.
        dropout: probability of dropping an output between two layers while training.
        bidirectional: a second run from the end to the beginning; outputs stand side by side.
        proj_size: size of hₜ, smaller than ``hidden_size``; 0 for no projection.
        peephole: gates see the cell state too, i and f that before the step and o that after
            it, each by a weight per element (``weight_c``: i, f, o).
        coupled: the input gate is ``1 - σ(f)`` and has no weights; the others are f, g, o.

    Shape:
        input (L, N, input_size), h and c (num_layers · D, N, size) → output (L, N, D · size) and
        the last (h, c); D is 2 if bidirectional, else 1. Without N for one sequence.

    Example:
        >>> import glia as gl
        >>> output, (h, c) = gl.nn.LSTM(3, 5, batch_first=True)(gl.zeros(4, 7, 3))
        >>> output.shape, h.shape, c.shape
        ((4, 7, 5), (1, 4, 5), (1, 4, 5))

    Source: Hochreiter and Schmidhuber, "Long short-term memory" (1997); Gers, Schmidhuber,
    Cummins, "Learning to forget" (2000); Sak, Senior, Beaufays (2014) for the projection; Gers and
    Schmidhuber, "Recurrent nets that time and count" (2000) for peepholes; Greff et al., "LSTM: a
    search space odyssey" (2017) for coupled gates.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        dtype: Any = None,
        *,
        peephole: bool = False,
        coupled: bool = False,
    ) -> None:
        options = (num_layers, bias, batch_first, dropout, bidirectional, proj_size, dtype)
        super().__init__(_lstm_mode(peephole, coupled), input_size, hidden_size, *options)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        out, h, c = self._run(input, () if hx is None else _pair("LSTM", hx))
        return out, (h, c)


class GRU(RNNBase):
    """``h = (1 - z) n + z hₜ₋₁`` with ``n = tanh(W_in x + b_in + r (W_hn hₜ₋₁ + b_hn))``.

    The gates ``r, z = σ(W_i x + b_i + W_h hₜ₋₁ + b_h)``; weights hold r, z, n in this order.

    Args:
        input_size: size of xₜ.
        hidden_size: size of hₜ.
        num_layers: layers on top of each other.
        bias: whether to add b_ih and b_hh.
        batch_first: input and output are (N, L, …) instead of (L, N, …); states are not.
        dropout: probability of dropping an output between two layers while training.
        bidirectional: a second run from the end to the beginning; outputs stand side by side.
        reset: ``"after"`` the product with W_hn, as above, or ``"before"`` it: ``W_hn (r h)``,
            as first published.
        z_weighs: ``"old"`` state, as above, or the ``"new"`` one: ``h = (1 - z) hₜ₋₁ + z n``.

    Shape:
        input (L, N, input_size), hx (num_layers · D, N, hidden_size) → output (L, N, D ·
        hidden_size) and the last hx; D is 2 if bidirectional, else 1. Without N for one sequence.

    Example:
        >>> import glia as gl
        >>> output, h = gl.nn.GRU(3, 5, bidirectional=True)(gl.zeros(7, 4, 3))
        >>> output.shape, h.shape
        ((7, 4, 10), (2, 4, 5))

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014), with
    the reset gate behind the product.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: Any = None,
        *,
        reset: str = "after",
        z_weighs: str = "old",
    ) -> None:
        options = (num_layers, bias, batch_first, dropout, bidirectional)
        mode = _gru_mode("GRU", reset, z_weighs)
        super().__init__(mode, input_size, hidden_size, *options, dtype=dtype)


class RNNCellBase(Module):
    """What the cells have in common; see there."""

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, bias: bool, dtype: Any
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.mode = mode
        self.input_size = check_count(name, "input_size", input_size)
        self.hidden_size = check_count(name, "hidden_size", hidden_size)
        self.bias = bool(bias)
        gates = _r.KINDS[mode].gates * self.hidden_size
        self.weight_ih = empty_parameter((gates, self.input_size), dtype)
        self.weight_hh = empty_parameter((gates, self.hidden_size), dtype)
        for part in ("bias_ih", "bias_hh"):
            self.register_parameter(part, empty_parameter((gates,), dtype) if bias else None)
        if "PEEPHOLE" in mode:
            self.weight_c = empty_parameter((gates - self.hidden_size,), dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        _draw(self, self.hidden_size)

    def _step(self, input: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        biases = (self.bias_ih, self.bias_hh) if self.bias else ()
        peepholes = (self.weight_c,) if "PEEPHOLE" in self.mode else ()
        tensors = (input, *state, self.weight_ih, self.weight_hh, *biases, *peepholes)
        return apply_all(_r.cell, tensors, type(self).__name__, self.mode, bool(state))

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        return self._step(input, () if hx is None else (hx,))[0]

    def extra_repr(self) -> str:
        parts = f"{self.input_size}, {self.hidden_size}"
        return (parts if self.bias else f"{parts}, bias=False") + _variant(self.mode)


class RNNCell(RNNCellBase):
    """``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``: one step of :class:`RNN`.

    Args:
        input_size: size of x.
        hidden_size: size of h.
        bias: whether to add b_ih and b_hh.
        nonlinearity: ``"tanh"`` or ``"relu"``.

    Shape:
        input (N, input_size), hx (N, hidden_size) → (N, hidden_size); N may be left out.

    Example:
        >>> import glia as gl
        >>> gl.nn.RNNCell(3, 5)(gl.zeros(4, 3)).shape
        (4, 5)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        dtype: Any = None,
    ) -> None:
        super().__init__(_mode("RNNCell", nonlinearity), input_size, hidden_size, bias, dtype)
        self.nonlinearity = nonlinearity

    def extra_repr(self) -> str:
        usual = self.nonlinearity == "tanh"
        return super().extra_repr() + ("" if usual else f", nonlinearity={self.nonlinearity}")


class LSTMCell(RNNCellBase):
    """One step of :class:`LSTM`: gives (h, c).

    Args:
        input_size: size of x.
        hidden_size: size of h and c.
        bias: whether to add b_ih and b_hh.

    Shape:
        input (N, input_size), hx a pair of (N, hidden_size) → the same pair; N may be left out.

    Example:
        >>> import glia as gl
        >>> h, c = gl.nn.LSTMCell(3, 5)(gl.zeros(4, 3))
        >>> h.shape, c.shape
        ((4, 5), (4, 5))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        dtype: Any = None,
        *,
        peephole: bool = False,
        coupled: bool = False,
    ) -> None:
        super().__init__(_lstm_mode(peephole, coupled), input_size, hidden_size, bias, dtype)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        h, c = self._step(input, () if hx is None else _pair("LSTMCell", hx))
        return h, c


class GRUCell(RNNCellBase):
    """One step of :class:`GRU`.

    Args:
        input_size: size of x.
        hidden_size: size of h.
        bias: whether to add b_ih and b_hh.

    Shape:
        input (N, input_size), hx (N, hidden_size) → (N, hidden_size); N may be left out.

    Example:
        >>> import glia as gl
        >>> gl.nn.GRUCell(3, 5)(gl.zeros(3)).shape
        (5,)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        dtype: Any = None,
        *,
        reset: str = "after",
        z_weighs: str = "old",
    ) -> None:
        mode = _gru_mode("GRUCell", reset, z_weighs)
        super().__init__(mode, input_size, hidden_size, bias, dtype)
