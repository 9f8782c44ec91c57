"""Arrays: dtypes and promotion, operators, indexing, attributes, DLPack, and names."""

from __future__ import annotations

import inspect
import itertools
import operator
from typing import Any

import numpy as np
import pytest

import glia as gl
import glia.array_api as xp
from glia.array_api.data_types import STANDARD
from glia.base.errors import ArgumentError, DTypeError, GradError, ShapeError

INTS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float32", "float64", "complex64", "complex128")

#: Every function the standard names.
NAMES = """
abs acos acosh add all any arange argmax argmin argsort asarray asin asinh astype atan atan2 atanh
bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor
broadcast_arrays broadcast_to can_cast ceil clip concat conj copysign cos cosh count_nonzero
cumulative_prod cumulative_sum diff divide empty empty_like equal exp expand_dims expm1 eye finfo
flip floor floor_divide from_dlpack full full_like greater greater_equal hypot iinfo imag isdtype
isfinite isin isinf isnan less less_equal linspace log log10 log1p log2 logaddexp logical_and
logical_not logical_or logical_xor matmul matrix_transpose max maximum mean meshgrid min minimum
moveaxis multiply negative nextafter nonzero not_equal ones ones_like permute_dims positive pow
prod real reciprocal remainder repeat reshape result_type roll round searchsorted sign signbit sin
sinh sort sqrt square squeeze stack std subtract sum take take_along_axis tan tanh tensordot tile
tril triu trunc unique_all unique_counts unique_inverse unique_values unstack var vecdot where zeros
zeros_like __array_namespace_info__
""".split()
LINALG = """
cholesky cross det diagonal eigh eigvalsh inv matmul matrix_norm matrix_power matrix_rank
matrix_transpose outer pinv qr slogdet solve svd svdvals tensordot trace vecdot vector_norm
""".split()
FFT = """
fft fftfreq fftn fftshift hfft ifft ifftn ifftshift ihfft irfft irfftn rfft rfftfreq rfftn
""".split()


def test_names() -> None:
    for module, names in ((xp, NAMES), (xp.linalg, LINALG), (xp.fft, FFT)):
        for name in names:
            assert callable(getattr(module, name)), name
            assert getattr(module, name).__doc__, name
    assert set(xp.__all__) >= {*NAMES, *STANDARD, "e", "inf", "nan", "pi", "newaxis"}
    x = gl.ones(2)
    assert x.__array_namespace__() is gl.array_api is xp
    assert x.__array_namespace__(api_version="2024.12") is xp
    with pytest.raises(ArgumentError, match="2030"):
        xp.ones(2).__array_namespace__(api_version="2030.1")


def test_signatures_are_the_standards() -> None:
    """A few that are easily got wrong; positional-only is a slash."""
    wanted = {
        "asarray": "(obj, /, *, dtype=None, device=None, copy=None)",
        "arange": "(start, /, stop=None, step=1, *, dtype=None, device=None)",
        "astype": "(x, dtype, /, *, copy=True, device=None)",
        "clip": "(x, /, min=None, max=None)",
        "eye": "(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None)",
        "linspace": "(start, stop, /, num, *, dtype=None, device=None, endpoint=True)",
        "repeat": "(x, repeats, /, *, axis=None)",
        "searchsorted": "(x1, x2, /, *, side='left', sorter=None)",
        "std": "(x, /, *, axis=None, correction=0.0, keepdims=False)",
        "sum": "(x, /, *, axis=None, dtype=None, keepdims=False)",
    }
    for name, text in wanted.items():
        signature = inspect.signature(getattr(xp, name))
        bare = [
            p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()
        ]
        found = signature.replace(parameters=bare, return_annotation=inspect.Signature.empty)
        assert str(found) == text, name


def numpy_result(a: str, b: str) -> str | None:
    """The standard's table from NumPy's: kinds do not mix."""
    kinds = {np.dtype(a).kind, np.dtype(b).kind}
    if len(kinds) > 1 and kinds not in ({"i", "u"}, {"f", "c"}):
        return None
    found = np.result_type(a, b).name
    return None if kinds == {"i", "u"} and found == "float64" else found


def test_promotion() -> None:
    for a, b in itertools.product(("bool", *INTS, *FLOATS), repeat=2):
        wanted = numpy_result(a, b)
        one, other = getattr(xp, a), getattr(xp, b)
        if wanted is None:
            with pytest.raises(DTypeError, match="no common dtype"):
                xp.result_type(one, other)
            assert not xp.can_cast(one, other)
        else:
            assert xp.result_type(one, other) is getattr(xp, wanted)
            assert xp.can_cast(one, other) is (wanted == b)
    assert xp.result_type(xp.ones(2), 2, 1j) is xp.complex64
    assert xp.result_type(xp.int8, 7) is xp.int8
    for pair in ((xp.int8, 1.5), (xp.bool, 1), (xp.float32, True), (1, 2)):
        with pytest.raises((DTypeError, ArgumentError)):
            xp.result_type(*pair)


