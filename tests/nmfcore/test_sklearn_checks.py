"""Everything of scikit-learn's own estimator checks, on the estimator: what its NMF passes, ours passes."""

import pytest
from sklearn.utils.estimator_checks import check_param_validation, parametrize_with_checks

from nmfcore import NMF


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([NMF(max_iter=500), NMF(2, solver="mu", beta_loss="kullback-leibler", max_iter=500)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_parameters_are_validated_as_scikit_learn_validates_its_own():
    check_param_validation("NMF", NMF())
