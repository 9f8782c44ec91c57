"""What ``glia doctor`` examines, one function per finding."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from glia.base.config import cache_folder, default_threads, interpret_only
from glia.base.i18n import tr
from glia.cli import options

_PACKAGES = (
    "numpy", "llvmlite", "rich", "typer", "matplotlib", "pillow", "safetensors", "rjieba", "opencc",
)  # fmt: skip
#: Features of a CPU that matter to glia, best first.
_FEATURES = ("amx-bf16", "avx512f", "avx2", "fma", "f16c", "sve", "neon")


@dataclass
class Finding:
    """One line of the report."""

    key: str
    text: str
    value: Any = None
    state: str = "ok"  # "ok", "warning" or "problem"
    advice: str = ""


def names() -> dict[str, str]:
    """What each finding is called."""
    return {
        "glia": "glia",
        "python": "Python",
        "packages": tr("packages", "软件包"),
        "llvm": "LLVM",
        "cpu": tr("processor", "处理器"),
        "features": tr("vector units", "向量指令"),
        "threads": tr("threads", "线程"),
        "cache": tr("kernel cache", "内核缓存"),
        "self_test": tr("self-test", "自检"),
        "gflops": tr("arithmetic", "运算速度"),
        "bandwidth": tr("memory", "内存速度"),
    }


def examine(seed: int) -> Iterator[Finding]:
    """Every finding, as soon as it is made. A failing examination is a finding itself."""
    examinations: dict[str, Callable[[], Finding]] = {
        "glia": _glia,
        "python": _python,
        "packages": _packages,
        "llvm": _llvm,
        "cpu": _cpu,
        "features": _features,
        "threads": _threads,
        "cache": _cache,
        "self_test": lambda: _self_test(seed),
        "gflops": _gflops,
        "bandwidth": _bandwidth,
    }
    for key, examination in examinations.items():
        try:
            yield examination()
        except Exception as error:  # whatever it is, the user is to read it, not a traceback
            text = f"{type(error).__name__}: {' '.join(str(error).split())}"
            advice = tr("reinstall glia: pip install --force-reinstall glia",
                        "重新安装 glia：pip install --force-reinstall glia")  # fmt: skip
            yield Finding(key, text, None, "problem", advice)


def _glia() -> Finding:
    return Finding("glia", options.version(), options.version())


def _python() -> Finding:
    text = (
        f"{platform.python_version()} ({platform.python_implementation()}), {platform.platform()}"
    )
    return Finding("python", text, platform.python_version())


def _packages() -> Finding:
    found, missing = {}, []
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    text = ", ".join(f"{name} {version}" for name, version in found.items())
    if not missing:
        return Finding("packages", text, found)
    lacking = " ".join(missing)
    text += tr(f"; missing: {lacking}", f"；缺少：{lacking}")
    return Finding("packages", text, found, "problem", f"pip install {lacking}")


def _llvm() -> Finding:
    import llvmlite.binding as llvm

    version = ".".join(map(str, llvm.llvm_version_info))
    return Finding("llvm", f"{version}, {llvm.get_process_triple()}", version)


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _cpu() -> Finding:
    import llvmlite.binding as llvm

    kind = llvm.get_host_cpu_name()
    return Finding("cpu", f"{_cpu_name()} ({kind})", kind)


def _features() -> Finding:
    import llvmlite.binding as llvm

    present = llvm.get_host_cpu_features()
    found = [name for name in _FEATURES if present.get(name)]
    if found:
        return Finding("features", ", ".join(found), found)
    text = tr("none that glia knows", "没有 glia 认识的")
    advice = tr("glia works, but slowly", "glia 能用，但较慢")
    return Finding("features", text, found, "warning", advice)


def _threads() -> Finding:
    count, cores = default_threads(), os.cpu_count() or 1
    text = tr(f"{count} (of {cores} cores)", f"{count}（共 {cores} 个核心）")
    return Finding("threads", text, count)


def _cache() -> Finding:
    folder = cache_folder()
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    size = sum(path.stat().st_size for path in files)
    text = tr(
        f"{folder}: {len(files)} files, {size / 1e6:.1f} MB",
        f"{folder}：{len(files)} 个文件，{size / 1e6:.1f} MB",
    )
    home = folder
    while not home.exists() and home != home.parent:
        home = home.parent
    if os.access(home, os.W_OK):
        return Finding("cache", text, size)
    advice = tr(
        "it cannot be written, so kernels are compiled anew each time: set GLIA_CACHE to a folder",
        "无法写入，每次都要重新编译：请把环境变量 GLIA_CACHE 设为可写的文件夹",
    )
    return Finding("cache", text, size, "warning", advice)


def _self_test(seed: int) -> Finding:
    """Train a small net with compiled code and with the interpreter, and compare."""
    from glia.learn.fit import make_net, make_points
    from glia.tensor.random import manual_seed

    manual_seed(seed)
    points, net = make_points(), make_net()
    start = net.state_dict()
    started = time.perf_counter()
    compiled = _few_steps(points, net, start)
    seconds = time.perf_counter() - started
    before = os.environ.get("GLIA_INTERPRET")
    os.environ["GLIA_INTERPRET"] = "1"
    try:
        expected = _few_steps(points, make_net(), start)
    finally:
        os.environ.pop("GLIA_INTERPRET")
        if before is not None:
            os.environ["GLIA_INTERPRET"] = before
    difference = float(np.abs(compiled - expected).max())
    if not difference <= 1e-4:  # NaN is a problem too
        text = tr(f"compiled code is off by {difference:.2g}", f"编译结果相差 {difference:.2g}")
        advice = tr(
            "delete the kernel cache; if that does not help, set GLIA_INTERPRET=1 and report it",
            "请删除内核缓存；若仍不行，请设置 GLIA_INTERPRET=1 并报告此问题",
        )
        return Finding("self_test", text, difference, "problem", advice)
    text = tr(
        f"a net compiled and trained in {seconds:.2f} s; off the reference by {difference:.1g}",
        f"编译并训练一个小网络用时 {seconds:.2f} 秒；与参考结果相差 {difference:.1g}",
    )
    if interpret_only():
        text += tr(" (GLIA_INTERPRET=1: nothing was compiled)", "（GLIA_INTERPRET=1：未编译）")
        return Finding("self_test", text, difference, "warning")
    return Finding("self_test", text, difference)


def _few_steps(points: Any, net: Any, start: Any) -> np.ndarray:
    from glia.learn.fit import fit

    net.load_state_dict(start)
    return fit(points, net, steps=20).losses


def _best(function: Callable[[], Any], seconds: float = 0.3) -> float:
    """The shortest time of one call."""
    function()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - started)
    return best


def _gflops() -> Finding:
    from glia.tensor.tensor import Tensor, realize

    size = 768
    a = Tensor(np.ones((size, size), np.float32))
    b = Tensor(np.ones((size, size), np.float32))
    rate = 2 * size**3 / _best(lambda: realize(a @ b)) / 1e9
    text = tr(
        f"{rate:,.1f} GFLOP/s (product of two {size}×{size} matrices, float32)",
        f"{rate:,.1f} GFLOP/s（两个 {size}×{size} 矩阵相乘，float32）",
    )
    return Finding("gflops", text, round(rate, 2))


def _bandwidth() -> Finding:
    source = np.ones(1 << 24, np.float32)
    target = np.empty_like(source)
    rate = 2 * source.nbytes / _best(lambda: np.copyto(target, source)) / 1e9
    text = tr(
        f"{rate:.1f} GB/s (copying {source.nbytes >> 20} MiB: read and written)",
        f"{rate:.1f} GB/s（复制 {source.nbytes >> 20} MiB，读写合计）",
    )
    return Finding("bandwidth", text, round(rate, 2))
