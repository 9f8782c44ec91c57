"""Pictures of small classifiers in the plane: exclusive or, and the fruit neuron."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from glia.viz.figure import BLUE, GREY, ORANGE, label, new_figure, save_png


def plot_xor(
    inputs: np.ndarray,
    targets: np.ndarray,
    hidden: np.ndarray,
    output: Callable[[np.ndarray], np.ndarray],
    path: str | os.PathLike[str],
) -> None:
    """Left the inputs, in the middle the hidden space of the solution, right a trained net.

    Args:
        inputs: (4, 2).
        targets: 0 or 1, (4,).
        hidden: the inputs' places in the hidden space, (4, 2).
        output: the trained net's output for points (n, 2).
        path: the PNG to write.
    """
    figure, (left, middle, right) = new_figure(1140, 420, 1, 3)
    names = ["".join(str(int(bit)) for bit in row) for row in inputs]
    left.set_title(label("inputs: no line separates", "输入空间：没有直线能分开"), fontsize=11)
    _points(left, inputs, targets, names)
    left.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.7), xlabel="x₁", ylabel="x₂")

    middle.set_title(label("hidden layer: a line does", "隐藏层空间：一条直线即可"), fontsize=11)
    across = np.array([-0.5, 2.5])
    middle.plot(across, (across - 0.5) / 2, color=GREY, linestyle="--", linewidth=1)
    middle.text(1.55, 0.4, "h₁ - 2h₂ = ½", color=GREY, fontsize=9)
    places = {tuple(place): "" for place in hidden.tolist()}
    for place, name in zip(hidden.tolist(), names, strict=True):
        places[tuple(place)] += (", " if places[tuple(place)] else "") + name
    firsts = [hidden.tolist().index(list(place)) for place in places]
    _points(middle, hidden[firsts], targets[firsts], list(places.values()))
    middle.set(xlim=(-0.5, 2.5), ylim=(-0.5, 1.7), xlabel="h₁", ylabel="h₂")

    right.set_title(label("what the trained net learnt", "训练得到的网络"), fontsize=11)
    axis = np.linspace(-0.5, 1.5, 121)
    upward = np.linspace(-0.5, 1.7, 121)
    grid = np.stack(np.meshgrid(axis, upward), -1).reshape(-1, 2).astype(np.float32)
    values = output(grid).reshape(121, 121)
    shades = right.contourf(axis, upward, values, np.linspace(-0.5, 1.5, 21), cmap="coolwarm",
                            extend="both", alpha=0.75)  # fmt: skip
    right.contour(axis, upward, values, [0.5], colors=GREY, linestyles="--", linewidths=1)
    figure.colorbar(shades, ax=right, ticks=[-0.5, 0, 0.5, 1, 1.5])
    _points(right, inputs, targets, names, legend=False)
    right.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.7), xlabel="x₁", ylabel="x₂")
    save_png(figure, path)


def _points(
    ax: Any, places: np.ndarray, targets: np.ndarray, names: list[str], legend: bool = True
) -> None:
    for value, colour, marker in ((0, BLUE, "o"), (1, ORANGE, "s")):
        chosen = targets == value
        ax.plot(*places[chosen].T, marker, color=colour, markersize=11, markeredgecolor="white",
                label=f"XOR = {value}")  # fmt: skip
    for place, name in zip(places, names, strict=True):
        ax.annotate(name, place, (9, 7), textcoords="offset points", fontsize=10)
    ax.grid(color="#eeeeee")
    ax.set_axisbelow(True)
    if legend:
        ax.legend(frameon=False, loc="upper left", fontsize=9, ncols=2)


def plot_fruit(
    weights: np.ndarray, bias: float, places: np.ndarray, answers: np.ndarray,
    path: str | os.PathLike[str],
) -> None:  # fmt: skip
    """The four fruits, the line on which the neuron cannot decide, and its weight vector."""
    figure, ax = new_figure(600, 560)
    axis = np.array([-2.0, 2.0])
    line = -(weights[0] * axis + bias) / weights[1]
    ax.fill_between(axis, line, 2, color=ORANGE, alpha=0.12, linewidth=0)
    ax.fill_between(axis, line, -2, color=BLUE, alpha=0.10, linewidth=0)
    ax.plot(axis, line, color=GREY, linestyle="--", linewidth=1.2)
    ax.annotate("", weights * 0.6, (0, 0), arrowprops={"arrowstyle": "->", "color": GREY})
    ax.text(0.36, 0.12, "w", color=GREY)
    ax.text(0.55, 1.75, label("here it says apple", "这一侧判为苹果"), color="#9a6a00")
    ax.text(-1.9, -1.85, label("here it says orange", "这一侧判为橘子"), color=BLUE)
    names = {
        1: label("apple", "苹果"),
        -1: label("orange", "橘子"),
        0: label("undecided", "无法判断"),
    }
    looks = {1: (ORANGE, "o"), -1: (BLUE, "s"), 0: (GREY, "D")}
    for place, answer in zip(places, answers, strict=True):
        colour, marker = looks[int(answer)]
        ax.plot(*place, marker, color=colour, markersize=14, markeredgecolor="white")
        ax.annotate(names[int(answer)], place, (11, 8), textcoords="offset points")
    ax.set(xlim=(-2, 2), ylim=(-2, 2))
    ax.set_xticks([-1, 1], [label("yellow -1", "黄 -1"), label("red 1", "红 1")])
    ax.set_yticks([-1, 1], [label("rough -1", "粗糙 -1"), label("smooth 1", "光滑 1")])
    ax.set_xlabel(label("colour", "颜色"))
    ax.set_ylabel(label("surface", "表面"))
    ax.set_title(label("One neuron, one line", "一个神经元，一条直线"), loc="left")
    save_png(figure, path)
