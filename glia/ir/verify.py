"""The rules of the IR, checked: what every pass must leave intact."""

from __future__ import annotations

from collections.abc import Sequence

from glia.base.dtypes import BY_NAME
from glia.base.errors import GliaError, VerifyError, teach
from glia.ir.expr import Expr, bodies, topological
from glia.ir.ops.control import variables
from glia.ir.ops.custom import scope
from glia.ir.table import TABLE


def verify(outputs: Sequence[Expr]) -> None:
    """Check every expression the outputs depend on.

    Operations stand in the table, inputs are expressions, attributes are complete and hashable,
    nothing depends on itself, and shapes and dtypes are those the rows infer; in bodies, too. A
    body reads the variables that its loop sets, and nothing from outside.

    Raises:
        VerifyError: names the first expression that breaks a rule.
    """
    for output in outputs:
        if not isinstance(output, Expr):
            raise VerifyError(teach(f"output {output!r} is not an expression.", where=False))
    for node in _ordered(outputs):
        _check_form(node)
        _check_type(node)
        if node.op.kind == "control":
            verify(bodies(node))
            _check_variables(node)


def _ordered(outputs: Sequence[Expr]) -> list[Expr]:
    """Inputs before users, found without recursion; a circle is an error."""
    done: list[Expr] = []
    state: dict[int, bool] = {}  # False: being visited, True: finished
    for output in outputs:
        stack = [(output, False)]
        while stack:
            node, finished = stack.pop()
            if finished:
                state[id(node)] = True
                done.append(node)
                continue
            if id(node) in state:
                continue
            state[id(node)] = False
            stack.append((node, True))
            for child in _inputs(node):
                if state.get(id(child)) is False:
                    _fail(child, "depends on itself")
                if id(child) not in state:
                    stack.append((child, False))
    return done


def _inputs(node: Expr) -> tuple[Expr, ...]:
    if not isinstance(node.inputs, tuple):
        _fail(node, f"inputs are a {type(node.inputs).__name__}, expected a tuple")
    for i, child in enumerate(node.inputs):
        if not isinstance(child, Expr):
            _fail(node, f"input {i} is {child!r}, expected an expression")
    return node.inputs


def _check_form(node: Expr) -> None:
    if TABLE.get(node.op.name) is not node.op:
        _fail(node, "its operation is not in the table")
    if not isinstance(node.attrs, tuple) or len(node.attrs) != len(node.op.attrs):
        names = ", ".join(node.op.attrs) or "none"
        _fail(node, f"attributes {node.attrs!r} do not match the names: {names}")
    try:
        hash(node.attrs)
    except TypeError:
        _fail(node, f"attributes {node.attrs!r} are not hashable")
    sizes = isinstance(node.shape, tuple) and all(type(n) is int and n >= 0 for n in node.shape)
    if not sizes:
        _fail(node, f"shape {node.shape!r} is not a tuple of sizes")
    if node.dtype not in BY_NAME.values():
        _fail(node, f"dtype {node.dtype!r} is unknown")


def _check_type(node: Expr) -> None:
    try:
        shape, dtype = node.op.infer(node.inputs, *node.attrs)
    except (GliaError, ValueError, TypeError, AttributeError, IndexError) as error:
        _fail(node, f"its row refuses it: {error}", error)
    if shape != node.shape or dtype is not node.dtype:
        found = f"{node.dtype.name} {node.shape}"
        _fail(node, f"its row infers {dtype.name} {shape}, the node says {found}")


def _check_variables(node: Expr) -> None:
    if node.op.name == "custom":
        parts: tuple[tuple[Expr, ...], ...] = scope(node)
    else:
        parts = variables(node.inputs, len(node.attr("carry")), node.attr("sequences"))
    known = {variable for part in parts for variable in part}
    for part in topological(bodies(node)):
        if part.op.name in ("bound", "leaf") and part not in known:
            _fail(node, f"its body reads {part}{part.attrs}, which nothing sets")


def _fail(node: Expr, what: str, cause: BaseException | None = None) -> None:
    place = f" (recorded at {node.location})" if node.location else ""
    message = f"{node.op.name}{place}: {what}."
    raise VerifyError(teach(message, where=False)) from cause
