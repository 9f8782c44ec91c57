"""The IR as text: a printer, and the parser that gives back the very same expressions.

One node a line, inputs before users, the outputs last::

    program = { node } outputs
    node    = %number = op [ "[" name=value { , name=value } "]" ] { %number } : type
    outputs = outputs { %number }
    type    = dtype "[" { size , } "]"
    value   = integer | hex float | dtype | true | false | none | "text" | %number
            | "(" { value , } ")"

A hex float is what ``float.hex`` writes, ``inf`` and ``nan`` included: -0.0 stays -0.0. An
attribute called ``shape`` or ``dtype`` is left out when the type says the same. What follows a
``#`` is a comment. The body of a repetition is nodes like others, which its attributes name.

>>> from glia.base.dtypes import float32
>>> from glia.ir import build
>>> from glia.ir.ops.source import leaf
>>> print(show([build.sum_(build.mul(leaf(0, (2, 3), float32), 0.5), 1)]))
%0 = leaf[slot=0] : float32[2,3]
%1 = const[value=0x1.0000000000000p-1] : float32[]
%2 = reshape %1 : float32[1,1]
%3 = expand %2 : float32[2,3]
%4 = mul %0 %3 : float32[2,3]
%5 = sum[dims=(1,)] %4 : float32[2,1]
%6 = reshape %5 : float32[2]
outputs %6
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glia.base.dtypes import BY_NAME, DType
from glia.base.errors import ArgumentError, GliaError, VerifyError, teach
from glia.base.shapes import Shape
from glia.ir.expr import Expr, bodies, intern, topological
from glia.ir.table import TABLE

_HEX_FLOAT = re.compile(r"-?(?:0x[0-9a-f]+(?:\.[0-9a-f]+)?p[+-]\d+|inf)|nan")
_WORDS = {"true": True, "false": False, "none": None}
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<hex>-?0x[0-9a-f]+(?:\.[0-9a-f]+)?p[+-]\d+|-?inf\b|nan\b)
      | (?P<integer>-?\d+)
      | (?P<ref>%\d+)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<text>"(?:[^"\\]|\\.)*")
      | (?P<mark>[=:,()\[\]])
      | (?P<wrong>\S)
    )""",
    re.VERBOSE,
)


# Printing


def show(outputs: Sequence[Expr]) -> str:
    """The text of everything the outputs depend on."""
    number: dict[Expr, int] = {}
    lines = []
    for node in _ordered(outputs):
        number[node] = len(number)
        inputs = "".join(f" %{number[child]}" for child in node.inputs)
        attrs = _attrs(node, number)
        lines.append(f"%{number[node]} = {node.op.name}{attrs}{inputs} : {_type(node)}")
    lines.append(" ".join(["outputs", *(f"%{number[output]}" for output in outputs)]))
    return "\n".join(lines)


def _ordered(outputs: Sequence[Expr]) -> list[Expr]:
    """Inputs and bodies before their users."""
    order: dict[Expr, None] = {}
    for node in topological(outputs):
        if node.op.kind == "control":
            order.update(dict.fromkeys(_ordered(bodies(node))))
        order[node] = None
    return list(order)


def _type(node: Expr) -> str:
    return f"{node.dtype.name}[{','.join(map(str, node.shape))}]"


def _attrs(node: Expr, number: Mapping[Expr, int]) -> str:
    implied = {"shape": node.shape, "dtype": node.dtype}
    parts = [
        f"{name}={_value(value, number)}"
        for name, value in zip(node.op.attrs, node.attrs, strict=True)
        if not (name in implied and implied[name] == value)
    ]
    return f"[{', '.join(parts)}]" if parts else ""


