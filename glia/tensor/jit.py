"""``jit``: a function of tensors, recorded once and replayed as one native call.

The function runs once with stand-ins for its arguments, while a tracer takes down what it would
have overwritten (parameters, optimizer state, running statistics). What it returns and what it
overwrites become one program; later calls hand over pointers and launch it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import update_wrapper
from typing import Any

from glia.base.dtypes import float64, uint32
from glia.base.errors import GradError, teach
from glia.base.events import emit
from glia.base.i18n import tr
from glia.ir.expr import Expr, leaves, substituted
from glia.runtime.execute import Runnable, make
from glia.runtime.repeat import Gather, repeat
from glia.runtime.slots import Slot, Value, acquire, slot_of
from glia.runtime.threads import running
from glia.tensor import functional
from glia.tensor import node as _node
from glia.tensor.generator import Generator
from glia.tensor.levels import transforming
from glia.tensor.node import Node, computed
from glia.tensor.rows import Rows, check_times, land
from glia.tensor.tensor import Tensor, realize, wrap
from glia.tensor.trees import TENSOR, flatten, unflatten

_version = 0


def state_changed() -> None:
    """Something Python-side that traces froze has changed (train or eval mode): record anew."""
    global _version
    _version += 1


def _substitute(outputs: Sequence[Expr], table: dict[Expr, Expr]) -> list[Expr]:
    """Expressions with leaves replaced."""
    if all([leaves(output).isdisjoint(table) for output in outputs]):
        return list(outputs)
    return list(substituted(outputs, table))


class _Tracer:
    """Takes down what a function overwrites while it is being recorded."""

    def __init__(self, name: str, arguments: Sequence[Expr]) -> None:
        self.name = name
        self.arguments = frozenset(arguments)
        self.made: weakref.WeakSet[Value] = weakref.WeakSet()  # values of tensors made inside
        self.waiting = _node.waiting()
        self.homes: dict[int, tuple[Tensor, Node]] = {}  # overwritten tensors, node before
        self.stands_for: dict[Expr, Expr] = {}  # stand-in leaf -> the value written
        self.keep: list[Any] = []
        self.keys: list[
            tuple[Tensor, Generator]
        ] = []  # random keys that must be fresh at every call
        self.gradients: dict[int, tuple[Tensor, Tensor | None]] = {}

    def assign(self, tensor: Tensor, new: Expr, hold: Any) -> None:
        """The tensor now has this value; gradients are taken with respect to the new one."""
        if id(tensor) not in self.homes:
            _node._storage(tensor)
            self.homes[id(tensor)] = (tensor, tensor._node)
        value = acquire(tensor.shape, tensor.dtype)
        (expr,) = _substitute([new], self.stands_for)
        self.stands_for[value.slot.leaf] = expr
        self.keep += [value, hold, tensor._node]
        tensor._node = Node(value.slot.leaf, None, tensor.requires_grad, None)
        if tensor.requires_grad:
            value.slot.owner = weakref.ref(tensor)

    def refill(self, key: Tensor, source: Generator) -> Tensor:
        """A random key that must be fresh at every call."""
        self.keys.append((key, source))
        return key

    def deferring(self) -> None:
        """An update that waits is taken when the recording ends."""

    def gradient(self, tensor: Tensor) -> None:
        """``backward`` is about to change a tensor's gradient."""
        self.gradients.setdefault(id(tensor), (tensor, tensor._grad))

    def refuse(self, why: str) -> None:
        what = tr(
            f"jit: {why} while '{self.name}' was being recorded; it would be frozen into the "
            "compiled step.",
            f"jit：录制“{self.name}”时请求了具体数值（{why}），该值会被固定在编译后的步骤中。",
        )
        help = tr(
            "return the tensor and read it outside (no item(), numpy(), print or if inside)",
            "请返回张量，在函数外读取（函数内不要用 item()、numpy()、print 或 if 判断）",
        )
        raise GradError(teach(what, help))

    def finish(self) -> list[tuple[Tensor, Node, Expr]]:
        """Put the tensors back, and say what is written where."""
        writes = []
        for tensor, home in self.homes.values():
            final = tensor._node.expr
            (expr,) = _substitute([final], self.stands_for)
            tensor._node = home
            if home.requires_grad and home.value is not None:
                home.value.slot.owner = weakref.ref(tensor)
            writes.append((tensor, home, expr))
        return writes

    def put_back_gradients(self) -> None:
        """Gradients made inside stay inside."""
        for tensor, before in self.gradients.values():
            if before is not None and tensor._grad is not None:
                what = tr(
                    f"jit: '{self.name}' adds to a gradient left over from outside.",
                    f"jit：“{self.name}”会累加到函数外留下的梯度上。",
                )
                help = tr(
                    "call zero_grad() before backward()", "请在 backward() 前调用 zero_grad()"
                )
                raise GradError(teach(what, help))
            tensor._grad = None


