"""Layers and losses as functions, with PyTorch's names: ``import glia.nn.functional as F``."""

# ruff: noqa: F401

from glia.nn.activation_functions import (
    celu,
    elu,
    gelu,
    glu,
    gumbel_softmax,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    log_softmax,
    logsigmoid,
    mish,
    prelu,
    relu,
    relu6,
    rrelu,
    selu,
    sigmoid,
    silu,
    softmax,
    softmin,
    softplus,
    softshrink,
    softsign,
    tanh,
    tanhshrink,
    threshold,
)
from glia.nn.adaptive_functions import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    fractional_max_pool2d,
    fractional_max_pool3d,
)
from glia.nn.attention_functions import (
    multi_head_attention_forward,
    scaled_dot_product_attention,
)
from glia.nn.conv_functions import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from glia.nn.ctc import ctc_loss
from glia.nn.distance_functions import (
    cosine_similarity,
    normalize,
    pairwise_distance,
    pdist,
)
from glia.nn.dropout_functions import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from glia.nn.linear_functions import (
    bilinear,
    linear,
)
from glia.nn.lookup_functions import (
    embedding,
    embedding_bag,
    one_hot,
)
from glia.nn.loss_functions import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    gaussian_nll_loss,
    huber_loss,
    kl_div,
    l1_loss,
    linear_cross_entropy,
    mse_loss,
    nll_loss,
    poisson_nll_loss,
    smooth_l1_loss,
)
from glia.nn.margin_functions import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from glia.nn.norm_functions import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
    rms_norm,
)
from glia.nn.pad_functions import (
    pad,
)
from glia.nn.pool_functions import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)
from glia.nn.resize_functions import (
    interpolate,
    upsample,
    upsample_bilinear,
    upsample_nearest,
)
from glia.nn.sampling_functions import (
    affine_grid,
    grid_sample,
)
from glia.nn.shuffle_functions import (
    channel_shuffle,
    fold,
    pixel_shuffle,
    pixel_unshuffle,
    unfold,
)

__all__ = [name for name in dir() if not name.startswith("_")]
