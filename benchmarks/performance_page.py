"""Make the page of figures, in both languages, from the results of ``glia bench``.

    glia bench --json benchmarks/performance.json
    python benchmarks/performance_page.py

The first line measures everything, the second writes ``docs/en/performance.md`` and
``docs/zh/performance.md``.
"""

from __future__ import annotations

from pathlib import Path

from glia.base.i18n import language, set_language, tr
from glia.bench import report
from glia.bench.run import Run, load
from glia.bench.workloads import Workload, chosen

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "performance.json"

#: What was tried where a goal was not reached, in both languages.
NOTES: dict[str, tuple[str, str]] = {
    "W1-step": (
        "Of nine microseconds a step five are Python: arguments checked, memory for the results "
        "taken, the call. Many steps in one call (the row above) avoid it altogether.",
        "每步约 9 微秒，其中 5 微秒在 Python：检查参数、分配结果内存、调用。"
        "一次调用多步（上一行）可完全避免。",
    ),
    "W2": (
        "The whole step runs at 73% of the measured rate of multiply-adds; at the goal it would "
        "be 78%. Products of 128 rows are short, and two threads wait for each other some ten "
        "times a step.",
        "整个步骤达到实测乘加速率的 73%；达到目标则需 78%。"
        "128 行的乘法很短，两个线程每步约有十次互相等待。",
    ),
    "W5": (
        "Beside the products there are passes of batch norm over maps that no cache holds: "
        "statistics, normalisation, and the same backwards. They are kernels of their own, in two "
        "passes for precision; computing the statistics where the convolution stores its results "
        "is not done yet.",
        "除乘法外，还有批归一化对放不进缓存的特征图的多次遍历：统计、归一化，反向亦然。"
        "它们目前是单独的内核，为精度分两遍计算；尚未在卷积写出结果时顺便统计。",
    ),
    "W5i": (
        "One picture has too little to share: the last stages multiply 49 positions by a million "
        "weights, which come from memory at every call and are packed anew at every call.",
        "单张图片可供分摊的工作太少：最后几级用 49 个位置乘上百万个权重，"
        "每次调用都要从内存读取并重新打包权重。",
    ),
    "W8": (
        "Weights' gradients are sums over 6,400 rows that run at a third to four fifths of the "
        "rate of multiply-adds: blocks of the summed rows would keep them in the cache. In other "
        "runs the ratio to PyTorch's plain mode was 0.46.",
        "权重梯度是对 6,400 行的求和，只达到乘加速率的三分之一到五分之四："
        "需要对求和的行分块以留在缓存中。在其他几次测量中，与 PyTorch 普通模式之比为 0.46。",
    ),
    "W9": (
        "As W8: weights' gradients over 6,400 rows. In chunks of 800 rows (tried, not kept yet) "
        "they ran a fifth faster for the GRU's shapes and no faster for the LSTM's, whose rows of "
        "2 KB collide in the cache.",
        "同 W8：对 6,400 行求和的权重梯度。试过每 800 行分块（尚未采用）：GRU 的形状快五分之一，"
        "LSTM 的没有变化，因为其 2 KB 的行在缓存中互相冲突。",
    ),
    "W10": (
        "The products with the vocabulary of 5,000 take a quarter of the step at 80 to 95% of "
        "the rate of multiply-adds, attention's run at 71 to 85%. Zeros above the diagonal of the "
        "causal mask are computed like the rest.",
        "与 5,000 词表的乘法占每步四分之一，达到乘加速率的 80–95%，注意力为 71–85%。"
        "因果掩码对角线以上的零也照样计算。",
    ),
    "W11-gelu-erf": (
        "One pass over memory; the polynomial for erf takes about as long as the memory, and the "
        "two do not overlap fully.",
        "只遍历内存一次；erf 多项式的计算与访存耗时相近，两者未能完全重叠。",
    ),
    "W11-softmax": (
        "One row stays in the cache between its passes, so the matrix is read and written once; "
        "what is left is the rate of memory.",
        "每行的多次遍历都在缓存内完成，矩阵只读写一次；其余由内存速率决定。",
    ),
    "W11-layernorm": (
        "The array fits the last-level cache, whose rate varies with what else runs on the "
        "machine.",
        "数组放得进末级缓存，其速率随机器上其他程序而变。",
    ),
    "W11-sum1": (
        "Reading 64 MB is all there is to do; both libraries are at the rate of memory.",
        "只需读取 64 MB；两者都已达到内存速率。",
    ),
}