def test_axes_that_do_not_exist() -> None:
    for call in (xp.expand_dims, xp.sort, xp.sum, xp.flip, xp.concat):
        x = xp.ones((2, 3))
        with pytest.raises(IndexError, match="axis 4"):
            call([x] if call is xp.concat else x, axis=4)
    with pytest.raises(ValueError, match="size 1"):
        xp.squeeze(xp.ones((2, 3)), 0)
    parts = xp.unstack(xp.reshape(xp.arange(6), (2, 3)))
    assert xp.asarray([[xp.ones(2, dtype=xp.float64)[0]]]).dtype is xp.float64
    assert xp.asarray(parts, dtype=xp.int64).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_kinds_and_limits() -> None:
    kinds = {
        "bool": "b", "signed integer": "i", "unsigned integer": "u", "integral": "iu",
        "real floating": "f", "complex floating": "c", "numeric": "iufc",
    }  # fmt: skip
    for name, dtype in STANDARD.items():
        for kind, letters in kinds.items():
            assert xp.isdtype(dtype, kind) is (dtype.np.kind in letters)
        assert xp.isdtype(dtype, ("bool", dtype))
        assert getattr(xp, name) is dtype
        if dtype.np.kind in "fc":
            mine, other = xp.finfo(xp.ones(1, dtype=dtype)), np.finfo(dtype.np)
            assert (mine.bits, mine.eps, mine.max) == (other.bits, other.eps, other.max)
            assert mine.dtype.np == other.dtype
        if dtype.np.kind in "iu":
            assert (xp.iinfo(dtype).min, xp.iinfo(dtype).max) == (
                np.iinfo(dtype.np).min,
                np.iinfo(dtype.np).max,
            )
    with pytest.raises(ArgumentError, match="unknown kind"):
        xp.isdtype(xp.int8, "integer")
    info = xp.__array_namespace_info__()
    assert set(info.dtypes()) == set(STANDARD)
    assert set(info.dtypes(kind=("bool", "signed integer"))) == {"bool", *INTS[:4]}
    assert info.default_dtypes()["real floating"] is xp.asarray(1.0).dtype is xp.float32
    assert info.default_dtypes()["integral"] is xp.asarray(1).dtype
    assert info.default_dtypes()["complex floating"] is xp.asarray(1j).dtype
    assert info.capabilities()["data-dependent shapes"] is True


def test_conversion() -> None:
    x = xp.asarray([0.0, -1.5, 300.0])
    assert xp.astype(x, xp.int16).numpy().tolist() == [0, -1, 300]
    assert xp.astype(x, xp.bool).numpy().tolist() == [False, True, True]
    assert xp.astype(x, xp.complex128).dtype is xp.complex128
    assert xp.astype(x, xp.float32, copy=False) is x
    assert xp.astype(x, xp.float32) is not x
    with pytest.raises(DTypeError, match="real"):
        xp.astype(xp.asarray([1j]), xp.float64)
    copy = xp.asarray(x, copy=True)
    copy[0] = 9
    assert x[0].item() == 0
    assert xp.asarray(x) is x
    for bad in ({"dtype": xp.int8, "copy": False}, {"device": "gpu"}):
        with pytest.raises(ArgumentError):
            xp.asarray(x, **bad)
    assert xp.asarray([[1, 2**40]]).dtype is xp.int64
    assert xp.asarray([1, 2.0]).dtype is xp.float32
    assert xp.asarray([2**63], dtype=xp.uint64).item() == 2**63
    assert xp.asarray(np.float64(1)).dtype is xp.float64
    assert xp.asarray(bytearray(b"ab")).dtype is xp.uint8
    with pytest.raises(ArgumentError, match="out of bounds"):
        xp.asarray([300], dtype=xp.uint8)


OPERATORS = {
    "add": operator.add, "bitwise_and": operator.and_, "bitwise_left_shift": operator.lshift,
    "bitwise_or": operator.or_, "bitwise_right_shift": operator.rshift, "matmul": operator.matmul,
    "bitwise_xor": operator.xor, "divide": operator.truediv, "floor_divide": operator.floordiv,
    "multiply": operator.mul, "pow": operator.pow, "remainder": operator.mod,
    "subtract": operator.sub, "equal": operator.eq, "greater": operator.gt, "less": operator.lt,
    "greater_equal": operator.ge, "less_equal": operator.le, "not_equal": operator.ne,
}  # fmt: skip


