"""Operations of PyTorch's that glia lacks or answers otherwise, and why; all others agree.

Keys are names as in PyTorch's list, with the variant behind a dot; a star stands for any ending.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

#: Reason (English, Chinese): names.
NOT_OFFERED: dict[tuple[str, str], str] = {
    ("sparse tensors are not offered", "不提供稀疏张量"): "to_sparse sparse.*",
    ("compiles CUDA source text", "用于编译 CUDA 源代码"): "jiterator_*",
    ("an internal function of PyTorch's", "PyTorch 的内部函数"): (
        "_[!_]* torch._* torch.ops.* native_* hash_tensor bmm.triton_optimized addmm.decomposed "
        "max_pool2d_with_indices_backward nn.functional.linear_cross_entropy.* slice grid_sampler_*"
    ),
    (
        "no tensor shares memory with another, so a view and its copy are the same",
        "张量之间不共享内存，视图与其副本没有区别",
    ): (
        "alias_copy as_strided* diagonal_copy expand_copy narrow_copy permute_copy squeeze_copy "
        "split_with_sizes_copy t_copy transpose_copy unbind_copy unfold_copy unsqueeze_copy "
        "view_copy empty_permuted empty_strided new_empty_strided resize_ resize_as_ unsafe_chunk "
        "unsafe_split resolve_conj resolve_neg"
    ),
    ("histograms of one variable only", "仅支持一元直方图"): "histogramdd",
    ("bfloat16 has no arithmetic yet", "尚无 bfloat16 运算"): "bfloat16",
    (
        "NumPy has no decomposition of symmetric matrices that are not definite",
        "NumPy 没有对称不定矩阵的分解",
    ): "linalg.ldl_*",
    ("complex half precision", "半精度复数"): "chalf",
    ("a variant for GPUs", "仅用于 GPU 的变体"): "nn.functional.batch_norm.without_cudnn",
    (
        "superseded by linalg.lu_factor in PyTorch too",
        "PyTorch 也已改用 linalg.lu_factor",
    ): "lu",
    ("an activation of real numbers", "实数的激活函数"): "nn.functional.silu.complex",
    ("NumPy has no symmetric indefinite factors", "NumPy 没有对称不定分解"): "linalg.ldl_*",
    ("random projections", "随机投影"): "pca_lowrank svd_lowrank",
    ("histograms of one dimension only", "仅提供一维直方图"): "histogramdd",
    ("the size must be known beforehand", "需事先给定结果个数"): "nonzero_static",
    ("masked tensors are not offered", "不提供掩码张量"): "masked.*",
}
#: Results are random, or memory that was never written.
_RANDOM = (
    "bernoulli cauchy empty empty_like exponential geometric log_normal multinomial new_empty "
    "nn.functional.alpha_dropout nn.functional.dropout* "
    "nn.functional.feature_alpha_dropout.with_train "
    "nn.functional.multi_head_attention_forward nn.functional.scaled_dot_product_attention "
    "nn.functional.fractional_max_pool* nn.functional.rrelu normal* rand_like randint* randn* "
    "uniform"
)
DIFFERS: dict[tuple[str, str], str] = {
    (
        "PyTorch's values are off by 1e-6 and more; glia's agree with the exact ones",
        "PyTorch 的数值误差达 1e-6 以上；glia 与精确值一致",
    ): "special.bessel_j0 special.bessel_y1 polygamma.* special.polygamma.*",
    (
        "random: other numbers of the same distribution, tested by their statistics",
        "随机数：分布相同而数值不同，用统计量检验",
    ): _RANDOM,
    (
        "the derivative is that of the log-probabilities; PyTorch's presumes log_softmax before",
        "导数针对对数概率本身；PyTorch 的导数假定其前有 log_softmax",
    ): "nn.functional.ctc_loss",
    (
        "of equal elements for one place only the last one is written, and gets the gradient",
        "同一位置的多个相等元素只写入最后一个，梯度也只给它",
    ): "nn.functional.max_unpool1d nn.functional.max_unpool2d nn.functional.max_unpool3d",
}


def reason(name: str) -> tuple[str, tuple[str, str]] | None:
    """``"differs"`` or ``"not offered"`` and why; None where results must agree."""
    for status, table in (("differs", DIFFERS), ("not offered", NOT_OFFERED)):
        for why, names in table.items():
            if any(fnmatchcase(name, pattern) for pattern in names.split()):
                return status, why
    return None