class _Compiled:
    """One recording of the function, for arguments of certain shapes and dtypes."""

    def __init__(self, function: Callable[..., Any], args: Any) -> None:
        functional.flush()
        flat, structure = flatten(args)
        values = [acquire(tensor.shape, tensor.dtype) for tensor in flat]
        inner = [wrap(computed(value)) for value in values]
        self.values = values
        self.leaves = [value.slot.leaf for value in values]
        tracer = _Tracer(getattr(function, "__name__", "function"), self.leaves)
        _node.set_tracer(tracer)
        try:
            positional, named = unflatten(structure, inner)
            result = function(*positional, **named)
            for update in functional.take():
                tracer.assign(*update)
            found, self.structure = flatten(result)
            self.single = self.structure is TENSOR
            wanted = _substitute([t._node.expr for t in found], tracer.stands_for)
        finally:
            _node.set_tracer(None)
            writes = tracer.finish()
        tracer.put_back_gradients()
        # tensors made inside are read at every call
        self.keep = [*tracer.keep, *(tensor._node.hold for tensor in found)]
        self.keys = tracer.keys
        self.fresh_keys = True
        self.written = [weakref.ref(tensor) for tensor, _, _ in writes]
        self.homes = [home for _, home, _ in writes]
        slots = [_slot(home) for home in self.homes]
        self.kinds = [(expr.shape, expr.dtype) for expr in wanted]
        self.overwritten = {slot.leaf for slot in slots}
        outputs = (*wanted, *(expr for _, _, expr in writes))
        self.program: Runnable = make(outputs, slots)
        read = set().union(*[leaves(output) for output in outputs]) - self.overwritten
        numbers = [found for found in read if not found.shape and found.dtype is float64]
        self.numbers = [found for found in numbers if found not in self.leaves]
        self.sources: list[Slot | None] = [None] * len(self.leaves)

    def call(self, flat: Sequence[Tensor]) -> Any:
        """Run the program on these arguments."""
        for tensor in flat:
            if tensor._node.value is None:
                realize(*flat)
                break
        if self.fresh_keys:
            self.fresh_keys = False
        else:
            for key, source in self.keys:
                _slot(key._node).array[...] = source.next_key()
        _node.settle_readers(self.overwritten)
        sources = self.sources
        values = [acquire(shape, dtype) for shape, dtype in self.kinds]
        emit("realize", outputs=len(values))
        with running:  # other threads may call with other arguments
            for i, tensor in enumerate(flat):
                slot = tensor._node.value.slot  # type: ignore[union-attr]
                if slot is not sources[i]:
                    self.program.read_from(self.leaves[i], slot)
                    sources[i] = slot
            self.program.run([value.slot for value in values])
        tensors = [wrap(computed(value)) for value in values]
        return tensors[0] if self.single else unflatten(self.structure, tensors)

    def many(
        self,
        times: int,
        flat: Sequence[Tensor],
        rows: Mapping[int, Rows],
        between: Callable[[], None] | None,
    ) -> Any:
        """Run the program so many times; see :meth:`jit.many`."""
        realize(*flat)
        _node.settle_readers(self.overwritten)
        gathers, tables = [], self._key_tables(times)
        for i, tensor in enumerate(flat):
            slot = _slot(tensor._node)
            found = rows.get(id(tensor))
            if found is not None:
                gathers.append(Gather(self.leaves[i], slot, found.array, found.order))
            elif slot is not self.sources[i]:
                self.program.read_from(self.leaves[i], slot)
            self.sources[i] = slot
        if between is not None:
            tables.update(self._number_tables(times, between))
        values = [acquire((times, *shape), dtype) for shape, dtype in self.kinds]
        emit("realize", outputs=len(values))
        into = {leaf: value.slot for leaf, value in tables.items()}
        repeat(self.program, [value.slot for value in values], times, into, gathers)
        return unflatten(self.structure, [wrap(computed(value)) for value in values])

    def _key_tables(self, times: int) -> dict[Expr, Value]:
        """The random keys of so many steps, drawn in the order of the steps."""
        tables = {_slot(key._node).leaf: acquire((times, 2), uint32) for key, _ in self.keys}
        skip = int(self.fresh_keys)  # the first step's were drawn while recording
        streams: dict[Generator, list[Expr]] = {}
        for leaf, (_, source) in zip(tables, self.keys, strict=True):
            streams.setdefault(source, []).append(leaf)
        for source, own in streams.items():
            drawn = source.next_keys((times - skip) * len(own)).reshape(-1, len(own), 2)
            for j, leaf in enumerate(own):
                tables[leaf].slot.array[skip:] = drawn[:, j]
                if skip:
                    tables[leaf].slot.array[0] = slot_of(leaf).array
        if tables:
            self.fresh_keys = False
        return tables

    def _number_tables(self, times: int, between: Callable[[], None]) -> dict[Expr, Value]:
        """The optimizers' numbers of so many steps, which ``between`` sets."""
        tables = {leaf: acquire((times,), float64) for leaf in self.numbers}
        pairs = [(table.slot.array, slot_of(leaf).array) for leaf, table in tables.items()]
        version = _version
        for k in range(times):
            for table, number in pairs:
                table[k] = number
            between()
        if version != _version:
            what = tr(
                "many: between() changed more than numbers (training or evaluation mode, or an "
                "option switched on or off), which the steps cannot follow.",
                "many：between() 改变的不只是数值（训练/评估模式，或某个选项的开关），"
                "后续各步无法随之改变。",
            )
            help = tr("change it between two calls of many()", "请在两次 many() 之间改变它")
            raise GradError(teach(what, help))
        return tables

    def still_fits(self) -> bool:
        """Whether the tensors it overwrites still live where they did."""
        try:
            return [ref()._node for ref in self.written] == self.homes  # type: ignore[union-attr]
        except AttributeError:  # one of them is gone
            return False


