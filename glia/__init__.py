"""glia: deep learning on the computer you have.

>>> import glia as gl
>>> gl.tensor([1.0, 2.0]).sum().item()
3.0
"""

from glia.base.dtypes import (
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from glia.runtime.threads import get_num_threads, set_num_threads
from glia.tensor.calculus import cumulative_trapezoid, gradient, trapezoid, trapz
from glia.tensor.complexes import complex, imag, polar, real
from glia.tensor.create import (
    arange,
    cat,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    logspace,
    ones,
    ones_like,
    scalar_tensor,
    stack,
    tensor,
    tril_indices,
    triu_indices,
    where,
    zeros,
    zeros_like,
)
from glia.tensor.custom import checkpoint, custom_jvp, custom_vjp
from glia.tensor.dlpack import from_dlpack
from glia.tensor.einsum import einsum, tensordot
from glia.tensor.jacobians import hessian, hvp, jacfwd, jacobian, jacrev
from glia.tensor.jit import jit
from glia.tensor.join import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    block_diag,
    broadcast_shapes,
    broadcast_tensors,
    cartesian_prod,
    column_stack,
    combinations,
    concat,
    concatenate,
    dstack,
    hstack,
    meshgrid,
    row_stack,
    vstack,
)
from glia.tensor.matrices import chain_matmul, lu_unpack
from glia.tensor.random import (
    Generator,
    bernoulli,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    multinomial,
    normal,
    poisson,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    seed,
    set_rng_state,
)
from glia.tensor.rows import Rows
from glia.tensor.scan import scan
from glia.tensor.spectrogram import istft, stft
from glia.tensor.tensor import Parameter, Tensor, as_tensor, enable_grad, no_grad, realize
from glia.tensor.transforms import grad, jvp, stop_gradient, value_and_grad, vjp
from glia.tensor.vmap import vmap
from glia.tensor.windows import (
    bartlett_window,
    blackman_window,
    hamming_window,
    hann_window,
    kaiser_window,
)

__all__ = [
    "set_rng_state",
    "seed",
    "randn_like",
    "randint_like",
    "rand_like",
    "poisson",
    "normal",
    "multinomial",
    "initial_seed",
    "get_rng_state",
    "default_generator",
    "bernoulli",
    "Generator",
    "bartlett_window",
    "blackman_window",
    "hamming_window",
    "hann_window",
    "kaiser_window",
    "istft",
    "stft",
    "custom_vjp",
    "custom_jvp",
    "checkpoint",
    "vmap",
    "jacrev",
    "jacobian",
    "jacfwd",
    "hvp",
    "hessian",
    "vjp",
    "value_and_grad",
    "stop_gradient",
    "jvp",
    "grad",
    "Parameter",
    "Rows",
    "Tensor",
    "arange",
    "as_tensor",
    "bool_",
    "cat",
    "cdouble",
    "cfloat",
    "chain_matmul",
    "complex",
    "complex64",
    "complex128",
    "cumulative_trapezoid",
    "double",
    "einsum",
    "empty",
    "enable_grad",
    "eye",
    "float",
    "float16",
    "float32",
    "float64",
    "from_dlpack",
    "from_numpy",
    "full",
    "gradient",
    "get_num_threads",
    "int16",
    "int32",
    "int64",
    "int8",
    "half",
    "imag",
    "jit",
    "linspace",
    "long",
    "lu_unpack",
    "manual_seed",
    "no_grad",
    "ones",
    "ones_like",
    "polar",
    "rand",
    "randint",
    "randn",
    "randperm",
    "real",
    "realize",
    "scan",
    "set_num_threads",
    "stack",
    "tensor",
    "tensordot",
    "trapezoid",
    "trapz",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "where",
    "zeros",
    "zeros_like",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block_diag",
    "broadcast_shapes",
    "broadcast_tensors",
    "cartesian_prod",
    "column_stack",
    "combinations",
    "concat",
    "concatenate",
    "dstack",
    "hstack",
    "meshgrid",
    "row_stack",
    "vstack",
    "empty_like",
    "full_like",
    "logspace",
    "scalar_tensor",
    "tril_indices",
    "triu_indices",
]
__version__ = "0.1.0"
float = float32  # PyTorch's name
double = float64
half = float16
cfloat = complex64
cdouble = complex128
long = int64

_LAZY = {
    "polygamma": "glia.tensor.special",
    "array_api": "glia.array_api",
    "Model": "glia.train.model",
    "autograd": "glia.tensor.autograd",
    "callbacks": "glia.train.callbacks",
    "cdist": "glia.nn.distance_functions",
    "cosine_similarity": "glia.nn.distance_functions",
    "channel_shuffle": "glia.nn.shuffle_functions",
    "constant_pad_nd": "glia.nn.pad_functions",
    "data": "glia.data",
    "fft": "glia.tensor.fft",
    "explain_memory": "glia.explain.memory",
    "linalg": "glia.tensor.linalg",
    "functional_call": "glia.nn.functional_call",
    "load_file": "glia.interop.safetensors",
    "metrics": "glia.metrics",
    "models": "glia.models",
    "nn": "glia.nn",
    "optim": "glia.optim",
    "pairwise_distance": "glia.nn.distance_functions",
    "pdist": "glia.nn.distance_functions",
    "pixel_shuffle": "glia.nn.shuffle_functions",
    "pixel_unshuffle": "glia.nn.shuffle_functions",
    "profile": "glia.runtime.profile",
    "random": "glia.tensor.random",
    "signal": "glia.tensor.signal",
    "save_file": "glia.interop.safetensors",
    "special": "glia.tensor.special",
    "show_kernels": "glia.tensor.look",
}


def __getattr__(name: str) -> object:
    """Parts that are loaded when first used."""
    home = _LAZY.get(name)
    if home is None:
        from glia.tensor.functions import functions

        if name not in functions():
            raise AttributeError(f"module 'glia' has no attribute {name!r}")
        globals()[name] = functions()[name]
        return globals()[name]
    import importlib

    module = importlib.import_module(home)
    places = [f"glia.{name}", f"glia.train.{name}", f"glia.tensor.{name}"]
    found = getattr(module, name) if home not in places else module
    globals()[name] = found
    return found
