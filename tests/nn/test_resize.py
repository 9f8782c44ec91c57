"""Pictures of another size, and read at computed places."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import glia as gl
from glia import nn
from glia.base.errors import ArgumentError, DTypeError, ShapeError
from glia.nn import functional as F

RNG = np.random.default_rng(7)
LINE, PICTURE, VOLUME = (2, 3, 7), (1, 2, 5, 6), (1, 1, 3, 4, 5)
SHAPES: dict[str, tuple] = {
    "nearest": (LINE, PICTURE, VOLUME),
    "nearest-exact": (LINE, PICTURE, VOLUME),
    "area": (LINE, PICTURE, VOLUME),
    "linear": (LINE,),
    "bilinear": (PICTURE,),
    "bicubic": (PICTURE,),
    "trilinear": (VOLUME,),
}
SIZES: tuple[dict, ...] = (
    {"size": 3},
    {"size": 9},
    {"size": 1},
    {"scale_factor": 2},
    {"scale_factor": 2.6},
    {"scale_factor": 0.6},
    {"scale_factor": 1.7, "recompute_scale_factor": True},
)


# Without PyTorch


def test_nearest_neighbours() -> None:
    x = RNG.normal(size=(2, 7, 5))
    for count in (1, 3, 7, 10, 14, 21):
        index = np.minimum(np.arange(count) * np.float32(5 / count), 4).astype(int)
        found = F.interpolate(gl.tensor(x), size=count).numpy()
        np.testing.assert_array_equal(found, x[:, :, index])
        index = (np.arange(count) + 0.5) * 5 / count
        found = F.interpolate(gl.tensor(x), size=count, mode="nearest-exact").numpy()
        np.testing.assert_array_equal(found, x[:, :, index.astype(int)])


@pytest.mark.parametrize("corners", [False, True])
def test_linear_is_numpy_interp(corners: bool) -> None:
    x = RNG.normal(size=(1, 1, 5, 6))
    wanted = x[0, 0]
    for count, axis in ((8, 0), (4, 1)):
        n = wanted.shape[axis]
        at = (np.arange(count) + 0.5) * n / count - 0.5
        if corners:
            at = np.linspace(0, n - 1, count)
        wanted = np.apply_along_axis(
            lambda row, p=at: np.interp(p, range(len(row)), row), axis, wanted
        )
    found = F.interpolate(gl.tensor(x), size=(8, 4), mode="bilinear", align_corners=corners)
    np.testing.assert_allclose(found.numpy()[0, 0], wanted, rtol=1e-12, atol=1e-12)


def test_cubic_pieces_of_a_step() -> None:
    """Keys's kernel with a = -3/4 at quarters: -27/256, 225/256, 67/256, -9/256."""
    step = gl.tensor(np.array([0, 0, 0, 0, 1.0, 1, 1, 1]).reshape(1, 1, 1, 8))
    found = F.interpolate(step, size=(1, 16), mode="bicubic").numpy()[0, 0, 0, 5:11]
    edge = [-9 / 256, -27 / 256, (67 - 9) / 256]
    np.testing.assert_allclose(found, [*edge, *(1 - np.array(edge[::-1]))])


def test_without_aliasing_means_stay() -> None:
    x = RNG.normal(size=(1, 1, 12, 18))
    ones = gl.tensor(np.ones((1, 1, 12, 18)))
    for mode in ("bilinear", "bicubic"):
        found = F.interpolate(ones, size=(5, 7), mode=mode, antialias=True).numpy()
        np.testing.assert_allclose(found, 1, rtol=1e-12)
    small = F.interpolate(gl.tensor(x), size=(1, 1), mode="area").item()
    assert small == pytest.approx(x.mean(), rel=1e-12)


def test_an_infinity_stays_where_it_is() -> None:
    x = np.zeros((1, 1, 12))
    x[0, 0, 3] = np.inf
    assert np.isinf(F.interpolate(gl.tensor(x), size=7, mode="area").numpy()).sum() == 2
    assert not np.isnan(F.adaptive_avg_pool1d(gl.tensor(x), 5).numpy()).any()