def _value(value: Any, number: Mapping[Expr, int]) -> str:
    if isinstance(value, Expr):
        return f"%{number[value]}"
    if isinstance(value, DType):
        return value.name
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value if _HEX_FLOAT.fullmatch(value) else json.dumps(value)
    if isinstance(value, tuple):
        inside = ", ".join(_value(part, number) for part in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    raise VerifyError(teach(f"attribute {value!r} of type {type(value).__name__} has no text."))


# Parsing


def parse(text: str) -> list[Expr]:
    """The outputs of a program written as text: the same objects as those it was printed from.

    Raises:
        ArgumentError: the text does not follow the grammar, or names what does not exist.
        VerifyError: a node's type is not the one its operation infers.
    """
    nodes: dict[int, Expr] = {}
    outputs: list[Expr] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        code = _without_comment(line)
        if not code.strip():
            continue
        reader = _Line(code, number, nodes)
        if outputs is not None:
            reader.fail("nothing may follow the outputs")
        if code.split()[0] == "outputs":
            outputs = reader.outputs()
        else:
            reader.node()
    if outputs is None:
        help = "end the program with a line such as: outputs %0"
        raise ArgumentError(teach("the program has no outputs line.", help, where=False))
    return outputs


def _without_comment(line: str) -> str:
    quoted = False
    for at, char in enumerate(line):
        if char == '"' and (at == 0 or line[at - 1] != "\\"):
            quoted = not quoted
        if char == "#" and not quoted:
            return line[:at]
    return line


class _Line:
    """Reads one line, token by token."""

    def __init__(self, text: str, number: int, nodes: dict[int, Expr]) -> None:
        self.text = text
        self.number = number
        self.nodes = nodes
        self.tokens = list(self._split())
        self.at = 0

    def _split(self) -> Iterator[tuple[str, str]]:
        for match in _TOKEN.finditer(self.text):
            kind = match.lastgroup
            assert kind is not None
            if kind == "wrong":
                self.fail(f"unexpected character {match['wrong']!r}")
            yield kind, match[kind]
        yield "end", "the end of the line"

    def fail(self, what: str, help: str = "") -> None:
        """Raise with the line's number and its text."""
        message = f"line {self.number}: {what}, in: {self.text.strip()}"
        raise ArgumentError(teach(message, help, where=False))

    def peek(self) -> str:
        return self.tokens[self.at][1]

    def take(self, kind: str, what: str) -> str:
        """The next token, which must be of this kind."""
        found, text = self.tokens[self.at]
        if found != kind:
            self.fail(f"expected {what}, found {text!r}")
        self.at += 1
        return text

    def mark(self, wanted: str) -> None:
        if self.peek() != wanted:
            self.fail(f"expected {wanted!r}, found {self.peek()!r}")
        self.at += 1

    def reference(self) -> Expr:
        name = self.take("ref", "a node such as %0")
        found = self.nodes.get(int(name[1:]))
        if found is None:
            self.fail(f"{name} is not defined above", "write nodes before the nodes that use them")
        assert found is not None
        return found

    def references(self) -> tuple[Expr, ...]:
        found = []
        while self.tokens[self.at][0] == "ref":
            found.append(self.reference())
        return tuple(found)

    def outputs(self) -> list[Expr]:
        self.take("name", "outputs")
        found = list(self.references())
        self.take("end", "a node such as %0")
        return found

    def node(self) -> None:
        """``%number = op[attributes] inputs : type``"""
        number = int(self.take("ref", "a node such as %0, or outputs")[1:])
        if number in self.nodes:
            self.fail(f"%{number} is defined twice", "number the nodes 0, 1, 2, …")
        self.mark("=")
        name = self.take("name", "the name of an operation")
        if name not in TABLE:
            self.fail(f"there is no operation {name!r}", f"use one of {', '.join(sorted(TABLE))}")
        attrs = self.attributes()
        inputs = self.references()
        self.mark(":")
        dtype, shape = self.type()
        self.take("end", "the end of the line")
        self.nodes[number] = self.made(name, attrs, inputs, dtype, shape)

    def attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.peek() != "[":
            return found
        self.mark("[")
        while self.peek() != "]":
            name = self.take("name", "the name of an attribute")
            self.mark("=")
            if name in found:
                self.fail(f"attribute {name!r} is given twice")
            found[name] = self.value()
            if self.peek() != "]":
                self.mark(",")
        self.mark("]")
        return found

    def value(self) -> Any:
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "integer":
            return int(text)
        if kind == "hex":
            return text
        if kind == "text":
            return json.loads(text)
        if kind == "ref":
            self.at -= 1
            return self.reference()
        if kind == "name" and text in BY_NAME:
            return BY_NAME[text]
        if kind == "name" and text in _WORDS:
            return _WORDS[text]
        if text != "(":
            self.fail(f"expected a value, found {text!r}")
        parts = []
        while self.peek() != ")":
            parts.append(self.value())
            if self.peek() != ")":
                self.mark(",")
        self.mark(")")
        return tuple(parts)

    def type(self) -> tuple[DType, Shape]:
        name = self.take("name", "a dtype")
        if name not in BY_NAME:
            self.fail(f"there is no dtype {name!r}", f"use one of {', '.join(BY_NAME)}")
        self.mark("[")
        sizes = []
        while self.peek() != "]":
            sizes.append(int(self.take("integer", "a size")))
            if self.peek() != "]":
                self.mark(",")
        self.mark("]")
        return BY_NAME[name], tuple(sizes)

    def made(
        self,
        name: str,
        given: dict[str, Any],
        inputs: tuple[Expr, ...],
        dtype: DType,
        shape: Shape,
    ) -> Expr:
        """The expression, after checking that its attributes and type are those of its row."""
        op = TABLE[name]
        unknown = sorted(set(given) - set(op.attrs))
        if unknown:
            known = ", ".join(op.attrs) or "none"
            self.fail(f"{name} has no attribute {unknown[0]!r}", f"its attributes: {known}")
        values = {"shape": shape, "dtype": dtype, **given}
        missing = [attr for attr in op.attrs if attr not in values]
        if missing:
            self.fail(f"{name} needs the attribute {missing[0]!r}")
        try:
            node = intern(op, inputs, tuple([values[attr] for attr in op.attrs]))
        except (GliaError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise VerifyError(f"line {self.number}: {error}") from error
        if node.shape != shape or node.dtype is not dtype:
            found = f"{dtype.name}[{','.join(map(str, shape))}]"
            message = f"line {self.number}: {name} infers {_type(node)}, the text says {found}."
            raise VerifyError(teach(message, f"write : {_type(node)}", where=False))
        return node
