"""What ``glia run xor`` and ``glia run fruit`` print."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from glia.base.i18n import tr
from glia.cli.screen import rows, say
from glia.learn import fruit, xor
from glia.tensor.tensor import Tensor, to_numpy


def show_xor(seed: int, picture: Path) -> None:
    """Every stage of the written solution, the trained net, and the picture."""
    from glia.viz.plane import plot_xor

    say(
        tr(
            "XOR is 1 when exactly one input is 1. No straight line separates 01, 10 from 00, 11,\n"
            "so one neuron cannot compute it. Two hidden units can (Goodfellow et al., 6.1):",
            "异或：恰有一个输入为 1 时结果为 1。没有一条直线能把 01、10 与 00、11 分开，\n"
            "所以一个神经元做不到；加上两个隐藏单元就可以（Goodfellow 等，6.1 节）：",
        )
    )
    say("  y = wᵀ max(0, Wᵀx + c),  W = [[1, 1], [1, 1]],  c = (0, -1),  w = (1, -2)")
    say()
    stages = xor.written_solution()
    table = [["x", "XW", "XW + c", "max(0, XW + c)", "y", "XOR"]]
    parts = (stages.product, stages.shifted, stages.hidden)
    for at, x in enumerate(xor.INPUTS):
        row = [_vector(x)] + [_vector(part[at]) for part in parts]
        table.append([*row, f"{stages.output[at]:g}", f"{xor.TARGETS[at]:g}"])
    rows(table, gap=3)
    say(
        tr(
            "01 and 10 fall on the same hidden point (1, 0): there a line separates them.",
            "01 与 10 在隐藏层落到同一点 (1, 0)，在那里一条直线就能分开。",
        )
    )
    say()
    trained = xor.train_xor(seed)
    say(
        tr(
            f"A net 2-{xor.HIDDEN_UNITS}-1 learns it from random weights "
            f"({xor.STEPS} steps, learning rate {xor.LEARNING_RATE}, seed {seed}): "
            f"loss {trained.first_loss:.4f} → {trained.last_loss:.2g}",
            f"2-{xor.HIDDEN_UNITS}-1 网络从随机权重开始学习"
            f"（{xor.STEPS} 步，学习率 {xor.LEARNING_RATE}，种子 {seed}）："
            f"损失 {trained.first_loss:.4f} → {trained.last_loss:.2g}",
        )
    )
    table = [[_vector(x), f"{y:.4f}", f"{t:g}"]
             for x, y, t in zip(xor.INPUTS, trained.outputs, xor.TARGETS)]  # fmt: skip
    rows([["x", tr("net", "网络"), "XOR"], *table], gap=3)
    if not trained.solved:
        say(
            tr(
                "It did not succeed: hidden units that answer 0 to all four inputs have no "
                "gradient. Try another --seed.",
                "没有成功：对四个输入都输出 0 的隐藏单元没有梯度。请换一个 --seed 试试。",
            )
        )

    def output(points: np.ndarray) -> np.ndarray:
        return to_numpy(trained.net(Tensor(points)))[:, 0]

    plot_xor(xor.INPUTS, xor.TARGETS, stages.hidden, output, picture)


def _vector(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"


def show_fruit(picture: Path) -> None:
    """The neuron, its four fruits, why two of them cannot be decided, and the picture."""
    from glia.viz.plane import plot_fruit

    say(
        tr(
            "One neuron: y = sign(w₁·colour + w₂·surface + b), with w = (1, 1) and b = 0.",
            "一个神经元：y = sign(w₁·颜色 + w₂·表面 + b)，其中 w = (1, 1)，b = 0。",
        )
    )
    say(
        tr(
            "colour: red 1, yellow -1; surface: smooth 1, rough -1; y: 1 apple, -1 orange",
            "颜色：红 1，黄 -1；表面：光滑 1，粗糙 -1；y：1 苹果，-1 橘子",
        )
    )
    say()
    table = [[tr("fruit", "水果"), tr("sum", "加权和"), "y", tr("answer", "判断")]]
    for one in fruit.FRUITS:
        total = f"1·({one.colour}) + 1·({one.surface}) + 0 = {one.total:g}"
        table.append([_fruit_name(one), total, str(one.answer), _answer(one.answer)])
    rows(table, gap=3)
    say()
    say(
        tr(
            "A red but rough fruit gives exactly 0: it lies on the line colour + surface = 0,\n"
            "where the neuron has no answer. Both features count alike and contradict each other.\n"
            "Other weights would decide: with w = (2, 1) colour counts more, and it is an apple.",
            "又红又粗糙的水果加权和恰为 0：它落在直线 颜色 + 表面 = 0 上，神经元无法判断。\n"
            "两个特征同样重要，却互相矛盾。换一组权重就能判断：w = (2, 1) 更看重颜色，判为苹果。",
        )
    )
    places = np.array([[one.colour, one.surface] for one in fruit.FRUITS], float)
    answers = np.array([one.answer for one in fruit.FRUITS])
    plot_fruit(fruit.WEIGHTS, fruit.BIAS, places, answers, picture)


def _fruit_name(one: fruit.Fruit) -> str:
    colour = tr("red", "红色") if one.colour > 0 else tr("yellow", "黄色")
    surface = tr("smooth", "光滑") if one.surface > 0 else tr("rough", "粗糙")
    return f"{colour} · {surface}"


def _answer(answer: int) -> str:
    if answer == fruit.APPLE:
        return tr("apple", "苹果")
    if answer == fruit.ORANGE:
        return tr("orange", "橘子")
    return tr("undecided", "无法判断")
