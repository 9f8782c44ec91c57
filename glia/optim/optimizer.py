"""``Optimizer``: parameter groups, their state, and one program per step.

``step()`` records the update of all parameters and of their state, and has everything computed
in one program. Numbers that may change between steps (lr, betas, ...) live in slots, which are
rewritten when the number in ``param_groups`` changes, so a schedule never recompiles anything.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, CheckpointError, DTypeError, GradError, teach
from glia.base.i18n import tr
from glia.ir.expr import compose
from glia.optim.parts import Layout, updated
from glia.tensor.functional import take
from glia.tensor.jit import state_changed
from glia.tensor.node import Update, assign
from glia.tensor.tensor import Tensor, enable_grad, to_numpy


class Group(dict):
    """One entry of ``param_groups``: a dictionary whose numbers also live in slots."""

    def __init__(self, values: Mapping[str, Any], scalars: Sequence[str]) -> None:
        super().__init__(values)
        self._numbers = tuple(scalars)
        self.scalars: dict[str, Tensor] = {}
        for name in scalars:
            for key, value in _flat(name, values[name]):
                self.scalars[key] = Tensor(np.float64(value))
        self.revision = 0

    def __setitem__(self, name: str, value: Any) -> None:
        """Write a number into its slot; anything else, or one switched on or off, is a new plan."""
        number = name in self.scalars or f"{name}0" in self.scalars
        if number and isinstance(value, Tensor):
            value = float(value)  # what it is now
        parts = _flat(name, value) if number else []
        if number and {key for key, _ in parts} != set(_keys(name, self[name])):
            what = tr(
                f"{name}: expected as many numbers as in {self[name]!r}, found {value!r}.",
                f"{name}：数的个数应与 {self[name]!r} 相同，得到 {value!r}。",
            )
            raise ArgumentError(teach(what))
        if not number or (name != "lr" and _switch(value) != _switch(self[name])):
            self.revision += 1
            state_changed()
        super().__setitem__(name, value)
        for key, part in parts:
            held = self.scalars[key]._node.value
            assert held is not None
            held.slot.array[...] = part

    def __deepcopy__(self, memo: dict[int, Any]) -> Group:
        return Group(copy.deepcopy(dict(self), memo), self._numbers)

    def update(self, *args: Any, **kwargs: Any) -> None:
        for name, value in dict(*args, **kwargs).items():
            self[name] = value

    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self[name]


def _flat(name: str, value: Any) -> list[tuple[str, float]]:
    """Names and numbers of an option that is one number or several."""
    if not isinstance(value, tuple | list):
        return [(name, float(value))]
    parts = [float("nan") if part is None else float(part) for part in value]
    return [(f"{name}{i}", part) for i, part in enumerate(parts)]


def _keys(name: str, value: Any) -> list[str]:
    return [key for key, _ in _flat(name, value)]


def _switch(value: Any) -> Any:
    """What must stay for a number to be only a number: whether it is 0, or missing."""
    if isinstance(value, tuple | list):
        return [part is None for part in value]
    return bool(value)


#: Entries of a group that are no options: names, and what schedules keep there.
EXTRA = (
    "initial_lr",
    "name",
    "param_names",
    "max_lr",
    "min_lr",
    "max_momentum",
    "base_momentum",
    "swa_lr",
)


class Optimizer:
    """Base of all optimizers.

    A subclass names its numbers (``scalars``), the options that decide its formula (``flags``)
    and its state (``_names``, ``_shared``), and gives ``formula``, a module-level function; see
    ``optim/parts.py``.

    ``foreach``, ``fused`` and ``capturable`` are accepted and change nothing: every step is one
    compiled program. ``differentiable=True`` is refused.

    Args:
        params: tensors, ``(name, tensor)`` pairs, or dictionaries with ``"params"`` and options.
        defaults: options of every group that does not give its own.

    Example:
        >>> from glia import Parameter, optim
        >>> w, b = Parameter([1.0]), Parameter([1.0])
        >>> opt = optim.SGD([{"params": [w]}, {"params": [b], "lr": 0.5}], lr=0.1)
        >>> (w + b).sum().backward()
        >>> opt.step()
        >>> w.tolist(), b.tolist()
        ([0.8999999761581421], [0.5])
    """

    scalars: tuple[str, ...] = ()
    flags: tuple[str, ...] = ("maximize",)
    #: What weight decay does: it is added to the gradient ("l2"), or shrinks the parameter
    #: ("decoupled"); anything else is left to the formula.
    decay = "l2"

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state: dict[Tensor, dict[str, Any]] = defaultdict(dict)
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

    def _flags(self, group: Group) -> dict[str, Any]:
        """What decides the formula, not just its numbers."""
        found = {name: _fixed(group, name) for name in self.flags}
        if group.get("weight_decay"):
            found["decay"] = "decoupled" if group.get("decoupled_weight_decay") else self.decay
        return found

    def _names(self, group: Group, param: Tensor) -> tuple[str, ...]:
        """The state of one parameter."""
        raise NotImplementedError

    def _start(self, name: str, group: Group, param: Tensor) -> np.ndarray:
        """State before the first step."""
        return np.zeros(param.shape, param.dtype.np)

    def _shared(self, group: Group, state: Mapping[str, Any]) -> dict[str, float]:
        """Numbers that parameters which always move together share, before the first step.

        Args:
            group: the parameter's group.
            state: what the parameter has so far.
        """
        return {"step": 0.0}

    #: The formula: see ``optim/parts.py``.
    formula: Callable[..., Any]

    # Groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimise more parameters, with options of their own."""
        given = param_group["params"]
        entries = [given] if isinstance(given, Tensor) else list(given)
        params = [entry[1] if isinstance(entry, tuple) else entry for entry in entries]
        named = [entry[0] for entry in entries if isinstance(entry, tuple)]
        if named and len(named) < len(entries):
            what = tr("some parameters have names, some have none.", "部分参数有名称，部分没有。")
            raise ArgumentError(teach(what, "net.parameters() | net.named_parameters()"))
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
        if named:
            options["param_names"] = named
        unknown = sorted(set(options) - set(self.defaults) - {"params", *EXTRA})
        if unknown:
            names = ", ".join(self.defaults)
            what = tr(f"unknown options {unknown}.", f"未知的选项 {unknown}。")
            raise ArgumentError(teach(what, tr(f"there are {names}", f"可用选项：{names}")))
        _check_ways(options)
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
        """Add the updates of one group's parameters and of their state."""
        params = [param for param in group["params"] if param._grad is not None]
        if not params:
            return
        targets, tensors, attrs = self._plan(group, params)
        grads = [param._grad._node for param in params]
        inputs = [tensor._node.expr for tensor in tensors]
        inputs += [grad.expr for grad in grads]
        exprs = compose(updated, tuple(inputs), attrs)
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
        shared, owners = self._share(group, params)
        names = [self._names(group, param) for param in params]
        rows = [self._state_of(group, param) for param in params]
        own = [row[name] for row, kinds in zip(rows, names, strict=True) for name in kinds]
        together = [tensor for row in shared for tensor in row.values()]
        targets = [*together, *params, *own]
        tensors = [*group.scalars.values(), *targets]
        flags = tuple(self._flags(group).items())
        common = tuple(shared[0]) if shared else ()
        layout = Layout(tuple(group.scalars), common, owners, tuple(names), flags)
        plan = (targets, tensors, (type(self).formula, layout))
        group.__dict__["plan"] = ((*key[:2], id(self.state.get(params[0]))), plan)
        return plan

    def _state_of(self, group: Group, param: Tensor) -> dict[str, Any]:
        state = self.state.setdefault(param, {})
        for name in self._names(group, param):
            if name not in state:
                state[name] = Tensor(self._start(name, group, param))
        return state

    def _share(
        self, group: Group, params: list[Tensor]
    ) -> tuple[list[dict[str, Tensor]], tuple[int, ...]]:
        """What parameters that always moved together share, and which of it belongs to each.

        One that was left out of some steps has numbers of its own from then on.
        """
        active = {id(param) for param in params}
        found: dict[Any, dict[str, Tensor]] = {}
        owners = []
        for param in params:
            state = self.state.setdefault(param, {})
            start = self._shared(group, state)
            key: Any = tuple(start.items())
            if start and all(name in state for name in start):
                lead = next(iter(start))
                sharers = [p for p, s in self.state.items() if s.get(lead) is state[lead]]
                if any(id(p) not in active for p in sharers):
                    own = {name: Tensor(to_numpy(state[name])) for name in start}
                    for p in sharers:
                        if id(p) in active:
                            self.state[p].update(own)
                key = id(state[lead])
                found.setdefault(key, {name: state[name] for name in start})
            elif key not in found:
                found[key] = {name: Tensor(np.float32(value)) for name, value in key}
            state.update(found[key])
            owners.append(list(found).index(key))
        return list(found.values()), tuple(owners)

    # State

    def state_dict(self) -> dict[str, Any]:
        """Options of the groups, and state by the parameter's number; tensors are copies."""
        params = [param for group in self.param_groups for param in group["params"]]
        state = {
            i: self._saved(self.state[param])
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

    def _saved(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Copies of one parameter's state."""
        return copy.deepcopy(dict(state))

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
        loaded: dict[Tensor, dict[str, Any]] = {}
        for group, values in zip(self.param_groups, saved, strict=True):
            shared: dict[Any, dict[str, Tensor]] = {}
            for number, param in zip(values["params"], group["params"], strict=True):
                entry = state_dict["state"].get(number)
                if entry is not None:
                    loaded[param] = self._load_entry(group, param, entry, shared)
        self.state = defaultdict(dict, loaded)
        for group, values in zip(self.param_groups, saved, strict=True):
            known = {*self.defaults, *EXTRA}
            group.update({name: value for name, value in values.items() if name in known})

    def _load_entry(
        self, group: Group, param: Tensor, entry: Mapping[str, Any], shared: dict[Any, Any]
    ) -> dict[str, Any]:
        """State of one parameter; numbers that are equal in a group are shared again."""
        if not hasattr(self, "formula"):  # an optimizer of the user's own
            return copy.deepcopy(dict(entry))
        found: dict[str, Any] = {}
        together: dict[str, float] = {}
        for name, value in entry.items():
            if value is None:
                continue
            array = to_numpy(value) if isinstance(value, Tensor) else np.asarray(value)
            if name == "step" or name in self._shared(group, {}):
                together[name] = float(array)
                continue
            wanted = self._start(name, group, param).shape
            if array.shape != wanted:
                what = tr(
                    f"optimizer state '{name}': expected shape {wanted}, found {array.shape}.",
                    f"优化器状态“{name}”：形状应为 {wanted}，得到 {array.shape}。",
                )
                raise CheckpointError(teach(what))
            found[name] = Tensor(array.astype(param.dtype.np))
        key = tuple(together.items())
        if key not in shared:
            shared[key] = {name: Tensor(np.float32(value)) for name, value in key}
        return {**found, **shared[key]}

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


def _fixed(group: Group, name: str) -> Any:
    """An option that decides the formula; of a number only what is no number."""
    value = group[name]
    if name in group.scalars or f"{name}0" in group.scalars:
        value = _switch(value)
    return tuple(value) if isinstance(value, list) else value


def _check_ways(options: Mapping[str, Any]) -> None:
    """Options of PyTorch's that say how to compute a step, not what."""
    if options.get("differentiable"):
        what = tr(
            "differentiable=True: a step cannot be differentiated; it overwrites the parameters.",
            "differentiable=True：优化步骤会改写参数，不能对其求导。",
        )
        help = tr(
            "write the update with gl.grad, and keep the parameters as plain tensors",
            "请用 gl.grad 写出更新式，参数用普通张量",
        )
        raise ArgumentError(teach(what, help))
    if options.get("fused") and options.get("foreach"):
        what = tr("fused and foreach cannot both be True.", "fused 和 foreach 不能同时为 True。")
        raise ArgumentError(teach(what, tr("leave both out", "请都省略")))


def check_range(name: str, value: Any, low: float = 0.0, high: float = float("inf")) -> None:
    """Options must be numbers in [low, high)."""
    if isinstance(value, int | float | np.number) and low <= value < high:
        return
    wanted = f"≥ {low:g}" if high == float("inf") else f"in [{low:g}, {high:g})"
    what = tr(
        f"optimizer: expected {name} {wanted}, found {value!r}.",
        f"优化器：{name} 应 {wanted}，得到 {value!r}。",
    )
    help = ""
    if isinstance(value, Tensor):
        help = tr(
            f"give a number; to change it later write opt.param_groups[0]['{name}'] = …, "
            "which recompiles nothing",
            f"请给出数值；之后可写 opt.param_groups[0]['{name}'] = … 来修改，不会重新编译",
        )
    raise ArgumentError(teach(what, help))


def check_pair(kind: str, name: str, value: Any, example: str) -> None:
    """Options that are two numbers."""
    if isinstance(value, tuple | list) and len(value) == 2:
        return
    what = tr(
        f"{kind}: expected {name} to be two numbers, found {value!r}.",
        f"{kind}：{name} 应为两个数，得到 {value!r}。",
    )
    raise ArgumentError(teach(what, f"{name}={example}"))


def check_betas(kind: str, betas: Any) -> None:
    """Two numbers in [0, 1)."""
    check_pair(kind, "betas", betas, "(0.9, 0.999)")
    for i, beta in enumerate(betas):
        check_range(f"betas[{i}]", beta, 0.0, 1.0)