def _slot(node: Node) -> Slot:
    value = node.value
    assert value is not None
    return value.slot


def _key(args: Any) -> Any:
    """Hashable description of arguments: shapes and dtypes of tensors, other values as they are."""
    if isinstance(args, Tensor):
        return Tensor, args.shape, args.dtype
    if isinstance(args, tuple | list):
        return type(args), tuple([_key(item) for item in args])
    if isinstance(args, dict):
        return dict, tuple([(name, _key(item)) for name, item in args.items()])
    return type(args), args


def _kinds(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], bool]:
    """What decides which recording fits, and whether the arguments are tensors and nothing else."""
    kinds: list[Any] = [_node.grad_enabled.get()]
    for arg in args:
        if type(arg) is not Tensor:
            break
        expr = arg._node.expr
        kinds += (expr.shape, expr.dtype)
    if kwargs or len(kinds) != 1 + 2 * len(args):
        return (kinds[0], _key((args, kwargs))), False
    return tuple(kinds), True


class jit:
    """Compile a function of tensors, a whole training step included, into one native call.

    Inside may stand whatever records: layers, losses, ``backward()``, ``optimizer.step()``. The
    function is recorded once for every combination of argument shapes and dtypes, of other
    (hashable) arguments, and after every change between training and evaluation. Gradients made
    inside stay inside: ``p.grad`` is None afterwards. Values cannot be read inside.

    Example:
        >>> @jit
        ... def double(x):
        ...     return x * 2
        >>> double(Tensor([1.0, 2.0]))
        tensor([2., 4.])
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        update_wrapper(self, function)  # first: it copies what another jit keeps, too
        self.function = function
        self.compiled: dict[Any, _Compiled] = {}
        self.version = _version

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _node.tracer() is not None or transforming():
            return self.function(*args, **kwargs)
        key, plain = _kinds(args, kwargs)
        flat = args if plain else flatten((args, kwargs))[0]
        return self._recording(key, (args, kwargs)).call(flat)

    def many(self, times: int, *args: Any, between: Callable[[], None] | None = None) -> Any:
        """Call the function so many times, in one native call.

        The same as ``for _ in range(times): function(*args); between()``, bit for bit, random
        numbers included, but without Python in between.

        Args:
            times: how often, at least once.
            args: as for one call. ``Rows(data, order)`` stands for another batch at every step.
            between: sets the optimizer's numbers for the next step, as ``scheduler.step`` does.
                It is called ``times`` times *before* the steps run, and what it sets is written
                down, so it must not look at what the steps compute.

        Returns:
            what the function returns, every tensor with a new first dimension of size ``times``.

        Raises:
            ArgumentError: an impossible number of times, or batches for another number of steps.
            GradError: called while another function is being recorded.

        Example:
            >>> w = Tensor([0.0])
            >>> @jit
            ... def step(x):
            ...     w.copy_(w + x)
            ...     return w.sum()
            >>> step.many(4, Tensor([2.0]))
            tensor([2., 4., 6., 8.])
        """
        check_times(times)
        tracer = _node.tracer()
        if tracer is not None:
            tracer.refuse("many() was called")
        landed: dict[int, Rows] = {}
        placed = tuple([land(arg, times, landed) for arg in args])
        flat = flatten((placed, {}))[0]
        key, _ = _kinds(placed, {})
        return self._recording(key, (placed, {})).many(times, flat, landed, between)

    def _recording(self, key: tuple[Any, ...], arguments: Any) -> _Compiled:
        """What was recorded for arguments of this kind, or is recorded now."""
        if self.version != _version:
            self.compiled.clear()
            self.version = _version
        found = self.compiled.get(key)
        if found is None or not found.still_fits():
            found = self.compiled[key] = _Compiled(self.function, arguments)
        return found

    def __get__(self, instance: Any, _owner: Any = None) -> Any:
        """A jitted method keeps its recordings on the instance."""
        if instance is None:
            return self
        bound = jit(self.function.__get__(instance))
        instance.__dict__[self.function.__name__] = bound
        return bound
