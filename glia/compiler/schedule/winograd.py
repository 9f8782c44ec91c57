"""3x3 convolutions with step 1 as 16 products where 36 were: which, how, and at what price.

Winograd's transform of tiles of 2x2 results has factors of 1 and 1/2 only: its rounding errors
are no larger than those of the plain sum (``tests/compiler/test_winograd.py``).
Larger tiles save more products and lose digits; they are not used. An infinity or NaN in the
source reaches all results of the tiles that read it, one element further than in the plain sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from glia.base.dtypes import DType, float32
from glia.compiler.codegen.targets import Target
from glia.compiler.index import Index, Var, combine, number, substitute, variable, variables
from glia.compiler.schedule.layout import WINOGRAD, Key, arranged
from glia.compiler.schedule.loops import (
    Apply,
    Blocks,
    Constant,
    Guard,
    Load,
    Nest,
    Operand,
    Store,
    Value,
    Winograd,
    WinogradGradient,
)
from glia.compiler.schedule.nests import Planned, Ref, nest_work
from glia.compiler.schedule.operands import Space
from glia.compiler.schedule.tile import MOST_ROWS, REPACK, Side

TAPS, PLACES = 3, 16
#: Tiles of 2x2 results, and channels of source and result, in scratch memory: about 512 KB.
TILES, SUMMED, CHANNELS = 64, 64, 64
#: The same for tiles of the weights' gradient, which has three such pieces.
GRADIENT_TILES = 48
#: Cycles for a vector of a tile's elements to be transformed, and of its results; for a vector of
#: sums to be fetched and put back; for an element of the weights.
FORWARD, BACKWARD, SUMS, WEIGHTS = 50.0, 60.0, 3.0, 3.0
#: The plain sum is kept unless this form takes less than so much of its time.
WORTH = 0.9


@dataclass(frozen=True)
class _Tiles:
    """What both directions have in common."""

    image: Var
    row: Var
    column: Var
    channel: Var  # of the results
    summed: Var  # of the source
    source: Side
    inside: tuple[Guard, Guard]

    @property
    def tiles(self) -> int:
        return self.image.size * -(-self.row.size // 2) * -(-self.column.size // 2)

    def widest(self, target: Target) -> Blocks | None:
        """All tiles, and as many rows as registers hold; None when channels do not fill vectors."""
        lanes = target.lanes(self.source.base.dtype.itemsize)
        if self.channel.size % lanes or self.summed.size % lanes:
            return None
        summed = _part(self.summed.size, lanes, SUMMED)
        channels = _part(self.channel.size, lanes, CHANNELS)
        vectors = next(n for n in (2, 3, 1) if channels % (n * lanes) == 0)
        most = min(MOST_ROWS, (target.registers - 1 - vectors) // vectors)
        return Blocks(lanes, vectors, most, self.tiles, summed, channels)

    def products(self, tiles: int, blocks: Blocks, target: Target) -> float:
        """Cycles for the products of so many tiles."""
        rate = target.products(blocks.lanes * self.source.base.dtype.itemsize)
        step = blocks.rows * blocks.vectors / rate
        vectors = PLACES * tiles * self.summed.size * (self.channel.size // blocks.lanes)
        return vectors / rate * (step + 0.5) / step


@dataclass(frozen=True)
class Form(_Tiles):
    """A contraction seen as a 3x3 convolution."""

    offset: Index  # of what the first tap reads
    weights: Side
    dims: tuple[int, int, int, int]  # of the weights: channel, summed, and both taps
    flipped: bool  # taps run against the source

    def key(self, width: int) -> Key:
        """Names the transformed weights in panels of a width."""
        return (WINOGRAD, *self.dims, "flipped" if self.flipped else "straight", width)

    def blocks(self, target: Target) -> Blocks | None:
        """How much is worked on at once; None when channels do not fill vectors."""
        blocks = self.widest(target)
        if blocks is None:
            return None
        together = min(TILES, self.tiles)
        # the fewest register tiles, and then the fewest rows in them
        count = -(-together // blocks.rows)
        rows = -(-together // count)
        tiles = together if self.tiles <= TILES else rows * (TILES // rows)
        return replace(blocks, rows=rows, tiles=tiles)

    def price(self, blocks: Blocks, target: Target) -> float:
        """Cycles on one core, in the terms of ``tile.choose``."""
        tiles = -(-self.tiles // blocks.rows) * blocks.rows
        own, summed = self.channel.size // blocks.lanes, self.summed.size // blocks.lanes
        products = self.products(tiles, blocks, target)
        forward = FORWARD * tiles * summed * (self.channel.size // blocks.channels)
        backward = BACKWARD * tiles * own
        sums = SUMS * PLACES * tiles * own * (self.summed.size // blocks.summed)
        elements = self.channel.size * self.summed.size
        weights = elements * (REPACK * TAPS * TAPS + WEIGHTS * PLACES)
        return products + forward + backward + sums + weights

    def refs(self, blocks: Blocks) -> list[Ref]:
        """What the kernel reads."""
        key = self.key(blocks.lanes * blocks.vectors)
        return [(self.source.base, self.source.layout.key), (self.weights.base, key)]

    def kernel(
        self, blocks: Blocks, places: Sequence[int], args: tuple[DType, ...], store: Store
    ) -> Winograd:
        return Winograd(
            args, self.image, self.row, self.column, self.channel, self.summed,
            Operand(places[0], self.offset), self.inside, places[1], float32, (store,), blocks,
        )  # fmt: skip


def form_of(found: Space, sides: Sequence[Side], channel: Var | None) -> Form | GradientForm | None:
    """How a contraction is of this kind, if it is; ``channel`` fills the vectors."""
    if channel is None or found.guards or sides[0].base.dtype is not float32:
        return None
    return _convolution(found, sides, channel) or _gradient(found, sides, channel)


def _convolution(found: Space, sides: Sequence[Side], channel: Var) -> Form | None:
    """How a contraction is a 3x3 convolution in steps of 1 over channels that lie innermost."""
    source, weights = sides
    reduce = [v for v in found.reduce if v.size != 1]
    taps = [
        v for v in reduce if any(v in variables(at) and at != variable(v) for at in source.index)
    ]
    summed = [v for v in reduce if v not in taps]
    if len(taps) != 2 or len(summed) != 1 or any(tap.size != TAPS for tap in taps):
        return None
    loops = [v for v in found.loops if v.size != 1]
    slides: list[tuple[Var, Guard, Index, int]] = []
    for tap in taps:
        slide = _slide(source, tap, loops)
        if slide is None:
            return None
        slides.append(slide)
    dims = _weight_dims(weights, channel, summed[0], taps)
    if dims is None:
        return None
    directions = {slide[3] * turn for slide, turn in zip(slides, dims[1], strict=True)}
    rest = [v for v in loops if v != channel and v not in (slides[0][0], slides[1][0])]
    images = [v for v in rest if v in set().union(*map(variables, source.index))]
    if len(directions) != 1 or rest != images or len(images) > 1:
        return None
    image = images[0] if images else Var("image", 1)
    plain = {slide[0]: slide[2] for slide in slides}
    offset = source.layout.offset([_first(at, plain) for at in source.index])
    own = {image, slides[0][0], slides[1][0], summed[0]}
    steps_fit = offset.coefficient(summed[0]) == 1 and offset.is_affine()
    if not steps_fit or variables(offset) - own or channel in variables(offset):
        return None
    return Form(
        image, slides[0][0], slides[1][0], channel, summed[0], source,
        (slides[0][1], slides[1][1]), offset, weights, dims[0], directions == {-1},
    )  # fmt: skip


def _slide(side: Side, tap: Var, loops: Sequence[Var]) -> tuple[Var, Guard, Index, int] | None:
    """Where a tap slides: along which variable, within which bounds, first place, direction."""
    homes = [d for d, at in enumerate(side.index) if tap in variables(at)]
    if len(homes) != 1:
        return None
    at = side.index[homes[0]]
    direction = at.coefficient(tap)
    live = [v for v in variables(at) if v != tap]
    if abs(direction) != 1 or len(live) != 1 or live[0] not in loops or not at.is_affine():
        return None
    if at.coefficient(live[0]) != 1:
        return None
    first = variable(live[0]) + (at.constant if direction == 1 else at.constant - (TAPS - 1))
    return live[0], Guard(first, 0, side.base.shape[homes[0]]), first, direction


def _first(at: Index, plain: dict[Var, Index]) -> Index:
    """An index of the source at the first tap."""
    return next((first for var, first in plain.items() if var in variables(at)), at)


def _weight_dims(
    side: Side, channel: Var, summed: Var, taps: Sequence[Var]
) -> tuple[tuple[int, int, int, int], tuple[int, int]] | None:
    """The dimensions of the weights that channels and taps run along; the taps' directions."""
    if len(side.index) != 4 or side.guards:
        return None
    home: dict[Var, int] = {}
    turns: dict[Var, int] = {}
    for dim, at in enumerate(side.index):
        live = list(variables(at))
        if len(live) != 1 or not at.is_affine():
            return None
        (var,) = live
        turn = at.coefficient(var)
        if (turn, at.constant) not in ((1, 0), (-1, TAPS - 1)) or var.size != side.base.shape[dim]:
            return None
        home[var], turns[var] = dim, turn
    wanted = (channel, summed, *taps)
    if set(home) != set(wanted) or turns[channel] != 1 or turns[summed] != 1:
        return None
    channels, summed_dim, row, column = (home[v] for v in wanted)
    return (channels, summed_dim, row, column), (turns[taps[0]], turns[taps[1]])


