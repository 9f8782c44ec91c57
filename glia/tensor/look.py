"""``show_kernels``: what a function's kernels are, as text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TextIO

from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.runtime.listing import KINDS, Watch
from glia.tensor.tensor import realize
from glia.tensor.trees import flatten


def show_kernels(
    function: Callable[..., Any], kind: str = "loops", file: TextIO | None = None
) -> Callable[..., Any]:
    """A function that runs ``function`` once and prints the kernels that ran.

    Above each kernel stand the op, the module path and the user's line, its arguments, and the
    formula of its results: in short, then in the notation of glia's IR. The call is an ordinary
    one: if it takes a training step, the weights are new afterwards.

    Args:
        function: anything that computes with tensors: a layer, a training step, a ``gl.jit``
            function. Tensors it returns are computed.
        kind: ``"loops"``: glia's loops; ``"llvm"``: LLVM IR after optimisation; ``"asm"``:
            assembly of this processor.
        file: where to print; the standard output by default.

    Returns:
        A function of the same arguments that gives what ``function`` gives.

    Raises:
        ArgumentError: an unknown ``kind``.

    Example:
        >>> import glia as gl
        >>> y = gl.show_kernels(lambda x: (x * 2).relu())(gl.ones(3))  # doctest: +ELLIPSIS
        ── kernel 1 of 1: relu · ...
          arg0 reads float32[3] (a tensor)
          arg1 writes float32[3] (result)
          arg1 = relu(arg0 * 2)
            ...
    """
    if kind not in KINDS:
        what = tr(
            f"show_kernels: expected kind {', '.join(KINDS)}, found {kind!r}.",
            f"show_kernels：kind 应为 {', '.join(KINDS)}，实际为 {kind!r}。",
        )
        help = tr('leave it out for glia\'s own loops ("loops")', "省略则显示 glia 的循环（loops）")
        raise ArgumentError(teach(what, help))

    def shown(*args: Any, **kwargs: Any) -> Any:
        realize(*flatten((args, kwargs))[0])
        with Watch() as watch:
            result = function(*args, **kwargs)
            realize(*flatten(result)[0])
        print(watch.text(kind), file=file or sys.stdout)
        return result

    return shown
