"""Are the derivatives right? Compare them with differences, in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from glia.base.dtypes import as_dtype, float64
from glia.base.errors import ArgumentError, GradError, teach
from glia.autodiff.reverse import pullback
from glia.ir.expr import Expr
from glia.ir.interpret import interpret
from glia.ir.ops.elementwise import MUL
from glia.ir.ops.reduce import SUM
from glia.ir.expr import intern
from glia.ir.ops.source import leaf
from glia.ir.ops.view import broadcast_to
from glia.ir.ops.source import const

Function = Callable[..., Expr]
Evaluate = Callable[[Sequence[Expr], Mapping[Expr, np.ndarray]], Sequence[np.ndarray]]

#: Up to so many elements on either side the whole Jacobian is compared.
JACOBIAN = 64
