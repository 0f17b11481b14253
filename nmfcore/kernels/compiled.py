"""What do the hot loops look like compiled?

Needs numba (the extra [fast]); only engines.py imports this file, and only when a kernel is first used. Each function
here has its plain NumPy twin there. Factors are (m, R) C-ordered with R = the rank rounded up to a multiple of LANES, the padding
zero. Rows are worked on in tiles of TILE, transposed to (R, TILE), so that a HALS sweep over the tile stays in the first-level
cache. The two innermost loops are written as vector instructions: LLVM alone leaves out half of their speed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
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


SETTINGS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "reassoc"}}


@njit(**SETTINGS)
def product(indptr, indices, data, other, out, begin, end):  # type: ignore[no-untyped-def]
    """out[i] = sum_j A_ij other[j] for rows begin <= i < end of CSR A; other (n, R), out (m, R)."""
    width = other.shape[1]
    flat_other, flat_out = other.reshape(-1), out.reshape(-1)
    for i in range(begin, end):
        add_rows(flat_out, i * width, indices, data, indptr[i], indptr[i + 1], flat_other, width // 8)  # type: ignore[call-arg]


@njit(**SETTINGS)
def back_product(indptr, indices, data, W, out, begin, end):  # type: ignore[no-untyped-def]
    """out += A^T W over the rows begin <= i < end of CSR A; W (m, R), out (n, R)."""
    width = W.shape[1]
    flat_W, flat_out = W.reshape(-1), out.reshape(-1)
    for i in range(begin, end):
        spread_row(flat_out, indices, data, indptr[i], indptr[i + 1], flat_W, i * width, width // 8)  # type: ignore[call-arg]


@njit(**SETTINGS)
def sweep_tile(tile, targets, gram, pull, times, l1, l2):  # type: ignore[no-untyped-def]
    """HALS sweeps over one tile (R, 64), in place; by how much 1/2 <F, G F> - <P, F> fell (without l1 and l2).

    A change d of one row lowers it by d (pull - G_kk d / 2), where pull is minus the gradient of the row before the change.
    """
    rank = gram.shape[0]
    flat_gram = gram.reshape(-1)
    zero, one, half = tile.dtype.type(0), tile.dtype.type(1), tile.dtype.type(0.5)
    fell = 0.0
    for _ in range(times):
        for k in range(rank):
            diagonal = gram[k, k]
            if diagonal + l2 <= zero:
                for c in range(64 if l1 > zero else 0):  # a dead component, of which only its price is left
                    tile[k * 64 + c] = zero
                continue
            subtract_products(pull, targets, k * 64, flat_gram, k * rank, tile, rank)  # type: ignore[call-arg]
            inverse = one / (diagonal + l2)
            gained = zero
            for c in range(64):
                old = tile[k * 64 + c]
                new = max(old + (pull[c] - l1 - l2 * old) * inverse, zero)
                change = new - old
                gained += change * (pull[c] - half * diagonal * change)
                tile[k * 64 + c] = new
            fell += gained
    return fell


@njit(**SETTINGS)
def finish_tile(tile, targets, pull, gram, start, previous, beta, times, l1, l2, new, ahead, row, rows):  # type: ignore[no-untyped-def]
    """Sweep the tile of rows [row, row + rows), write the new and the extrapolated rows; <P, start> plus what was gained."""
    width = start.shape[1]
    zero = tile.dtype.type(0)
    for c in range(rows):
        for k in range(width):
            tile[k * 64 + c] = start[row + c, k]
    if rows < 64:
        for k in range(width):
            for c in range(rows, 64):
                tile[k * 64 + c] = zero
                targets[k * 64 + c] = zero
    total = 0.0
    for k in range(width):
        part = zero
        for c in range(64):
            part += tile[k * 64 + c] * targets[k * 64 + c]
        total += part
    total += sweep_tile(tile, targets, gram, pull, times, l1, l2)
    for c in range(rows):
        for k in range(width):
            value = tile[k * 64 + c]
            new[row + c, k] = value
            ahead[row + c, k] = max(value + beta * (value - previous[row + c, k]), zero)
    return total


@njit(**SETTINGS)
def half_sparse(indptr, indices, data, other, gram, start, previous, beta, times, l1, l2, new, ahead, begin, end):  # type: ignore[no-untyped-def]
    """Half an iteration for rows [begin, end) of CSR A, with P = A other computed tile by tile."""
    width = other.shape[1]
    flat_other = other.reshape(-1)
    block, tile = np.empty(64 * width, other.dtype), np.empty(64 * width, other.dtype)
    targets, pull = np.empty(64 * width, other.dtype), np.empty(64, other.dtype)
    total = 0.0
    for row in range(begin, end, 64):
        rows = min(64, end - row)
        for c in range(rows):
            add_rows(block, c * width, indices, data, indptr[row + c], indptr[row + c + 1], flat_other, width // 8)  # type: ignore[call-arg]
        for c in range(rows):
            for k in range(width):
                targets[k * 64 + c] = block[c * width + k]
        total += finish_tile(tile, targets, pull, gram, start, previous, beta, times, l1, l2, new, ahead, row, rows)
    return total


@njit(**SETTINGS)
def half_dense(products, gram, start, previous, beta, times, l1, l2, new, ahead, begin, end):  # type: ignore[no-untyped-def]
    """The same with the rows [begin, end) of P given."""
    width = start.shape[1]
    tile, targets, pull = np.empty(64 * width, start.dtype), np.empty(64 * width, start.dtype), np.empty(64, start.dtype)
    total = 0.0
    for row in range(begin, end, 64):
        rows = min(64, end - row)
        for c in range(rows):
            for k in range(width):
                targets[k * 64 + c] = products[row - begin + c, k]
        total += finish_tile(tile, targets, pull, gram, start, previous, beta, times, l1, l2, new, ahead, row, rows)
    return total


@njit(**SETTINGS)
def newton_rows(indptr, indices, data, other, sums, start, new, sweeps, l1, l2, tiny, wanted, begin, end):  # type: ignore[no-untyped-def]
    """Coordinate Newton for the Kullback-Leibler loss, rows [begin, end); if wanted, the sums of x log y and of x y there."""
    rank = other.shape[1]
    longest = 1
    for i in range(begin, end):
        longest = max(longest, indptr[i + 1] - indptr[i])
    pieces, fit = np.empty(rank * (longest + 16), other.dtype), np.empty(longest + 16, other.dtype)
    values, places = np.empty(longest + 16, other.dtype), np.empty(longest + 16, np.int64)
    flat_other = other.reshape(-1)
    zero, one, limit = other.dtype.type(0), other.dtype.type(1), other.dtype.type(0.683802)
    span = other.dtype.type(0.02)
    logs = 0.0
    cross = 0.0
    for i in range(begin, end):
        first, count = indptr[i], indptr[i + 1] - indptr[i]
        stride = (count + 15) // 16 * 16  # packed, so that one row's pieces stay in the first-level cache; padded for the vectors
        least = largest = data[first] if count else one
        for j in range(count):
            values[j] = data[first + j]
            places[j] = indices[first + j] * rank
            least = min(least, values[j])
            largest = max(largest, values[j])
        steep = one / np.sqrt(least)
        wide = least < span * largest
        for j in range(count, stride):
            values[j] = zero
            places[j] = 0
        for j in range(stride):
            fit[j] = zero
        for k in range(rank):
            weight = start[i, k]
            new[i, k] = weight
            piece = pieces[k * stride : (k + 1) * stride]  # a view: numba takes every computed index for one that may be negative
            for j in range(stride):
                piece[j] = flat_other[places[j] + k]
            for j in range(stride):
                fit[j] += weight * piece[j]
        for j in range(stride):
            fit[j] = max(fit[j], tiny)
        for _ in range(sweeps):
            for k in range(rank):
                pull, curve = zero, zero
                piece = pieces[k * stride : (k + 1) * stride]
                for j in range(stride):
                    share = piece[j] / fit[j]
                    pulled = values[j] * share
                    pull += pulled
                    curve += pulled * share
                old = new[i, k]
                slope = sums[k] + l1 + l2 * old - pull
                curve += l2
                if curve > zero:
                    change = max(-slope / curve, -old)
                    size = steep * np.sqrt(curve) * -change
                    if slope > zero and size > limit and not wide:
                        change /= one + size
                    elif slope > zero and size > limit:
                        steepest = zero
                        for j in range(count):
                            steepest = max(steepest, piece[j] / fit[j])
                        change = max(-slope / (curve + steepest * slope), -old)
                elif slope > zero:
                    change = -old
                else:
                    change = zero
                if change != zero:
                    new[i, k] = max(old + change, zero)
                    for j in range(stride):
                        fit[j] = max(fit[j] + change * piece[j], tiny)
        for j in range(count if wanted else 0):
            logs += data[first + j] * np.log(np.float64(fit[j]))
            cross += data[first + j] * fit[j]
    return logs, cross


@njit(**SETTINGS)
def cubic_minimum(a, b):  # type: ignore[no-untyped-def]
    """argmin over x >= 0 of x^4/4 + a x^2/2 + b x; its plain twin, with its source, is in solvers/symmetric.py."""
    if b >= 0 and a >= 0:
        return 0.0
    inside = (b / 2) ** 2 + (a / 3) ** 3
    if inside >= 0:
        if b >= 0:
            return 0.0
        u = np.cbrt(-b / 2 + math.sqrt(inside))
        x = u - a / (3 * u) if u > 0 else np.cbrt(-b)
    else:
        half = math.sqrt(-a / 3)
        x = 2 * half * math.cos(math.acos(max(-1.0, min(1.0, -b / (2 * half**3)))) / 3)
    slope = 3 * x * x + a
    if slope > 0:
        x -= (x * x * x + a * x + b) / slope
    if x <= 0 or (b >= 0 and x**4 / 4 + a * x * x / 2 + b * x >= 0):
        return 0.0
    return x


@njit(**SETTINGS)
def symmetric_row(S, i, gram, pull, own):  # type: ignore[no-untyped-def]
    """One pass over the entries of row i of S (n, r), given pull = C_i S without c_ii s_i, and gram = S^T S; both kept right."""
    rank = S.shape[1]
    total = 0.0
    for k in range(rank):
        total += S[i, k] * S[i, k]
        for j in range(rank):
            gram[k, j] -= S[i, k] * S[i, j]  # of all other rows, until the end
    for k in range(rank):
        pull[k] = -pull[k]
        for j in range(rank):
            pull[k] += gram[k, j] * S[i, j]  # the slope, without what the row does to itself
    for k in range(rank):
        x, bend = S[i, k], gram[k, k]
        rest = total - x * x
        new = cubic_minimum(rest + bend - own, pull[k] - bend * x)
        if new != x:
            for j in range(rank):
                pull[j] += gram[k, j] * (new - x)
            total = rest + new * new
            S[i, k] = new
    for k in range(rank):
        for j in range(rank):
            gram[k, j] += S[i, k] * S[i, j]


@njit(**SETTINGS)
def symmetric_dense(C, S, gram):  # type: ignore[no-untyped-def]
    """Coordinate descent of ||C - S S^T||, one pass over all rows; S (n, r) and gram = S^T S are float64 and change in place."""
    n, rank = S.shape
    pull = np.empty(rank)
    for i in range(n):
        pull[:] = 0.0
        for j in range(n):
            value = np.float64(C[i, j])
            if value != 0.0 and j != i:
                for k in range(rank):
                    pull[k] += value * S[j, k]
        symmetric_row(S, i, gram, pull, np.float64(C[i, i]))


@njit(**SETTINGS)
def symmetric_sparse(indptr, indices, data, S, gram):  # type: ignore[no-untyped-def]
    """The same for CSR C.

    S : (n, r);  indptr, indices, data : C (n, n);  gram : (r, r), SᵀS
    """
    n, rank = S.shape
    pull = np.empty(rank)
    for i in range(n):
        pull[:] = 0.0
        own = 0.0
        for p in range(indptr[i], indptr[i + 1]):
            j, value = indices[p], np.float64(data[p])
            if j == i:
                own += value
            else:
                for k in range(rank):
                    pull[k] += value * S[j, k]
        symmetric_row(S, i, gram, pull, own)


def warm(dtype: np.dtype) -> None:
    """Compile every kernel for one dtype by running it on a tiny problem (int32 indices, as scipy makes them)."""
    one = np.ones((1, LANES), dtype)
    indptr, indices, data = np.array([0, 1], np.int32), np.zeros(1, np.int32), np.ones(1, dtype)
    gram, zero = np.ones((1, 1), dtype), dtype.type(0)
    product(indptr, indices, data, one, one.copy(), 0, 1)
    back_product(indptr, indices, data, one, one.copy(), 0, 1)
    half_sparse(indptr, indices, data, one, gram, one, one, zero, 1, zero, zero, one.copy(), one.copy(), 0, 1)
    half_dense(one, gram, one, one, zero, 1, zero, zero, one.copy(), one.copy(), 0, 1)
    newton_rows(indptr, indices, data, one, np.ones(LANES, dtype), one, one.copy(), 1, zero, zero, dtype.type(1e-9), True, 0, 1)
    S, square = np.ones((1, 1)), np.ones((1, 1))
    symmetric_dense(gram, S, square)
    symmetric_sparse(indptr, indices, data, S, square)
