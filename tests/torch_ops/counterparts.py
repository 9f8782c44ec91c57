"""What of glia answers to an operation of PyTorch's, and how arguments carry over."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch

import glia as gl
from glia.base.dtypes import BY_NAME

#: PyTorch's name without its variant: what to call instead of the function of the same name.
OTHERWISE: dict[str, Callable[..., Any]] = {
    "__getitem__": operator.getitem,
    "__radd__": lambda x, other: other + x,
    "__rand__": lambda x, other: other & x,
    "__rdiv__": lambda x, other: other / x,
    "__rmatmul__": lambda x, other: other @ x,
    "__rmod__": lambda x, other: other % x,
    "__rmul__": lambda x, other: other * x,
    "__ror__": lambda x, other: other | x,
    "__rpow__": lambda x, other: other**x,
    "__rsub__": lambda x, other: other - x,
    "__rxor__": lambda x, other: other ^ x,
    "einsum": lambda xs, equation: gl.einsum(equation, *xs),
    "slice": lambda x, dim=0, start=None, end=None, step=1: x.movedim(dim, 0)[
        start:end:step
    ].movedim(0, dim),
    "T": lambda x: x.T,
    "H": lambda x: x.H,
    "mT": lambda x: x.mT,
    "mH": lambda x: x.mH,
    "item": lambda x: x.item(),
    "zero_": lambda x: x.clone().zero_(),
    "nn.functional.embedding": lambda w, i, **k: gl.nn.functional.embedding(i, w, **k),
    "nn.functional.embedding_bag": lambda w, i, **k: gl.nn.functional.embedding_bag(i, w, **k),
    "polygamma": lambda x, n: x.polygamma(n),
    "special.polygamma": lambda x, n: gl.special.polygamma(n, x),
    "where": lambda x, condition, other: gl.where(condition, x, other),
    "linalg.lstsq.grad_oriented": lambda a, b, driver: gl.linalg.lstsq(a, b, driver=driver)[:2],
    "linalg.pinv.singular": lambda a, b: gl.linalg.pinv(a @ b.mT),
}
#: Vectors whose sign (or angle) is free are compared by their sizes, exponentials by how far they
#: are off the largest element.
SEEN_AS: dict[str, Callable[..., Any]] = {
    "linalg.eig": lambda result: (result[0], abs(result[1])),
    "linalg.eigh": lambda result: (result[0], abs(result[1])),
    "linalg.svd": lambda result: (abs(result[0]), result[1], abs(result[2])),
    "svd": lambda result: (abs(result[0]), result[1], abs(result[2])),
    "linalg.qr": lambda result: (abs(result[0]), abs(result[1])),
    "qr": lambda result: (abs(result[0]), abs(result[1])),
    "cholesky": abs,  # PyTorch's gradient counts an imaginary part of the diagonal, which has none
    "linalg.cholesky": abs,
    "linalg.cholesky_ex": lambda result: (abs(result[0]), result[1]),
    "matrix_exp": lambda result: result / abs(result).sum((-2, -1), True),
}


#: Operations that are compared on complex numbers, too.
COMPLEX = (
    "fft.* linalg.* istft stft view_as_* real imag conj* angle sgn isreal abs add sub mul "
    "div.no_rounding_mode exp log sqrt rsqrt sin cos tanh sigmoid reciprocal square neg matmul mm "
    "bmm sum mean prod var eq ne where cat flip reshape permute inverse det logdet cholesky* qr "
    "svd matrix_exp pinverse ormqr triangular_solve masked_fill index_select pow T H mH"
).split()


def takes_complex(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in COMPLEX)


def counterpart(name: str) -> Callable[..., Any] | None:
    """The function of glia's, or None if there is none."""
    if name in OTHERWISE:
        return OTHERWISE[name]
    place: Any = gl
    *folders, last = name.split(".")
    for folder in folders:
        place = getattr(place, folder, None)
    found = getattr(place, last, None)
    if found is None and not folders:
        found = getattr(gl.Tensor, last, None)
    # dtypes are named like the methods that convert to them: x.float()
    if isinstance(found, gl.base.dtypes.DType):
        found = getattr(gl.Tensor, last, None)
    return found if callable(found) else None


def carried(x: Any, leaves: list[tuple[torch.Tensor, gl.Tensor]]) -> Any:
    """An argument of PyTorch's as glia takes it; tensors that want gradients are noted."""
    if isinstance(x, torch.Tensor):
        array = x.detach().resolve_conj().resolve_neg().numpy().copy()
        ours = gl.tensor(array, requires_grad=x.requires_grad)
        if x.requires_grad:
            leaves.append((x, ours))
        return ours
    if isinstance(x, torch.dtype):
        return BY_NAME[str(x).removeprefix("torch.")]
    if isinstance(x, torch.nn.PairwiseDistance):
        return gl.nn.PairwiseDistance(x.norm, x.eps, x.keepdim)
    if isinstance(x, torch.device):
        return str(x)
    if isinstance(x, torch.Size):
        return tuple(x)
    if isinstance(x, tuple | list) and not hasattr(x, "_fields"):
        return type(x)(carried(item, leaves) for item in x)
    if isinstance(x, dict):
        return {key: carried(item, leaves) for key, item in x.items() if key not in DROPPED}
    if isinstance(x, slice):
        return slice(*(carried(part, leaves) for part in (x.start, x.stop, x.step)))
    return x


#: Where a tensor lies in memory, and on which device, is nobody's business here.
DROPPED = frozenset(("device", "memory_format", "layout", "pin_memory", "requires_grad"))


def flat(result: Any) -> list[Any]:
    """The tensors and numbers of a result, in order."""
    if isinstance(result, tuple | list):
        return [x for part in result for x in flat(part)]
    if isinstance(result, dict):
        return [x for part in result.values() for x in flat(part)]
    return [] if result is None else [result]


#: Of equal elements PyTorch names any. Where among the arguments ``dim`` stands.
ANY_OF_EQUAL = {"sort": 0, "argsort": 0, "topk": 1, "kthvalue": 1, "mode": 0}


def elements(name: str, sample: Any, results: list[Any]) -> list[Any]:
    """Results whose indices are replaced by the elements they name, where any of several may be."""
    if name not in ANY_OF_EQUAL:
        return results
    place = ANY_OF_EQUAL[name]
    dim = sample.args[place] if len(sample.args) > place else sample.kwargs.get("dim", -1)
    x = np.atleast_1d(array_of(sample.input))
    index = array_of(results[-1])
    shaped = np.expand_dims(index, dim) if index.ndim < x.ndim else index
    return [*results[:-1], np.take_along_axis(x, shaped, dim)]


def array_of(x: Any) -> np.ndarray:
    if isinstance(x, torch.Tensor):
        return x.detach().resolve_conj().resolve_neg().numpy(force=True)
    return x.detach().numpy() if isinstance(x, gl.Tensor) else np.asarray(x)
