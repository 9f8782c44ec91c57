"""State of a module tree by dotted name: collecting it, loading it, changing its dtype."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from glia.base.dtypes import as_dtype
from glia.base.errors import CheckpointError, DTypeError, teach
from glia.base.i18n import tr
from glia.tensor.functional import write
from glia.tensor.tensor import Parameter, Tensor, realize, to_numpy

if TYPE_CHECKING:
    from glia.nn.module import Module


class Mismatch(NamedTuple):
    """Names that ``load_state_dict`` did not find, and names it has no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def entries(module: Module, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Name and tensor of all that is saved; shared tensors stand under each of their names."""
    found: list[tuple[str, Tensor]] = []
    _collect(module, prefix, found)
    realize(*(tensor for _, tensor in found))
    return iter(found)


def _collect(module: Module, prefix: str, found: list[tuple[str, Tensor]]) -> None:
    for name, parameter in module._parameters.items():
        if parameter is not None:
            found.append((prefix + name, parameter))
    for name, buffer in module._buffers.items():
        if buffer is not None and name not in module._non_persistent:
            found.append((prefix + name, buffer))
    for name, child in module._modules.items():
        _collect(child, f"{prefix}{name}.", found)


def load(module: Module, values: Mapping[str, Any], strict: bool) -> Mismatch:
    """See :meth:`Module.load_state_dict`. All is checked before anything is written."""
    own = dict(entries(module))
    missing = [name for name in own if name not in values]
    unexpected = [name for name in values if name not in own]
    problems = []
    if strict and missing:
        names = ", ".join(missing)
        problems.append(tr(f"missing: {names}", f"缺少：{names}"))
    if strict and unexpected:
        names = ", ".join(unexpected)
        problems.append(tr(f"unexpected: {names}", f"多余：{names}"))
    pairs = []
    for name, tensor in own.items():
        if name not in values:
            continue
        array = _array(name, values[name])
        if array.shape != tensor.shape:
            problems.append(
                tr(
                    f"{name}: expected shape {tensor.shape}, found {array.shape}",
                    f"{name}：需要形状 {tensor.shape}，得到 {array.shape}",
                )
            )
        pairs.append((tensor, array))
    if problems:
        kind = type(module).__name__
        text = "; ".join(problems)
        what = tr(
            f"load_state_dict: the weights do not fit {kind}: {text}.",
            f"load_state_dict：权重与 {kind} 不符：{text}。",
        )
        help = tr(
            "build the network as when it was saved, or pass strict=False to skip names",
            "请按保存时的结构建立网络，或用 strict=False 忽略名字的差别",
        )
        raise CheckpointError(teach(what, help))
    write(pairs)
    return Mismatch(missing, unexpected)


def _array(name: str, value: Any) -> np.ndarray:
    if isinstance(value, Tensor):
        return to_numpy(value)
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        what = tr(
            f"load_state_dict: '{name}' is not a tensor but {type(value).__name__}.",
            f"load_state_dict：“{name}”不是张量，而是 {type(value).__name__}。",
        )
        raise CheckpointError(teach(what, tr("give arrays or tensors", "请给出数组或张量")))
    return array


def convert(module: Module, *targets: Any, dtype: Any = None) -> None:
    """Change the dtype of floating-point parameters and buffers, in place."""
    for target in targets:
        if target is not None and str(target) not in ("cpu", "CPU"):
            dtype = target
    if dtype is None:
        return
    wanted = as_dtype(dtype)
    if wanted.kind != "float":
        what = tr(
            f"Module.to: expected a floating-point dtype, found {wanted.name}.",
            f"Module.to：需要浮点类型，得到 {wanted.name}。",
        )
        raise DTypeError(teach(what, tr("use float32 or float64", "请用 float32 或 float64")))
    for owner in module.modules():
        for tensor in (*owner._parameters.values(), *owner._buffers.values()):
            if tensor is None or tensor.dtype.kind != "float" or tensor.dtype is wanted:
                continue
            fresh = Tensor(to_numpy(tensor).astype(wanted.np))
            wants = tensor.requires_grad
            tensor._node = fresh._node
            tensor._grad = None
            if isinstance(tensor, Parameter):
                tensor.requires_grad_(wants)
