"""One GRU written down in two ways: z may weigh the old state or the new one."""

from __future__ import annotations

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.nn.recurrent import GRU, GRUCell
from glia.tensor.tensor import no_grad


def convert_gru(layer: GRU | GRUCell, z_weighs: str) -> GRU | GRUCell:
    """A GRU of the other convention that computes the same.

    ``1 - σ(a) = σ(-a)``, so weights and biases of z change their sign. Whether the reset comes
    before or after the product stays: these are different functions, and neither can be turned
    into the other.

    Args:
        layer: a GRU or a GRUCell.
        z_weighs: ``"old"`` (PyTorch, cuDNN, Cho et al.) or ``"new"`` (Chung et al., colah).

    Raises:
        ArgumentError: another convention.

    Example:
        >>> import glia as gl
        >>> a = gl.nn.GRU(3, 5)
        >>> b = gl.nn.convert_gru(a, "new")
        >>> x = gl.randn(7, 2, 3)
        >>> (a(x)[0] - b(x)[0]).abs().max().item() < 1e-6
        True

    Source: Chung et al., "Empirical evaluation of gated recurrent neural networks" (2014).
    """
    if z_weighs not in ("old", "new"):
        what = tr(
            f"convert_gru: expected z_weighs 'old' or 'new', found {z_weighs!r}.",
            f"convert_gru：z_weighs 应为 'old' 或 'new'，得到 {z_weighs!r}。",
        )
        raise ArgumentError(teach(what))
    reset = "before" if "BEFORE" in layer.mode else "after"
    first = next(layer.parameters()).dtype
    found: GRU | GRUCell
    if isinstance(layer, GRU):
        found = GRU(
            layer.input_size, layer.hidden_size, layer.num_layers, layer.bias, layer.batch_first,
            layer.dropout, layer.bidirectional, first, reset=reset, z_weighs=z_weighs,
        )  # fmt: skip
    else:
        sizes = layer.input_size, layer.hidden_size
        found = GRUCell(*sizes, layer.bias, first, reset=reset, z_weighs=z_weighs)
    turned = found.mode != layer.mode
    hidden = layer.hidden_size
    state = layer.state_dict()
    with no_grad():
        for name, value in found.named_parameters():
            array = state[name].numpy()
            if turned:
                array[hidden : 2 * hidden] *= -1
            value.copy_(array)
    return found.train(layer.training)