def test_operators_are_the_functions() -> None:
    pending = []
    for name, symbol in OPERATORS.items():
        whole = name.startswith("bitwise")
        a = np.array([[5, 3], [2, 7]], np.int16 if whole else np.float32)
        b = np.array([[1, 2], [3, 1]], np.uint8 if whole else np.float64)
        wanted = [(symbol(a, b), symbol(xp.asarray(a), xp.asarray(b)))]
        if name != "matmul":
            # an array without dimensions is an array like any other
            point = xp.asarray(b[0, 1])
            wanted.append((symbol(a, b[:1, 1]), symbol(xp.asarray(a), point)))
            wanted.append((symbol(a, 2), symbol(xp.asarray(a), 2)))
            wanted.append((symbol(2, a), symbol(2, xp.asarray(a))))
            assert symbol(xp.asarray(a), gl.tensor(b)).__class__ is xp.Array
        pending += [(name, *pair) for pair in wanted]
    gl.realize(*(found for *_, found in pending))
    for name, wanted, found in pending:
        assert isinstance(found, xp.Array)
        assert found.numpy().dtype == wanted.dtype, name
        np.testing.assert_allclose(found.numpy(), wanted, 1e-6, err_msg=name)


def test_unary_and_in_place_operators() -> None:
    x = xp.asarray([1, -2])
    assert ((-x).tolist(), (+x).tolist(), abs(x).tolist()) == ([-1, 2], [1, -2], [1, 2])
    assert (~x).tolist() == [-2, 1]
    assert (~xp.asarray([True])).tolist() == [False]
    y = x
    y += 3
    y *= xp.asarray([2, 2])
    y <<= 1
    y -= 1
    assert y is x
    assert isinstance(y, xp.Array)
    assert x.tolist() == [15, 3]
    z = xp.asarray([[1.0, 2.0], [3.0, 4.0]])
    z @= z
    z /= 2
    assert z.tolist() == [[3.5, 5.0], [7.5, 11.0]]
    assert (complex(xp.asarray(1j)), float(xp.asarray(1.5)), int(xp.asarray(3))) == (1j, 1.5, 3)
    assert [1, 2][xp.asarray(1)] == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x + 1.5,
        lambda x: x + True,
        lambda x: x + xp.asarray([1.0]),
        lambda x: x / x,
        lambda x: xp.exp(x),
        lambda x: xp.mean(x),
        lambda x: xp.logical_not(x),
        lambda x: xp.where(x, x, x),
        lambda x: xp.add([1], x),
        lambda x: xp.ones(2, dtype="float32"),
        lambda x: xp.astype(x, float),
        lambda x: ~xp.ones(2),
        lambda x: xp.clip(x, 0.5),
        lambda x: x + np.ones(1),
    ],
)
def test_kinds_do_not_mix(call: Any) -> None:
    with pytest.raises(TypeError):
        call(xp.asarray([1, 2]))


def test_attributes() -> None:
    x = xp.zeros((2, 3, 4))
    assert (x.size, x.ndim, x.shape, x.device) == (24, 3, (2, 3, 4), "cpu")
    assert x.mT.shape == (2, 4, 3)
    assert x[0, ...].T.shape == (4, 3)
    assert isinstance(x.mT, xp.Array)
    assert x.to_device("cpu") is x
    with pytest.raises(ShapeError, match="2 dimensions"):
        _ = x.T
    with pytest.raises(ArgumentError, match="device"):
        x.to_device("gpu")


def test_indices_give_arrays() -> None:
    x = xp.reshape(xp.arange(12), (3, 4))
    assert isinstance(x[0], xp.Array)
    assert x[::-1, None, -1].tolist() == [[11], [7], [3]]
    assert x[x > 8].tolist() == [9, 10, 11]
    assert x[xp.asarray([2, 0]), 1].tolist() == [9, 1]
    assert x[xp.zeros((3, 0), dtype=xp.bool)].shape == (0,)
    with pytest.raises(IndexError):
        x[xp.ones((2, 4), dtype=xp.bool)]
    x[x > 8] = 0
    x[0, :] = xp.asarray([7, 7, 7, 7])
    assert x.tolist() == [[7] * 4, [4, 5, 6, 7], [8, 0, 0, 0]]