def sampled(x: np.ndarray, grid: np.ndarray, corners: bool) -> np.ndarray:
    """Bilinear, zeros outside, one point after the other."""
    _, channels, height, width = x.shape
    out = np.zeros((*grid.shape[:1], channels, *grid.shape[1:3]))
    for n, i, j in np.ndindex(grid.shape[:3]):
        u, v = (grid[n, i, j] + 1) / 2
        col, row = u * width - 0.5, v * height - 0.5
        if corners:
            col, row = u * (width - 1), v * (height - 1)
        for r in (int(np.floor(row)), int(np.floor(row)) + 1):
            for c in (int(np.floor(col)), int(np.floor(col)) + 1):
                if 0 <= r < height and 0 <= c < width:
                    share = (1 - abs(row - r)) * (1 - abs(col - c))
                    out[n, :, i, j] += share * x[n, :, r, c]
    return out


@pytest.mark.parametrize("corners", [False, True])
def test_grid_sample_one_point_after_the_other(corners: bool) -> None:
    x, grid = RNG.normal(size=(2, 3, 4, 5)), RNG.uniform(-1.4, 1.4, size=(2, 3, 6, 2))
    found = F.grid_sample(gl.tensor(x), gl.tensor(grid), align_corners=corners).numpy()
    np.testing.assert_allclose(found, sampled(x, grid, corners), rtol=1e-12, atol=1e-12)


def test_a_turned_picture() -> None:
    x = gl.tensor(RNG.normal(size=(1, 1, 4, 4)))
    turn = gl.tensor(np.array([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]]))
    for corners in (False, True):
        grid = F.affine_grid(turn, (1, 1, 4, 4), corners)
        found = F.grid_sample(x, grid, align_corners=corners).numpy()
        np.testing.assert_allclose(found[0, 0], np.rot90(x.numpy()[0, 0], 1), atol=1e-12)


def test_edge_of_pictures() -> None:
    x = gl.tensor(np.arange(3.0).reshape(1, 1, 1, 3))
    at = np.array([-2.0, -1.0, 2.0 / 3, 2.0, np.nan]).reshape(1, 1, 5, 1)
    grid = gl.tensor(np.concatenate([at, at * 0], -1))
    kinds = {"zeros": [0, 0, 2, 0], "border": [0, 0, 2, 2], "reflection": [1, 0, 2, 1]}
    for padding, wanted in kinds.items():
        found = F.grid_sample(x, grid, "nearest", padding).numpy()[0, 0, 0, :4]
        assert found.tolist() == wanted


IMAGE = gl.zeros(1, 2, 4, 4)
WRONG = [
    (lambda: F.interpolate(IMAGE), ArgumentError, "one of them"),
    (lambda: F.interpolate(IMAGE, 3, 2.0), ArgumentError, "one of them"),
    (lambda: F.interpolate(IMAGE, 3, mode="linear"), ShapeError, "does not fit"),
    (lambda: F.interpolate(IMAGE, 3, mode="cubic"), ArgumentError, "'bicubic'"),
    (lambda: F.interpolate(IMAGE, 3, align_corners=True), ArgumentError, "no align_corners"),
    (lambda: F.interpolate(IMAGE, 3, antialias=True), ArgumentError, "antialias"),
    (lambda: F.interpolate(IMAGE, scale_factor=(1, 2, 3)), ArgumentError, "scale_factor"),
    (lambda: F.interpolate(IMAGE, scale_factor=0.1), ShapeError, "0"),
    (lambda: F.interpolate(IMAGE.long(), 3, mode="bilinear"), DTypeError, "x.float()"),
    (lambda: F.grid_sample(IMAGE, gl.zeros(1, 3, 3, 3)), ShapeError, "do not fit"),
    (lambda: F.grid_sample(IMAGE, gl.zeros(1, 3, 3, 2), "cubic"), ArgumentError, "'bicubic'"),
    (lambda: F.affine_grid(gl.zeros(1, 3, 3), (1, 1, 4, 4)), ShapeError, "(N, 2, 3)"),
]


@pytest.mark.parametrize("row", range(len(WRONG)))
def test_refused(row: int) -> None:
    make, kind, words = WRONG[row]
    with pytest.raises(kind) as caught:
        make()
    assert words in str(caught.value)


# Against PyTorch