@dataclass(frozen=True)
class GradientForm(_Tiles):
    """A contraction seen as the weights' gradient of a 3x3 convolution; rows are of a chunk."""

    chunk: Var
    taps: tuple[Var, Var]
    given: Side
    offsets: tuple[Index, Index]  # of what is given, and of what the first tap reads

    def blocks(self, target: Target) -> Blocks | None:
        """How much is worked on at once; None when channels do not fill vectors."""
        blocks = self.widest(target)
        if blocks is None:
            return None
        rows = max(n for n in range(1, blocks.rows + 1) if blocks.summed % n == 0)
        return replace(blocks, rows=rows, tiles=min(GRADIENT_TILES, self.tiles))

    def price(self, blocks: Blocks, target: Target) -> float:
        """Cycles on one core, in the terms of ``tile.choose``."""
        tiles = self.chunk.size * self.tiles
        own, summed = self.channel.size // blocks.lanes, self.summed.size // blocks.lanes
        products = self.products(tiles, blocks, target)
        forward = FORWARD * tiles * summed * (self.channel.size // blocks.channels)
        given = FORWARD * tiles * own * (self.summed.size // blocks.summed)
        pairs = self.chunk.size * self.summed.size * own
        sums = SUMS * PLACES * pairs * -(-self.tiles // blocks.tiles)
        return products + forward + given + sums + BACKWARD * pairs

    def refs(self, blocks: Blocks) -> list[Ref]:
        """What the kernel reads."""
        return [(side.base, side.layout.key) for side in (self.source, self.given)]

    def kernel(
        self, blocks: Blocks, places: Sequence[int], args: tuple[DType, ...], store: Store
    ) -> WinogradGradient:
        given, source = (Operand(*pair) for pair in zip(places[::-1], self.offsets, strict=True))
        return WinogradGradient(
            args, self.chunk, self.image, self.row, self.column, self.channel, self.summed,
            self.taps, source, self.inside, given, float32, (store,), blocks,
        )  # fmt: skip


def _gradient(found: Space, sides: Sequence[Side], channel: Var) -> GradientForm | None:
    """How a contraction is such a gradient, with channels innermost in both operands."""
    given, source = sides
    if given.guards:
        return None
    loops = [v for v in found.loops if v.size != 1 and v != channel]
    reduce = [v for v in found.reduce if v.size != 1]
    taps = [v for v in loops if v.size == TAPS and variable(v) not in source.index]
    if len(taps) != 2:
        return None
    places: list[Var] = []
    inside: list[Guard] = []
    chunks: list[Var] = []
    for tap in taps:
        homes = [d for d, at in enumerate(source.index) if tap in variables(at)]
        first = source.index[homes[0]] + variable(tap) * -1 if len(homes) == 1 else None
        place = first + -first.constant if first is not None else None
        own = [v for v in reduce if place is not None and place.coefficient(v) == 1]
        if first is None or place is None or place not in given.index or len(own) != 1:
            return None
        rest = place + variable(own[0]) * -1
        chunks += variables(rest)
        if rest.terms and rest != variable(chunks[-1]) * own[0].size:
            return None
        places.append(own[0])
        inside.append(Guard(first, 0, source.base.shape[homes[0]]))
    images = [v for v in reduce if v not in places]
    others = [v for v in loops if v not in (*taps, *chunks)]
    if len(images) > 1 or len(others) != 1 or len(chunks) > 1 or places[0] == places[1]:
        return None
    image = images[0] if images else Var("image", 1)
    chunk = chunks[0] if chunks else Var("chunk", 1)
    start = {tap: number(0) for tap in taps}
    offsets = (
        given.layout.offset(given.index),
        substitute(source.layout.offset(source.index), start.get),
    )
    common = {chunk, image, *places}
    lined_up = offsets[0].coefficient(channel) == 1 and offsets[1].coefficient(others[0]) == 1
    apart = variables(offsets[0]) <= {*common, channel}
    if not (lined_up and apart and variables(offsets[1]) <= {*common, others[0]}):
        return None
    if not all(offset.is_affine() for offset in offsets):
        return None
    return GradientForm(
        image, places[0], places[1], channel, others[0], source, (inside[0], inside[1]),
        chunk, (taps[0], taps[1]), given, offsets,
    )  # fmt: skip


def _part(size: int, lanes: int, most: int) -> int:
    """The largest divisor in whole vectors that is not above ``most``."""
    return max(n for n in range(lanes, min(size, most) + 1, lanes) if size % n == 0)


def weights_kernel(form: Form, blocks: Blocks, source: Ref, target: Ref) -> Planned:
    """``G g Gᵀ`` of all weights: panels of channels, in each 16 planes, lines of summed channels.

    ``source`` holds the weights with the channels innermost.
    """
    shape = form.weights.base.shape
    width = blocks.lanes * blocks.vectors
    panel = Var("panel", form.channel.size // width)
    line = Var("line", form.summed.size)
    lane = Var("lane", width)
    channel_dim, summed_dim, *taps = form.dims
    order = inner_order(form)
    dtype = form.weights.base.dtype
    at: list[Index] = [number(0)] * 4
    at[channel_dim] = combine([(variable(panel), width), (variable(lane), 1)])
    at[summed_dim] = variable(line)
    values: list[Value] = []
    for i in range(TAPS):
        for j in range(TAPS):
            here = (TAPS - 1 - i, TAPS - 1 - j) if form.flipped else (i, j)
            at[taps[0]], at[taps[1]] = number(here[0]), number(here[1])
            values.append(Load(dtype, 0, arranged(shape, order).offset(at)))
    columns = [_spread(values[j::TAPS]) for j in range(TAPS)]
    rows = [_spread([column[i] for column in columns]) for i in range(4)]
    stores = []
    for place, value in enumerate(value for row in rows for value in row):
        start = combine([(variable(panel), PLACES), (number(place), 1)])
        offset = combine([(start, line.size * width), (variable(line), width), (variable(lane), 1)])
        stores.append(Store(1, offset, value))
    kernel = Nest((dtype, dtype), (panel, line, lane), (), (), tuple(stores))
    return Planned(kernel, [source, target], [1], form.weights.base, nest_work(kernel))


def inner_order(form: Form) -> tuple[int, ...]:
    """The weights' dimensions, taps first, channels of the result last."""
    channel, summed, *taps = form.dims
    return (*taps, summed, channel)


def _spread(g: Sequence[Value]) -> list[Value]:
    """``G g``: the ends as they are, between them half the sum and half the alternating sum."""
    dtype = g[0].dtype
    half = Constant(dtype, (0.5).hex())
    ends = Apply(dtype, "add", (g[0], g[2]))
    sums = [Apply(dtype, op, (ends, g[1])) for op in ("add", "sub")]
    return [g[0], *(Apply(dtype, "mul", (half, s)) for s in sums), g[2]]