def test_sets_and_orders() -> None:
    nan = float("nan")
    x = xp.asarray([[3.0, nan, 1.0], [nan, 3.0, 0.0]])
    found = xp.unique_all(x)
    assert found._fields == ("values", "indices", "inverse_indices", "counts")
    assert found.counts.tolist() == [1, 1, 2, 1, 1]
    line = x.numpy().ravel()
    np.testing.assert_array_equal(found.values.numpy(), line[found.indices.numpy()])
    again = found.values.numpy()[found.inverse_indices.numpy()]
    np.testing.assert_array_equal(np.nan_to_num(again, nan=9), np.nan_to_num(x.numpy(), nan=9))
    assert xp.unique_counts(x)._fields == ("values", "counts")
    assert xp.unique_inverse(x)._fields == ("values", "inverse_indices")
    assert xp.unique_values(xp.asarray([2, 1, 2])).tolist() == [1, 2]
    assert xp.unique_all(xp.zeros((0, 2))).values.shape == (0,)
    keys = xp.asarray([[2, 1, 2, 0], [0, 0, 1, 1]])
    assert xp.argsort(keys).tolist() == [[3, 1, 0, 2], [0, 1, 2, 3]]
    assert xp.argsort(keys, descending=True).tolist() == [[0, 2, 1, 3], [2, 3, 0, 1]]
    assert xp.sort(keys, axis=0, descending=True)[0].tolist() == [2, 1, 2, 1]
    assert xp.sort(xp.asarray([True, False])).tolist() == [False, True]


def test_gradients_and_jit_go_through() -> None:
    x = gl.tensor([1.0, 4.0], requires_grad=True)
    xp.sum(xp.sqrt(x) * xp.asarray([2.0, 4.0])).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 1]

    @gl.jit
    def f(a: gl.Tensor) -> gl.Tensor:
        return xp.clip(xp.concat([a, -a]), 0.0) / xp.max(a)

    assert f(gl.tensor([1.0, -2.0])).tolist() == [1, 0, 0, 2]


def test_dlpack() -> None:
    x = xp.reshape(xp.arange(6), (2, 3))
    lent = np.from_dlpack(x)
    assert lent.tolist() == [[0, 1, 2], [3, 4, 5]]
    x[0, 0] = 7
    assert lent[0, 0] == 7
    del x
    others = [xp.zeros((2, 3), dtype=xp.int64) for _ in range(3)]  # must not take that memory
    assert lent.tolist() == [[7, 1, 2], [3, 4, 5]]
    assert all(not other.numpy().any() for other in others)
    assert xp.from_dlpack(xp.ones(2), copy=False).tolist() == [1, 1]


def test_memory_of_others() -> None:
    base = np.zeros(1024, np.int64)
    first = -base.ctypes.data % 4096 // 8  # a page's start; its end is not shared
    part = base[first : first + 6].reshape(2, 3)
    shared, copied = xp.from_dlpack(part, copy=False), xp.from_dlpack(part, copy=True)
    assert isinstance(shared, xp.Array)
    part[0, 0] = 5
    assert (shared[0, 0].item(), copied[0, 0].item()) == (5, 0)
    assert np.from_dlpack(shared).ctypes.data == part.ctypes.data
    later = shared + 1
    shared[1, 1] = 8
    assert part[1, 1] == 8
    assert later.numpy().tolist() == [[6, 1, 1], [1, 1, 1]]
    assert np.asarray(xp.from_dlpack(np.arange(6)[::2])).tolist() == [0, 2, 4]
    with pytest.raises(ArgumentError, match="shared"):
        xp.from_dlpack(np.arange(6)[::2], copy=False)
    with pytest.raises(GradError, match="detach"):
        gl.ones(2, requires_grad=True).__dlpack__()
    assert xp.ones(2).__dlpack_device__() == (1, 0)


def test_empty_and_single() -> None:
    none = xp.zeros((0, 3))
    assert xp.sum(none, axis=0).tolist() == [0, 0, 0]
    assert xp.concat([none, none]).shape == (0, 3)
    assert xp.sort(none).shape == xp.cumulative_sum(none, axis=0).shape == (0, 3)
    assert xp.matmul(none, xp.ones((3, 2))).shape == (0, 2)
    assert xp.nonzero(none)[0].shape == (0,)
    for name in ("max", "min", "argmax"):
        with pytest.raises(ArgumentError, match="nothing to compare"):
            getattr(xp, name)(none)
    point = xp.asarray(3)
    assert xp.sort(point).item() == 3
    assert xp.sum(point).item() == 3
    assert xp.argmax(point).item() == 0
    assert xp.flip(point).shape == xp.roll(point, 2).shape == ()
