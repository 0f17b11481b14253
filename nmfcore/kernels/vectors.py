"""How are the innermost loops written as vector instructions?

Needs numba. LLVM's own vectors are slower here: the sweep's sum of products takes 5 times as long as a plain loop (see
benchmarks/README.md), so these four are spelled out. Each is one loop over whole vectors of LANES numbers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8  # numbers per vector; the compiler splits or joins them to what the machine has
TILE = 64  # rows per tile: 8 vectors, which fit the registers
CHUNK = 8  # vectors of one factor row that are summed in registers at one time


def _muladd(builder: Any, vector: Any) -> Any:
    """LLVM's a * b + c on vectors, fused where the machine can."""
    name = f"llvm.fmuladd.v{LANES}f{32 if isinstance(vector.element, ir.FloatType) else 64}"
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)


@intrinsic
def add_rows(typingctx: Any, out: Any, at: Any, indices: Any, data: Any, begin: Any, end: Any, other: Any, vectors: Any) -> Any:
    """out[at : at + 8 vectors] = sum over p in [begin, end) of data[p] * other[indices[p]] (rows of 8 vectors numbers)."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = context.get_value_type(signature.args[0].dtype)
        index = context.get_value_type(signature.args[2].dtype)
        vector = ir.VectorType(number, LANES)
        wide = ir.IntType(64)
        arrays = [context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 2, 3, 6)]
        out_data, indices_data, values_data, other_data = arrays
        at_, begin_, end_, vectors_ = args[1], args[4], args[5], args[7]
        bytes_per = 4 if isinstance(number, ir.FloatType) else 8
        muladd = _muladd(builder, vector)
        row_length = builder.mul(vectors_, ir.Constant(wide, LANES))

        def block(first: Any, count: int) -> None:
            """Sum `count` vectors beginning with vector `first` of every row."""
            sums = [cgutils.alloca_once_value(builder, ir.Constant(vector, [0.0] * LANES)) for _ in range(count)]
            for s in sums:
                builder.store(ir.Constant(vector, [0.0] * LANES), s)
            offset = builder.mul(first, ir.Constant(wide, LANES))
            with cgutils.for_range_slice(builder, begin_, end_, ir.Constant(wide, 1), intp=wide) as (p, _):
                row = builder.load(builder.gep(indices_data, [p]))
                row = builder.sext(row, wide) if index.width < 64 else row
                value = builder.load(builder.gep(values_data, [p]))
                spread = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
                spread = builder.shuffle_vector(
                    spread, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
                )
                place = builder.add(builder.mul(row, row_length), offset)
                source = builder.bitcast(builder.gep(other_data, [place]), vector.as_pointer())
                for i, s in enumerate(sums):
                    part = builder.load(builder.gep(source, [ir.Constant(wide, i)]), align=bytes_per)
                    builder.store(builder.call(muladd, [spread, part, builder.load(s)]), s)
            target = builder.bitcast(builder.gep(out_data, [builder.add(at_, offset)]), vector.as_pointer())
            for i, s in enumerate(sums):
                builder.store(builder.load(s), builder.gep(target, [ir.Constant(wide, i)]), align=bytes_per)

        full = builder.udiv(vectors_, ir.Constant(wide, CHUNK))
        with cgutils.for_range(builder, full, intp=wide) as loop:
            block(builder.mul(loop.index, ir.Constant(wide, CHUNK)), CHUNK)
        rest = builder.urem(vectors_, ir.Constant(wide, CHUNK))
        first = builder.mul(full, ir.Constant(wide, CHUNK))
        for count in range(1, CHUNK):
            with builder.if_then(builder.icmp_unsigned("==", rest, ir.Constant(wide, count))):
                block(first, count)
        return context.get_dummy_value()

    return types.void(out, types.int64, indices, data, types.int64, types.int64, other, types.int64), codegen


@intrinsic
def spread_row(typingctx: Any, out: Any, indices: Any, data: Any, begin: Any, end: Any, row: Any, at: Any, vectors: Any) -> Any:
    """out[indices[p]] += data[p] * row[at : at + 8 vectors] for p in [begin, end); rows of `out` are 8 vectors numbers."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = context.get_value_type(signature.args[0].dtype)
        index = context.get_value_type(signature.args[1].dtype)
        vector = ir.VectorType(number, LANES)
        wide = ir.IntType(64)
        arrays = [context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 1, 2, 5)]
        out_data, indices_data, values_data, row_data = arrays
        begin_, end_, at_, vectors_ = args[3], args[4], args[6], args[7]
        bytes_per = 4 if isinstance(number, ir.FloatType) else 8
        muladd = _muladd(builder, vector)
        row_length = builder.mul(vectors_, ir.Constant(wide, LANES))

        def block(first: Any, count: int) -> None:
            """Add `count` vectors beginning with vector `first` of the row."""
            offset = builder.mul(first, ir.Constant(wide, LANES))
            source = builder.bitcast(builder.gep(row_data, [builder.add(at_, offset)]), vector.as_pointer())
            held = [builder.load(builder.gep(source, [ir.Constant(wide, i)]), align=bytes_per) for i in range(count)]
            with cgutils.for_range_slice(builder, begin_, end_, ir.Constant(wide, 1), intp=wide) as (p, _):
                to = builder.load(builder.gep(indices_data, [p]))
                to = builder.sext(to, wide) if index.width < 64 else to
                value = builder.load(builder.gep(values_data, [p]))
                spread = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
                spread = builder.shuffle_vector(
                    spread, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
                )
                place = builder.add(builder.mul(to, row_length), offset)
                target = builder.bitcast(builder.gep(out_data, [place]), vector.as_pointer())
                for i, part in enumerate(held):
                    cell = builder.gep(target, [ir.Constant(wide, i)])
                    old = builder.load(cell, align=bytes_per)
                    builder.store(builder.call(muladd, [spread, part, old]), cell, align=bytes_per)

        full = builder.udiv(vectors_, ir.Constant(wide, CHUNK))
        with cgutils.for_range(builder, full, intp=wide) as loop:
            block(builder.mul(loop.index, ir.Constant(wide, CHUNK)), CHUNK)
        rest = builder.urem(vectors_, ir.Constant(wide, CHUNK))
        first = builder.mul(full, ir.Constant(wide, CHUNK))
        for count in range(1, CHUNK):
            with builder.if_then(builder.icmp_unsigned("==", rest, ir.Constant(wide, count))):
                block(first, count)
        return context.get_dummy_value()

    return types.void(out, indices, data, types.int64, types.int64, row, types.int64, types.int64), codegen