class Pairs:
    """Results of both, and gradients; ours are computed together."""

    def __init__(self, dtype: Any) -> None:
        self.torch = pytest.importorskip("torch")
        self.dtype = dtype
        self.found: list[tuple[str, gl.Tensor, np.ndarray]] = []
        self.alive: list[Any] = []

    def add(self, what: str, ours: Any, theirs: Any, *arrays: np.ndarray) -> None:
        x = [gl.tensor(a.astype(self.dtype), requires_grad=True) for a in arrays]
        t = [self.torch.from_numpy(a.astype(self.dtype)).requires_grad_() for a in arrays]
        out, wanted = ours(*x), theirs(*t)
        assert out.shape == tuple(wanted.shape), what
        weight = RNG.normal(size=out.shape).astype(self.dtype)
        (out * gl.tensor(weight)).sum().backward()
        (wanted * self.torch.from_numpy(weight)).sum().backward()
        self.found.append((what, out.detach(), wanted.detach().numpy()))
        for a, b in zip(x, t, strict=True):
            if a.grad is not None:
                self.found.append((f"gradient of {what}", a.grad, b.grad.numpy()))
        self.alive += x

    def compare(self) -> None:
        gl.realize(*[ours for _, ours, _ in self.found])
        limit = 1e-5 if self.dtype is np.float32 else 1e-11
        for what, ours, theirs in self.found:
            np.testing.assert_allclose(ours.numpy(), theirs, rtol=limit, atol=limit, err_msg=what)


@pytest.mark.parametrize("mode", SHAPES)
def test_interpolate_is_torchs(mode: str) -> None:
    pairs = Pairs(np.float32 if mode in ("nearest", "linear") else np.float64)
    smooth = (False, True) if mode in ("bilinear", "bicubic") else (False,)
    for shape in SHAPES[mode]:
        for size in SIZES:
            for corners in (False, True) if "linear" in mode or "cubic" in mode else (None,):
                for antialias in smooth:
                    options = {**size, "mode": mode, "align_corners": corners}
                    options["antialias"] = antialias
                    there = pairs.torch.nn.functional.interpolate
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        pairs.add(
                            f"{shape} {options}",
                            lambda x, o=options: F.interpolate(x, **o),
                            lambda t, o=options, f=there: f(t, **o),
                            RNG.normal(size=shape),
                        )
    pairs.compare()


@pytest.mark.filterwarnings("ignore:Since version 1.3.0:UserWarning")
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_grid_sample_is_torchs(mode: str) -> None:
    pairs = Pairs(np.float64)
    there = pairs.torch.nn.functional
    shapes = [((2, 3, 4, 5), (2, 3, 2, 2)), ((1, 2, 1, 3), (1, 4, 4, 2))]
    if mode != "bicubic":
        shapes.append(((2, 2, 3, 4, 5), (2, 2, 3, 2, 3)))
    for shape, grid in shapes:
        for padding in ("zeros", "border", "reflection"):
            for corners in (False, True):
                options = (mode, padding, corners)
                pairs.add(
                    f"{shape} {options}",
                    lambda x, g, o=options: F.grid_sample(x, g, *o),
                    lambda x, g, o=options: there.grid_sample(x, g, *o),
                    RNG.normal(size=shape),
                    RNG.uniform(-2.5, 2.5, size=grid),
                )
    for size in ((2, 3, 4, 5), (2, 2, 1, 4), (2, 1, 3, 4, 5)):
        theta = RNG.normal(size=(2, len(size) - 2, len(size) - 1))
        pairs.add(
            f"affine {size}",
            lambda x, s=size: F.affine_grid(x, s, mode == "nearest"),
            lambda x, s=size: there.affine_grid(x, s, mode == "nearest"),
            theta,
        )
    pairs.compare()


def test_layers_print_as_torchs() -> None:
    tnn = pytest.importorskip("torch").nn
    for name, args in (
        ("Upsample", {"size": (3, 4)}),
        ("Upsample", {"scale_factor": (2, 1.5), "mode": "bilinear"}),
        ("UpsamplingNearest2d", {"scale_factor": 2}),
        ("UpsamplingBilinear2d", {"size": 5}),
    ):
        ours, theirs = getattr(nn, name)(**args), getattr(tnn, name)(**args)
        assert repr(ours) == repr(theirs)
        x = RNG.normal(size=(1, 2, 4, 6))
        wanted = theirs(pytest.importorskip("torch").from_numpy(x)).numpy()
        np.testing.assert_allclose(ours(gl.tensor(x)).numpy(), wanted, rtol=1e-12, atol=1e-12)
