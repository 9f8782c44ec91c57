"""``Optimizer``: parameter groups, their state, and one program per step.

``step()`` records the update of all parameters and of their state, and has everything computed
in one program. Numbers that may change between steps (lr, betas, ...) live in slots, which are
rewritten when the number in ``param_groups`` changes, so a schedule never recompiles anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, CheckpointError, DTypeError, GradError, teach
from glia.base.i18n import tr
from glia.ir.expr import Expr, compose
from glia.tensor.functional import take
from glia.tensor.jit import state_changed
from glia.tensor.node import Update, assign
from glia.tensor.tensor import Tensor, enable_grad, to_numpy


class Group(dict):
    """One entry of ``param_groups``: a dictionary whose numbers also live in slots."""

    def __init__(self, values: Mapping[str, Any], scalars: Sequence[str]) -> None:
        super().__init__(values)
        self.scalars: dict[str, Tensor] = {}
        for name in scalars:
            flat = _flat(values[name])
            for i, value in enumerate(flat):
                self.scalars[f"{name}{i}" if len(flat) > 1 else name] = Tensor(np.float64(value))
        self.revision = 0

    def __setitem__(self, name: str, value: Any) -> None:
        """Write a number into its slot; anything else, or one switched on or off, is a new plan."""
        number = name in self.scalars or f"{name}0" in self.scalars
        if not number or (name != "lr" and bool(value) != bool(self[name])):
            self.revision += 1
            state_changed()
        super().__setitem__(name, value)
        flat = _flat(value) if number else ()
        for i, part in enumerate(flat):
            tensor = self.scalars[f"{name}{i}" if len(flat) > 1 else name]
            held = tensor._node.value
            assert held is not None
            held.slot.array[...] = part

    def update(self, *args: Any, **kwargs: Any) -> None:
        for name, value in dict(*args, **kwargs).items():
            self[name] = value


def _flat(value: Any) -> tuple[float, ...]:
    values = value if isinstance(value, tuple | list) else (value,)
    return tuple(float(item) for item in values)


class Optimizer:
    """Base of all optimizers.

    A subclass names its numbers (``scalars``) and its state (``_names``), and gives ``_flags``
    (what changes the formula) and ``_update`` (the formula, a module-level function).

    Args:
        params: tensors, ``(name, tensor)`` pairs, or dictionaries with ``"params"`` and options.
        defaults: options of every group that does not give its own.
    """

    scalars: tuple[str, ...] = ()

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self.param_groups: list[Group] = []
        if isinstance(params, Tensor):
            what = tr(
                "expected a list of parameters, found one tensor.", "需要参数列表，得到一个张量。"
            )
            raise DTypeError(teach(what, tr("write [p]", "请写成 [p]")))
        entries = list(params)
        if not entries:
            what = tr("the list of parameters is empty.", "参数列表为空。")
            help = tr(
                "give net.parameters(); a generator can be used only once",
                "请传入 net.parameters()；生成器只能使用一次",
            )
            raise ArgumentError(teach(what, help))
        if not isinstance(entries[0], dict):
            entries = [{"params": entries}]
        for entry in entries:
            self.add_param_group(entry)

    # What a subclass gives

    def _check(self, group: Mapping[str, Any]) -> None:
        """Raise when an option is out of range."""

    def _flags(self, group: Group) -> tuple[Any, ...]:
        """What decides the formula, not just its numbers."""
        raise NotImplementedError

    def _names(self, group: Group) -> tuple[str, ...]:
        """The state of one parameter: tensors of its shape, 0 at the start."""
        raise NotImplementedError

    def _counting(self, group: Group) -> bool:
        """Whether the formula needs the number of steps taken."""
        return False

    #: The formula: see ``optim/parts.py`` for its arguments and results.
    _update: Callable[..., tuple[Expr, ...]]

    # Groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimise more parameters, with options of their own."""
        given = param_group["params"]
        entries = [given] if isinstance(given, Tensor) else list(given)
        params = [entry[1] if isinstance(entry, tuple) else entry for entry in entries]
        known = {id(p) for group in self.param_groups for p in group["params"]}
        for param in params:
            _check_param(param)
            if id(param) in known:
                what = tr(
                    f"a parameter of shape {param.shape} is given twice.",
                    f"形状为 {param.shape} 的参数给出了两次。",
                )
                raise ArgumentError(teach(what, tr("name each once", "每个参数只给一次")))
            known.add(id(param))
        options = {**self.defaults, **param_group, "params": params}
        unknown = sorted(set(options) - set(self.defaults) - {"params", "initial_lr", "name"})
        if unknown:
            names = ", ".join(self.defaults)
            what = tr(f"unknown options {unknown}.", f"未知的选项 {unknown}。")
            raise ArgumentError(teach(what, tr(f"there are {names}", f"可用选项：{names}")))
        self._check(options)
        self.param_groups.append(Group(options, self.scalars))

    # Steps

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to 0."""
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param._grad = None
                elif param._grad is not None:
                    param._grad = Tensor(np.zeros(param.shape, param.dtype.np))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient, in one program.

        Args:
            closure: computes the loss anew and calls ``backward()``; its result is returned.
        """
        result = None
        if closure is not None:
            with enable_grad():
                result = closure()
        updates: list[Update] = []
        for group in self.param_groups:
            self._record(group, updates)
        updates += take()
        if updates:
            assign(updates)
        return result

    def _record(self, group: Group, updates: list[Update]) -> None:
        """Add the updates of one group's parameters, state and step counter."""
        params = [param for param in group["params"] if param._grad is not None]
        if not params:
            return
        targets, tensors, attrs = self._plan(group, params)
        grads = [param._grad._node for param in params]
        inputs = [tensor._node.expr for tensor in tensors]
        inputs += [grad.expr for grad in grads]
        exprs = compose(self._update, tuple(inputs), attrs)
        hold = [grad.hold for grad in grads]
        updates += zip(targets, exprs, repeat(hold, len(exprs)), strict=True)

    def _plan(
        self, group: Group, params: list[Any]
    ) -> tuple[list[Tensor], list[Tensor], tuple[Any, ...]]:
        """What is written, what is read apart from gradients, and the formula's attributes."""
        key = (group.revision, tuple(map(id, params)), id(self.state.get(params[0])))
        cached = group.__dict__.get("plan")
        if cached is not None and cached[0] == key:
            return cached[1]
        names = self._names(group)
        counters: dict[int, Tensor] = {}
        rows: list[list[Tensor]] = [[] for _ in names]
        for param in params:
            state = self._state_of(param, names)
            for row, name in zip(rows, names, strict=True):
                row.append(state[name])
        steps = self._counters(params, counters) if self._counting(group) else ()
        state_tensors = [tensor for row in rows for tensor in row]
        targets = [*params, *state_tensors, *counters.values()]
        tensors = [*group.scalars.values(), *targets]
        plan = (targets, tensors, (len(params), steps, self._flags(group)))
        group.__dict__["plan"] = ((*key[:2], id(self.state.get(params[0]))), plan)
        return plan

    def _state_of(self, param: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        state = self.state.setdefault(param, {})
        for name in names:
            if name not in state:
                state[name] = Tensor(np.zeros(param.shape, param.dtype.np))
        return state

    def _counters(self, params: list[Tensor], counters: dict[int, Tensor]) -> tuple[int, ...]:
        """Parameters that always moved together share one step counter."""
        active = {id(param) for param in params}
        for param in params:
            step = self.state[param].get("step")
            if step is None:
                self.state[param]["step"] = counters.setdefault(-1, Tensor(np.float32(0.0)))
            elif id(step) not in counters:
                sharers = [p for p, s in self.state.items() if s.get("step") is step]
                if any(id(p) not in active for p in sharers):
                    step = Tensor(to_numpy(step))
                    for p in sharers:
                        if id(p) in active:
                            self.state[p]["step"] = step
                counters[id(step)] = step
        order = [id(step) for step in counters.values()]
        return tuple(order.index(id(self.state[param]["step"])) for param in params)

    # State

    def state_dict(self) -> dict[str, Any]:
        """Options of the groups, and state by the parameter's number; tensors are copies."""
        params = [param for group in self.param_groups for param in group["params"]]
        state = {
            i: {name: Tensor(to_numpy(value)) for name, value in self.state[param].items()}
            for i, param in enumerate(params)
            if param in self.state
        }
        groups, start = [], 0
        for group in self.param_groups:
            count = len(group["params"])
            options = {name: value for name, value in group.items() if name != "params"}
            groups.append({**options, "params": list(range(start, start + count))})
            start += count
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take the options and state that ``state_dict()``, ours or PyTorch's, gave.

        Options that this optimizer does not have are left out.
        """
        saved = state_dict["param_groups"]
        sizes = [len(group["params"]) for group in saved]
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            what = tr(
                f"the saved optimizer has groups of {sizes} parameters, this one {own}.",
                f"保存的优化器各组参数个数为 {sizes}，当前为 {own}。",
            )
            raise CheckpointError(teach(what))
        params = [param for group in self.param_groups for param in group["params"]]
        numbers = [number for group in saved for number in group["params"]]
        loaded: dict[Tensor, dict[str, Tensor]] = {}
        shared: dict[tuple[int, float], Tensor] = {}
        owners = [i for i, size in enumerate(own) for _ in range(size)]
        for number, param, owner in zip(numbers, params, owners, strict=True):
            entry = state_dict["state"].get(number)
            if entry is not None:
                loaded[param] = _load_entry(param, entry, owner, shared)
        self.state = loaded
        for group, values in zip(self.param_groups, saved, strict=True):
            known = {*self.defaults, "initial_lr", "name"}
            group.update({name: value for name, value in values.items() if name in known})

    def __repr__(self) -> str:
        lines = []
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return f"{type(self).__name__} (\n" + "\n".join(lines) + "\n)"


def _check_param(param: Any) -> None:
    if not isinstance(param, Tensor):
        found = type(param).__name__
        what = tr(f"an optimizer takes tensors, found {found}.", f"优化器需要张量，得到 {found}。")
        raise DTypeError(teach(what, tr("give net.parameters()", "请传入 net.parameters()")))
    if not param.is_leaf:
        what = tr(
            f"a tensor of shape {param.shape} was computed from others; it cannot be optimised.",
            f"形状为 {param.shape} 的张量由其他张量计算得到，不能被优化。",
        )
        raise GradError(teach(what, tr("optimise what it came from", "请优化其来源张量")))


def _load_entry(
    param: Tensor, entry: Mapping[str, Any], group: int, shared: dict[tuple[int, float], Tensor]
) -> dict[str, Tensor]:
    """State of one parameter; equal step counters of a group are shared again."""
    found = {}
    for name, value in entry.items():
        if value is None:
            continue
        array = to_numpy(value) if isinstance(value, Tensor) else np.asarray(value)
        if name == "step":
            count = float(array)
            found[name] = shared.setdefault((group, count), Tensor(np.float32(count)))
            continue
        if array.shape != param.shape:
            what = tr(
                f"optimizer state '{name}': expected shape {param.shape}, found {array.shape}.",
                f"优化器状态“{name}”：形状应为 {param.shape}，得到 {array.shape}。",
            )
            raise CheckpointError(teach(what))
        found[name] = Tensor(array.astype(param.dtype.np))
    return found


def check_range(name: str, value: Any, low: float = 0.0, high: float = float("inf")) -> None:
    """Options must be numbers in [low, high)."""
    if isinstance(value, int | float | np.number) and low <= value < high:
        return
    wanted = f"≥ {low:g}" if high == float("inf") else f"in [{low:g}, {high:g})"
    what = tr(
        f"optimizer: expected {name} {wanted}, found {value!r}.",
        f"优化器：{name} 应 {wanted}，得到 {value!r}。",
    )
    raise ArgumentError(teach(what))