@intrinsic
def subtract_products(
    typingctx: Any, out: Any, start: Any, start_at: Any, weights: Any, weights_at: Any, rows: Any, count: Any
) -> Any:
    """out[:64] = start[start_at : +64] - sum over j < count of weights[weights_at + j] * rows[64 j : 64 j + 64]."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = context.get_value_type(signature.args[0].dtype)
        vector = ir.VectorType(number, LANES)
        wide = ir.IntType(64)
        arrays = [context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 1, 3, 5)]
        out_data, start_data, weights_data, rows_data = arrays
        bytes_per = 4 if isinstance(number, ir.FloatType) else 8
        muladd = _muladd(builder, vector)
        parts = TILE // LANES
        sums = [cgutils.alloca_once(builder, vector) for _ in range(parts)]
        source = builder.bitcast(builder.gep(start_data, [args[2]]), vector.as_pointer())
        for i, s in enumerate(sums):
            builder.store(builder.load(builder.gep(source, [ir.Constant(wide, i)]), align=bytes_per), s)
        with cgutils.for_range(builder, args[6], intp=wide) as loop:
            weight = builder.load(builder.gep(weights_data, [builder.add(args[4], loop.index)]))
            weight = builder.fneg(weight)
            spread = builder.insert_element(ir.Constant(vector, ir.Undefined), weight, ir.Constant(ir.IntType(32), 0))
            spread = builder.shuffle_vector(
                spread, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
            )
            row = builder.gep(rows_data, [builder.mul(loop.index, ir.Constant(wide, TILE))])
            row = builder.bitcast(row, vector.as_pointer())
            for i, s in enumerate(sums):
                part = builder.load(builder.gep(row, [ir.Constant(wide, i)]), align=bytes_per)
                builder.store(builder.call(muladd, [spread, part, builder.load(s)]), s)
        target = builder.bitcast(out_data, vector.as_pointer())
        for i, s in enumerate(sums):
            builder.store(builder.load(s), builder.gep(target, [ir.Constant(wide, i)]), align=bytes_per)
        return context.get_dummy_value()

    return types.void(out, start, types.int64, weights, types.int64, rows, types.int64), codegen


@intrinsic
def turn(typingctx: Any, out: Any, to: Any, width: Any, source: Any, at: Any, stride: Any) -> Any:
    """out[to + i width + j] = source[at + j stride + i] for i, j < 8: a square of 8 × 8 numbers, transposed in registers."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = context.get_value_type(signature.args[0].dtype)
        vector, wide = ir.VectorType(number, LANES), ir.IntType(64)
        bytes_per = 4 if isinstance(number, ir.FloatType) else 8
        out_data, source_data = (context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 3))

        def row(data: Any, first: Any, step: Any, i: int) -> Any:
            place = builder.add(first, builder.mul(step, ir.Constant(wide, i)))
            return builder.bitcast(builder.gep(data, [place]), vector.as_pointer())

        rows = [builder.load(row(source_data, args[4], args[5], i), align=bytes_per) for i in range(LANES)]
        for apart in (1, 2, 4):  # swap squares of 1, 2 and 4 numbers across the diagonal
            low = [j if not j & apart else LANES + j - apart for j in range(LANES)]
            high = [j + apart if not j & apart else LANES + j for j in range(LANES)]
            pairs = [(i, i + apart) for i in range(LANES) if not i & apart]
            for i, k in pairs:
                a, b = rows[i], rows[k]
                for to, places in ((i, low), (k, high)):
                    rows[to] = builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), LANES), places))
        for i, turned in enumerate(rows):
            builder.store(turned, row(out_data, args[1], args[2], i), align=bytes_per)
        return context.get_dummy_value()

    return types.void(out, types.int64, types.int64, source, types.int64, types.int64), codegen