def page(run: Run) -> str:
    """The page in the language in force."""
    other = tr("[中文](../zh/performance.md)", "[English](../en/performance.md)")
    parts = [
        "# " + tr("Performance", "性能"),
        other,
        introduction(),
        "```sh\nglia bench --json benchmarks/performance.json\n"
        "python benchmarks/performance_page.py\n```",
        machine(run),
    ]
    for table in report.tables(run):
        parts += [f"## {table.title}", table.markdown()]
        if table is not None and table.head[-1] == tr("of the limit", "占极限"):
            parts += [reading(), *goals(run)]
    remarks = report.remarks(run)
    if remarks:
        parts += ["## " + tr("Who could not take part", "未能参加的"), listed(remarks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def introduction() -> str:
    return tr(
        "glia beside the frameworks people would otherwise use, in one run on one computer. "
        "Everybody gets the same data, initial weights and hyper-parameters; the losses of the "
        "first steps are compared, and who computes something else does not count. Rounds take "
        "turns, so that a machine whose speed drifts slows all alike: ratios can be believed, "
        "times less. This page is made by two commands:",
        "在同一台电脑的同一次运行中，把 glia 与人们通常使用的框架放在一起测量。"
        "数据、初始权重和超参数完全相同；前几步的损失互相比较，计算内容不同的不计入。"
        "各框架轮流测量，机器速度变化时大家同样受影响：比值可信，绝对时间则不然。"
        "本页由两条命令生成：",
    )


def machine(run: Run) -> str:
    """The computer and the versions."""
    facts = run.machine
    versions: dict[str, str] = {}
    for results in run.rows.values():
        for result in results:
            versions |= result.versions
    named = ", ".join(f"{report.shown_name(name)} {value}" for name, value in versions.items())
    computer = f"{facts['processor']}, {facts['architecture']}, {facts['memory_gib']} GiB"
    system = f"{facts['system']}, Python {facts['python']}, NumPy {facts['numpy']}"
    return "\n".join([f"{computer}; {system}, llvmlite {facts['llvmlite']}; {named}.",
                      report.limits_text(run)])  # fmt: skip


def reading() -> str:
    return tr(
        "Each cell is the median of a library's best mode, named behind it. *eager* is PyTorch as "
        "people write it; *tuned* adds fused optimizers, channels-last pictures and a C library "
        "told to keep freed memory; *compile* adds `torch.compile`. The ratio is glia's time over "
        "the best peer's. The limit is the larger of the arithmetic over the rate of "
        "multiply-adds and, for single operations, the bytes over the rate of copies.",
        "每格是该框架最快方式的中位数，方式写在后面。*eager* 是人们通常写的 PyTorch；"
        "*tuned* 另用融合的优化器、channels-last 图片，并让 C 库保留释放的内存；"
        "*compile* 再加 `torch.compile`。比值是 glia 的时间除以最快的其他框架。"
        "极限是运算量除以乘加速率，对单个运算还有字节数除以复制速率，取较大者。",
    )


def goals(run: Run) -> list[str]:
    """Rows whose goal is not reached: by how much, and what takes the time."""
    late = [w for w in chosen([]) if w.name in run.rows and is_late(run, w)]
    if not late:
        return []
    title = tr("Goals not reached, and where the time goes", "未达到的目标，以及时间用在哪里")
    parts = [f"### {title}"]
    for workload in late:
        results = run.rows[workload.name]
        found, own = report.ratio(results), report.best(results, "glia")
        assert found is not None and own is not None and workload.goal is not None
        more = 100 * (found / workload.goal - 1)
        text = tr(
            f"**{workload.name}** {workload.title()}: {found:.2f} instead of {workload.goal:g}, "
            f"{more:.0f}% too long.",
            f"**{workload.name}** {workload.title()}：{found:.2f}，目标 {workload.goal:g}，"
            f"慢 {more:.0f}%。",
        )
        if workload.name in NOTES:
            text += " " + NOTES[workload.name][language() == "zh"]
        parts += [text, listed([f"`{kernel}`" for kernel in own.kernels[:3]])]
    return parts


def is_late(run: Run, workload: Workload) -> bool:
    found = report.ratio(run.rows[workload.name])
    return workload.goal is not None and found is not None and found > workload.goal


def listed(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def main() -> None:
    run = load(RESULTS)
    for name in ("en", "zh"):
        set_language(name)
        (ROOT / "docs" / name / "performance.md").write_text(page(run), encoding="utf-8")


if __name__ == "__main__":
    main()
