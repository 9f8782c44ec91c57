"""Kernels that NumPy runs: Python functions with an address, called like native ones.

Whoever calls holds no lock of the interpreter's; the call takes it for as long as it lasts. What a
function raises is kept until the program has ended (``failure``).
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from glia.base.dtypes import DType
from glia.base.shapes import Shape, numel
from glia.compiler.schedule.loops import Host
from glia.ir.table import TABLE

_Function = ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_int64), ctypes.c_int64, ctypes.c_int64)
_alive: list[Any] = []
_raised: list[BaseException] = []


def host_address(kernel: Host) -> int:
    """The address of a function that computes what the kernel says."""
    function = _Function(lambda buffers, _share, _shares: _run(kernel, buffers))
    _alive.append(function)
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


def failure() -> BaseException | None:
    """What the first function that failed since the last call raised."""
    if not _raised:
        return None
    first = _raised[0]
    _raised.clear()
    return first


def _run(kernel: Host, buffers: Any) -> None:
    try:
        op = TABLE[kernel.op]
        arrays = [_array(buffers[arg], shape, kernel.args[arg]) for arg, shape in kernel.reads]
        for array in arrays:
            array.flags.writeable = False
        with np.errstate(all="ignore"):
            if op.parts is not None:
                named = dict(zip(op.attrs[:-1], kernel.attrs, strict=True))
                every = op.parts(*arrays, **named)
                results = [every[part] for part in kernel.parts]
            else:
                assert op.numpy is not None
                results = [op.numpy(*arrays, **dict(zip(op.attrs, kernel.attrs, strict=True)))]
        for (arg, shape), result in zip(kernel.writes, results, strict=True):
            _array(buffers[arg], shape, kernel.args[arg])[...] = np.asarray(result).reshape(shape)
    except BaseException as error:  # raised where the program was run, not in the middle of it
        _raised.append(error)


def _array(pointer: int, shape: Shape, dtype: DType) -> np.ndarray:
    """The memory at an address, as an array."""
    if not numel(shape):
        return np.empty(shape, dtype.np)
    memory: Any = (ctypes.c_char * (numel(shape) * dtype.itemsize)).from_address(pointer)
    return np.frombuffer(memory, dtype.np).reshape(shape)
