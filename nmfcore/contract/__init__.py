"""Does a solver keep what every solver here promises?

`check_solver(solver)` runs all checks, or `check(solver)` one of them; each raises `AssertionError` with a sentence that says
what was broken. The tests run them over the registry, and over deliberately wrong solvers that each check has to catch. Write
a new solver against them: they need nothing but the solver object.

What may differ between solvers is declared by the solver (`supports`, `monotone`, `ordered`), never guessed here.
"""

from __future__ import annotations

from collections.abc import Callable

from nmfcore.contract import conduct, numbers
from nmfcore.contract.cases import Case as Case
from nmfcore.contract.cases import case_for as case_for
from nmfcore.contract.cases import fit as fit
from nmfcore.contract.cases import run_of as run_of
from nmfcore.contract.cases import steps as steps
from nmfcore.solvers.protocol import Solver

Check = Callable[[Solver], None]

CHECKS: dict[str, Check] = {
    f.__name__.removeprefix("check_"): f
    for f in (
        conduct.check_nonnegative_and_finite,
        conduct.check_inputs_untouched,
        conduct.check_factors_handed_out_stay,
        conduct.check_same_beside_others,
        conduct.check_same_seed_same_result,
        numbers.check_monotone,
        numbers.check_penalties_hold,
        numbers.check_reported_loss,
        numbers.check_what_is_shown_as_final_is_exact,
        numbers.check_svd_floor,
        numbers.check_units_do_not_matter,
        conduct.check_order_does_not_matter,
        conduct.check_sparse_equals_dense,
        conduct.check_float32_agrees,
        conduct.check_zero_rows_and_columns,
        numbers.check_exact_is_fixed_point,
        numbers.check_planted_factors_are_found,
        numbers.check_rank_one,
        conduct.check_masked_entries_do_not_matter,
        conduct.check_transposition_mirrors,
        conduct.check_shapes_and_special_matrices,
        conduct.check_zeros_in_the_start_are_safe,
    )
}


def check_solver(solver: Solver) -> None:
    """All checks, in order.

    Raises
    ------
    AssertionError
        By the first promise that is not kept.
    """
    for check in CHECKS.values():
        check(solver)
