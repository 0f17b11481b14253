"""Does every registered solver keep every promise?"""

import pytest

from nmfcore.contract import CHECKS
from nmfcore.solvers import SOLVERS


@pytest.mark.parametrize("promise", CHECKS)
@pytest.mark.parametrize("key", SOLVERS)
def test_solver_keeps_its_promise(key, promise):
    CHECKS[promise](SOLVERS[key]())
