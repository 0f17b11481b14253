"""How are the innermost loops written as vector instructions?

Needs numba. LLVM's own vectors are slower here: the sweep's sum of products takes 5 times as long as a plain loop (see
benchmarks/README.md), so these four are spelled out. Each is one loop over whole vectors of LANES numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8  # numbers per vector; the compiler splits or joins them to what the machine has
TILE = 64  # rows per tile: 8 vectors, which fit the registers
CHUNK = 8  # vectors of one factor row that are summed in registers at one time
WIDE = ir.IntType(64)


class _Vectors:
    """Vectors of LANES numbers of one kind, as an instruction builder writes them down."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any) -> None:
        self.context, self.builder, self.signature, self.args = context, builder, signature, args
        number = context.get_value_type(signature.args[0].dtype)
        self.kind = ir.VectorType(number, LANES)
        self.align = 4 if isinstance(number, ir.FloatType) else 8  # bytes per number

    def data(self, array: Any, kind: Any) -> Any:
        """Where an array's numbers begin."""
        return self.context.make_array(kind)(self.context, self.builder, array).data

    def given(self, place: int) -> Any:
        """`data` of an argument."""
        return self.data(self.args[place], self.signature.args[place])

    def at(self, numbers: Any, place: Any) -> Any:
        """The vector that begins with that number."""
        return self.builder.bitcast(self.builder.gep(numbers, [place]), self.kind.as_pointer())

    def load(self, vector: Any, i: int = 0) -> Any:
        """The i-th vector from there on."""
        return self.builder.load(self.builder.gep(vector, [ir.Constant(WIDE, i)]), align=self.align)

    def store(self, value: Any, vector: Any, i: int = 0) -> None:
        self.builder.store(value, self.builder.gep(vector, [ir.Constant(WIDE, i)]), align=self.align)

    def spread(self, number: Any) -> Any:
        """A vector that is that number in every lane."""
        unknown, first = ir.Constant(self.kind, ir.Undefined), ir.Constant(ir.IntType(32), 0)
        one = self.builder.insert_element(unknown, number, first)
        return self.builder.shuffle_vector(one, unknown, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))

    def muladd(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c, fused where the machine can."""
        name = f"llvm.fmuladd.v{LANES}f{8 * self.align}"
        kind = ir.FunctionType(self.kind, [self.kind] * 3)
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [a, b, c])

    def each_stored(self, place: int, row_length: Any) -> Iterator[tuple[Any, Any]]:
        """For the arguments indices, data and (begin, end): the loop over p in [begin, end), whose body follows, once.

        Gives where row indices[p] of a matrix begins, and data[p] in every lane. Arrays are arguments of their own: in a tuple
        each would be counted as held once more for every row, a tenth of the loop.
        """
        index, kinds = self.signature.args[place].dtype, self.signature.args[place + 2].types
        indices, data = self.given(place), self.given(place + 1)
        span = cgutils.unpack_tuple(self.builder, self.args[place + 2], 2)
        begin, end = (self.context.cast(self.builder, v, kind, types.int64) for v, kind in zip(span, kinds, strict=True))
        with cgutils.for_range_slice(self.builder, begin, end, ir.Constant(WIDE, 1), intp=WIDE) as (p, _):
            row = self.builder.load(self.builder.gep(indices, [p]))
            row = self.builder.sext(row, WIDE) if index.bitwidth < 64 else row
            value = self.spread(self.builder.load(self.builder.gep(data, [p])))
            yield self.builder.mul(row, row_length), value

    def by_chunks(self, vectors: Any, block: Callable[[Any, int], None]) -> None:
        """block(first number, count) for all vectors of a row, CHUNK at one time: so many sums stay in registers."""
        builder = self.builder
        full = builder.udiv(vectors, ir.Constant(WIDE, CHUNK))
        with cgutils.for_range(builder, full, intp=WIDE) as loop:
            block(builder.mul(loop.index, ir.Constant(WIDE, CHUNK * LANES)), CHUNK)
        rest = builder.urem(vectors, ir.Constant(WIDE, CHUNK))
        first = builder.mul(full, ir.Constant(WIDE, CHUNK * LANES))
        for count in range(1, CHUNK):
            with builder.if_then(builder.icmp_unsigned("==", rest, ir.Constant(WIDE, count))):
                block(first, count)


@intrinsic
def add_rows(typingctx: Any, out: Any, at: Any, indices: Any, data: Any, span: Any, other: Any, vectors: Any) -> Any:
    """out[at : at + 8 vectors] = sum over p in [begin, end) of data[p] * other[indices[p]] (rows of 8 vectors numbers).

    span : (begin, end)
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = _Vectors(context, builder, signature, args)
        out_data, other_data = v.given(0), v.given(5)
        row_length = builder.mul(args[6], ir.Constant(WIDE, LANES))

        def block(first: Any, count: int) -> None:
            nothing = ir.Constant(v.kind, [0.0] * LANES)
            sums = [cgutils.alloca_once_value(builder, nothing) for _ in range(count)]
            for s in sums:
                builder.store(nothing, s)
            for row, value in v.each_stored(2, row_length):
                source = v.at(other_data, builder.add(row, first))
                for i, s in enumerate(sums):
                    builder.store(v.muladd(value, v.load(source, i), builder.load(s)), s)
            target = v.at(out_data, builder.add(args[1], first))
            for i, s in enumerate(sums):
                v.store(builder.load(s), target, i)

        v.by_chunks(args[6], block)
        return context.get_dummy_value()

    return types.void(out, types.int64, indices, data, span, other, types.int64), codegen


@intrinsic
def spread_row(typingctx: Any, out: Any, indices: Any, data: Any, span: Any, row: Any, at: Any, vectors: Any) -> Any:
    """out[indices[p]] += data[p] * row[at : at + 8 vectors] for p in [begin, end); rows of `out` are 8 vectors numbers.

    span : (begin, end)
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = _Vectors(context, builder, signature, args)
        out_data, row_data = v.given(0), v.given(4)
        row_length = builder.mul(args[6], ir.Constant(WIDE, LANES))

        def block(first: Any, count: int) -> None:
            source = v.at(row_data, builder.add(args[5], first))
            held = [v.load(source, i) for i in range(count)]
            for to, value in v.each_stored(1, row_length):
                target = v.at(out_data, builder.add(to, first))
                for i, part in enumerate(held):
                    v.store(v.muladd(value, part, v.load(target, i)), target, i)

        v.by_chunks(args[6], block)
        return context.get_dummy_value()

    return types.void(out, indices, data, span, row, types.int64, types.int64), codegen


@intrinsic
def subtract_products(
    typingctx: Any, out: Any, start: Any, start_at: Any, weights: Any, weights_at: Any, rows: Any, count: Any
) -> Any:
    """out[:64] = start[start_at : +64] - sum over j < count of weights[weights_at + j] * rows[64 j : 64 j + 64]."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = _Vectors(context, builder, signature, args)
        weights_data, rows_data, zero = v.given(3), v.given(5), ir.Constant(WIDE, 0)
        sums = [cgutils.alloca_once(builder, v.kind) for _ in range(TILE // LANES)]
        source = v.at(v.given(1), args[2])
        for i, s in enumerate(sums):
            builder.store(v.load(source, i), s)
        with cgutils.for_range(builder, args[6], intp=WIDE) as loop:
            weight = v.spread(builder.fneg(builder.load(builder.gep(weights_data, [builder.add(args[4], loop.index)]))))
            row = v.at(rows_data, builder.mul(loop.index, ir.Constant(WIDE, TILE)))
            for i, s in enumerate(sums):
                builder.store(v.muladd(weight, v.load(row, i), builder.load(s)), s)
        target = v.at(v.given(0), zero)
        for i, s in enumerate(sums):
            v.store(builder.load(s), target, i)
        return context.get_dummy_value()

    return types.void(out, start, types.int64, weights, types.int64, rows, types.int64), codegen


@intrinsic
def turn(typingctx: Any, out: Any, to: Any, width: Any, source: Any, at: Any, stride: Any) -> Any:
    """out[to + i width + j] = source[at + j stride + i] for i, j < 8: a square of 8 × 8 numbers, transposed in registers."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = _Vectors(context, builder, signature, args)
        out_data, source_data = v.given(0), v.given(3)

        def row(data: Any, first: Any, step: Any, i: int) -> Any:
            return v.at(data, builder.add(first, builder.mul(step, ir.Constant(WIDE, i))))

        rows = [v.load(row(source_data, args[4], args[5], i)) for i in range(LANES)]
        for apart in (1, 2, 4):  # swap squares of 1, 2 and 4 numbers across the diagonal
            low = [j if not j & apart else LANES + j - apart for j in range(LANES)]
            high = [j + apart if not j & apart else LANES + j for j in range(LANES)]
            pairs = [(i, i + apart) for i in range(LANES) if not i & apart]
            for i, k in pairs:
                a, b = rows[i], rows[k]
                for to, places in ((i, low), (k, high)):
                    rows[to] = builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), LANES), places))
        for i, turned in enumerate(rows):
            v.store(turned, row(out_data, args[1], args[2], i))
        return context.get_dummy_value()

    return types.void(out, types.int64, types.int64, source, types.int64, types.int64), codegen
