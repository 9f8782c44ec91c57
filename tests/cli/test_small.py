"""``glia run fit``, ``xor``, ``fruit`` and ``glia doctor``: numbers, texts and pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glia.base.errors import ArgumentError, GliaError
from glia.learn import fruit, xor
from glia.learn.fit import NOISE_FLOOR, run_fit
from glia.viz.fit import FitFilm
from glia.viz.gif import Palette, save_gif


def frames(path: Path) -> list[np.ndarray]:
    """The first, the 101st and the last of 300 frames of 100 ms."""
    with Image.open(path) as gif:
        assert gif.n_frames == 300  # type: ignore[attr-defined]
        assert gif.info["loop"] == 0
        found = []
        for at in range(300):
            gif.seek(at)
            assert gif.info["duration"] == 100
            if at in (0, 100, 299):
                found.append(np.asarray(gif.convert("RGB")).astype(int))
        return found


def test_fit(glia: Callable, tmp_path: Path) -> None:
    outcome = glia("run", "fit", "--lang", "en", "--out", tmp_path / "fit")
    assert outcome.status == 0, outcome.err
    loss = float(re.search(r"loss at the end ([\d.]+)", outcome.out)[1])  # type: ignore[index]
    assert 0.003 < loss < 0.02
    for name in ("regression_loss.gif", "regression_result.gif"):
        pictures = frames(tmp_path / "fit" / name)
        assert not np.array_equal(pictures[0], pictures[-1])
    curve = frames(tmp_path / "fit" / "regression_loss.gif")
    blue = [int(((p[..., 2] - p[..., 0]) > 80).sum()) for p in curve]
    assert blue[0] < blue[1] < blue[2], "the curve grows"
    assert (tmp_path / "fit" / "regression_result.png").stat().st_size > 10_000


def test_fit_is_a_function_of_the_seed() -> None:
    first, again, other = run_fit(1), run_fit(1), run_fit(2)
    assert np.array_equal(first.losses, again.losses)
    assert not np.array_equal(first.losses, other.losses)
    assert len(first.losses) == 3000 and first.x.shape == first.y.shape == (50,)
    assert first.losses[-1] > NOISE_FLOOR / 2


def test_film_given_up_leaves_nothing(tmp_path: Path) -> None:
    film = FitFilm(tmp_path, np.zeros(3), np.zeros(3), 10)
    film.add(0, np.ones(1), np.zeros(3))
    film.stop()
    assert list(tmp_path.iterdir()) == []


def test_film_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    film = FitFilm(folder, np.zeros(3), np.zeros(3), 10)
    film.add(0, np.ones(1), np.zeros(3))
    with pytest.raises(GliaError, match="gone"):
        film.finish()


def test_written_xor_solution() -> None:
    """The textbook's stages, exactly."""
    stages = xor.written_solution()
    assert stages.product.tolist() == [[0, 0], [1, 1], [1, 1], [2, 2]]
    assert stages.shifted.tolist() == [[0, -1], [1, 0], [1, 0], [2, 1]]
    assert stages.hidden.tolist() == [[0, 0], [1, 0], [1, 0], [2, 1]]
    assert stages.output.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_xor(language: str, glia: Callable, tmp_path: Path) -> None:
    outcome = glia("run", "xor", "--lang", language)
    assert outcome.status == 0, outcome.err
    for row in ("(0, 1)   (1, 1)   (1, 0)    (1, 0)           1   1", "(2, 2)   (2, 1)"):
        assert row in outcome.out
    assert xor.train_xor(0).solved
    with Image.open(tmp_path / "runs" / "xor" / "xor.png") as picture:
        assert picture.size == (1140, 420)


@pytest.mark.parametrize(
    ("colour", "surface", "total", "answer"),
    [
        (1, 1, 2, fruit.APPLE),
        (-1, -1, -2, fruit.ORANGE),
        (1, -1, 0, fruit.UNDECIDED),
        (-1, 1, 0, fruit.UNDECIDED),
    ],
)
def test_fruit_neuron(colour: int, surface: int, total: int, answer: int) -> None:
    one = fruit.Fruit(colour, surface)
    assert (one.total, one.answer) == (total, answer)


def test_fruit(glia: Callable, tmp_path: Path) -> None:
    english, chinese = glia("run", "fruit", "--lang", "en"), glia("run", "fruit", "--lang", "zh")
    assert "1·(1) + 1·(-1) + 0 = 0" in english.out and "undecided" in english.out
    assert "无法判断" in chinese.out
    assert (tmp_path / "runs" / "fruit" / "fruit.png").exists()


def test_doctor(glia: Callable, tmp_path: Path) -> None:
    outcome = glia("doctor", "--lang", "en", "--out", tmp_path / "d")
    assert outcome.status == 0, outcome.out + outcome.err
    facts = json.loads((tmp_path / "d" / "doctor.json").read_text("utf-8"))
    assert facts["problems"] == []
    assert facts["gflops"] > 0 and facts["bandwidth"] > 0 and facts["threads"] >= 1
    assert "llvmlite" in facts["packages"]
    assert "自检" in glia("doctor", "--lang", "zh").out


def test_doctor_reports_a_missing_package(glia: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from glia.cli import examination

    monkeypatch.setattr(examination, "_PACKAGES", ("numpy", "no-such-package"))
    outcome = glia("doctor", "--lang", "en")
    assert outcome.status == 1
    assert "pip install no-such-package" in outcome.out


# GIFs


def test_palette_keeps_the_colours_of_simple_pictures() -> None:
    picture = np.zeros((4, 6, 3), np.uint8)
    picture[:, 3:] = (255, 0, 51)
    palette = Palette([picture])
    assert np.array_equal(palette.colours[palette.index(picture)], picture)


@pytest.mark.parametrize("milliseconds", [0, 5, 25, 10])
def test_times_that_gif_cannot_express(milliseconds: int, tmp_path: Path) -> None:
    palette = Palette([np.zeros((4, 4, 3), np.uint8)])
    frame = palette.picture(np.zeros((4, 4), np.uint8))
    with pytest.raises(ArgumentError):
        save_gif(tmp_path / "x.gif", [frame], milliseconds)
    with pytest.raises(ArgumentError):
        save_gif(tmp_path / "x.gif", [], 100)
