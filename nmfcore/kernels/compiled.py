"""What do the hot loops look like compiled?

Needs numba (the extra [fast]); only available.py imports this file, and only when a kernel is first used. Each function here
has its plain NumPy twin in plain.py or newton.py. Factors are (m, R) C-ordered with R = the rank rounded up to a multiple of
LANES, the padding zero; those of several starts stand side by side, start s in the columns [s r, s r + r). Rows are worked on in
tiles of TILE, transposed to (R, TILE), so that a HALS sweep over the tile stays in the first-level cache. The innermost loops are
in vectors.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from nmfcore.kernels.vectors import LANES, TILE, add_rows, spread_row, subtract_products, turn

SETTINGS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "reassoc"}}


@njit(**SETTINGS)
def product(indptr, indices, data, other, out, begin, end):  # type: ignore[no-untyped-def]
    """out[i] = sum_j A_ij other[j] for rows begin <= i < end of CSR A; other (n, R), out (m, R)."""
    width = other.shape[1]
    flat_other, flat_out = other.reshape(-1), out.reshape(-1)
    for i in range(begin, end):
        add_rows(flat_out, i * width, indices, data, (indptr[i], indptr[i + 1]), flat_other, width // 8)  # type: ignore[call-arg]


@njit(**SETTINGS)
def back_product(indptr, indices, data, W, out, begin, end):  # type: ignore[no-untyped-def]
    """out += A^T W over the rows begin <= i < end of CSR A; W (m, R), out (n, R)."""
    width = W.shape[1]
    flat_W, flat_out = W.reshape(-1), out.reshape(-1)
    for i in range(begin, end):
        spread_row(flat_out, indices, data, (indptr[i], indptr[i + 1]), flat_W, i * width, width // 8)  # type: ignore[call-arg]


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
def turn_in(tile, rows, at, width, count, rank):  # type: ignore[no-untyped-def]
    """tile (R, 64) <- `count` rows of `rank` numbers, the first at `at`, each `width` after the other; zeros beyond them."""
    if count == TILE:
        for c in range(0, TILE, LANES):
            for k in range(0, rank, LANES):
                turn(tile, k * TILE + c, TILE, rows, at + c * width + k, width)  # type: ignore[call-arg]
        return
    tile[:] = tile.dtype.type(0)
    for c in range(count):
        for k in range(rank):
            tile[k * TILE + c] = rows[at + c * width + k]


@njit(**SETTINGS)
def turn_out(tile, rows, at, width, count, rank):  # type: ignore[no-untyped-def]
    """The other way; of the last vector of each row also what is beyond the rank."""
    if count == TILE:
        for c in range(0, TILE, LANES):
            for k in range(0, rank, LANES):
                turn(rows, at + c * width + k, width, tile, k * TILE + c, TILE)  # type: ignore[call-arg]
        return
    for c in range(count):
        for k in range((rank + LANES - 1) // LANES * LANES):
            rows[at + c * width + k] = tile[k * TILE + c]


@njit(**SETTINGS)
def gram_rows(F, at, rank, room, begin, end):  # type: ignore[no-untyped-def]
    """The Gram matrix (r, r), in float64, of the columns [at, at + r) of the rows [begin, end) of F (m, R).

    room : (64 R,) in whose precision the products of 64 rows are summed
    """
    width, flat = F.shape[1], F.reshape(-1)
    tile, total = np.empty(len(room), F.dtype), np.zeros((rank, rank))
    for row in range(begin, end, 64):
        turn_in(tile, flat, row * width + at, width, min(64, end - row), rank)
        for i in range(len(room)):
            room[i] = tile[i]
        for k in range(rank):
            one = room[k * 64 : k * 64 + 64]
            for j in range(k + 1):
                other, part = room[j * 64 : j * 64 + 64], room.dtype.type(0)
                for c in range(64):
                    part += one[c] * other[c]
                total[k, j] += part
    for k in range(rank):
        for j in range(k):
            total[j, k] = total[k, j]
    return total


@njit(**SETTINGS)
def finish_tile(tiles, block, at, grams, factor, pace, span, gained):  # type: ignore[no-untyped-def]
    """Sweep the rows of `span` = (first, how many) of every start, with P in `block` from `at` on; write new and further ones.

    pace : as in `half_sparse`;  gained : (starts,), to which <P, start> plus what the sweeps won is added
    """
    tile, targets, pull = tiles
    start, previous, new, ahead = factor
    further, times, l1, l2 = pace
    row, rows = span
    rank, width = grams.shape[1], start.shape[1]
    flat_start, flat_new = start.reshape(-1), new.reshape(-1)
    for s in range(len(grams)):
        turn_in(tile, flat_start, row * width + s * rank, width, rows, rank)
        turn_in(targets, block, at + s * rank, width, rows, rank)
        total = 0.0
        for k in range(rank):
            part = tile.dtype.type(0)
            for c in range(64):
                part += tile[k * 64 + c] * targets[k * 64 + c]
            total += part
        gained[s] += total + sweep_tile(tile, targets, grams[s], pull, times, l1, l2)
        turn_out(tile, flat_new, row * width + s * rank, width, rows, rank)  # what it writes beyond is the next start's
    beyond = (len(grams) - 1) * rank + (rank + LANES - 1) // LANES * LANES
    for c in range(rows if beyond < width else 0):
        flat_new[(row + c) * width + beyond : (row + c + 1) * width] = tile.dtype.type(0)
    begin, end = row * width, (row + rows) * width
    made, before, on = flat_new[begin:end], previous.reshape(-1)[begin:end], ahead.reshape(-1)[begin:end]
    zero = tile.dtype.type(0)
    for i in range(end - begin):
        on[i] = max(made[i] + further[i] * (made[i] - before[i]), zero)


@njit(**SETTINGS)
def half_sparse(A, other, grams, factor, pace, begin, end):  # type: ignore[no-untyped-def]
    """Half an iteration for rows [begin, end) of CSR A = (indptr, indices, data), with P = A other computed tile by tile.

    Of one start or of several side by side: start s has the columns [s r, s r + r) of `other` and of every array of `factor` =
    (start, previous, new, ahead). grams : (starts, r, r);  pace : (the step ahead of every column, 64 times, (64 R,); sweeps; l1;
    l2).  Returns for every start <P, start> plus what the sweeps won, (starts,).
    """
    indptr, indices, data = A
    width, rank = other.shape[1], grams.shape[1]
    flat_other, block = other.reshape(-1), np.empty(64 * width, other.dtype)
    high = 64 * ((rank + LANES - 1) // LANES * LANES)
    tiles = (np.empty(high, other.dtype), np.empty(high, other.dtype), np.empty(64, other.dtype))
    gained = np.zeros(len(grams))
    for row in range(begin, end, 64):
        rows = min(64, end - row)
        for c in range(rows):
            span = (indptr[row + c], indptr[row + c + 1])
            add_rows(block, c * width, indices, data, span, flat_other, width // 8)  # type: ignore[call-arg]
        finish_tile(tiles, block, 0, grams, factor, pace, (row, rows), gained)
    return gained


@njit(**SETTINGS)
def half_dense(products, grams, factor, pace, begin, end):  # type: ignore[no-untyped-def]
    """The same with the rows [begin, end) of P given."""
    width, rank, dtype = products.shape[1], grams.shape[1], products.dtype
    flat_products = products.reshape(-1)
    high = 64 * ((rank + LANES - 1) // LANES * LANES)
    tiles = (np.empty(high, dtype), np.empty(high, dtype), np.empty(64, dtype))
    gained = np.zeros(len(grams))
    for row in range(begin, end, 64):
        rows = min(64, end - row)
        finish_tile(tiles, flat_products, (row - begin) * width, grams, factor, pace, (row, rows), gained)
    return gained


@njit(**SETTINGS)
def newton_rows(A, other, rule, start, new, wanted, begin, end):  # type: ignore[no-untyped-def]
    """Coordinate Newton for the Kullback-Leibler loss, rows [begin, end) of CSR A (m, n) = (indptr, indices, data).

    rule : (sums of other's columns, passes, l1, l2, what WH is kept above).  Returns, if wanted, the sums of x log y and of x y.
    One function, whole: cut in two, LLVM orders its sums otherwise, and the runs of before would not be repeated to the last bit.
    """
    indptr, indices, data = A
    sums, sweeps, l1, l2, tiny = rule
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
    grams, factor, pace = gram[None], (one, one, one.copy(), one.copy()), (np.zeros(TILE * LANES, dtype), 1, zero, zero)
    half_sparse((indptr, indices, data), one, grams, factor, pace, 0, 1)
    half_dense(one, grams, factor, pace, 0, 1)
    newton_rows(
        (indptr, indices, data), one, (np.ones(LANES, dtype), 1, zero, zero, dtype.type(1e-9)), one, one.copy(), True, 0, 1
    )
    S, square = np.ones((1, 1)), np.ones((1, 1))
    symmetric_dense(gram, S, square)
    symmetric_sparse(indptr, indices, data, S, square)
