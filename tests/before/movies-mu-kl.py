"""Repeats one factorization exactly. Written by nmf-dashboard 0.1.0.

    pip install nmf-dashboard==0.1.0
    python THIS_FILE.py

writes factors.npz with W and H. The original run ended so: "The iteration limit was reached".
"""

import numpy as np

import nmfcore
from nmfcore import Penalty, RunSpec, solve

SPEC = RunSpec.from_dict(
{'data': 'movies',
 'data_options': {},
 'preparation': [],
 'fingerprint': '54b453e54744047ff9d1bfbae595ff1ae4fa3ba519b38f1405272460363b688b',
 'solver': 'mu',
 'solver_options': {},
 'loss': 'kullback-leibler',
 'rank': 5,
 'init': 'random',
 'seed': 3,
 'stop': {'tol': 0.0, 'max_iter': 60, 'max_seconds': None, 'kkt': 0.0},
 'penalty': {},
 'symmetric': False}
)
EXPECTED_RELATIVE_ERROR = 0.919896923220388

from nmfcore.data import catalog

dataset = catalog.load_prepared(SPEC.data, dict(SPEC.data_options), list(SPEC.preparation))
X, mask = dataset.X, dataset.mask
if SPEC.fingerprint and dataset.fingerprint != SPEC.fingerprint:
    print("The data differs from the original's: another source or version of it was found.")

if nmfcore.__version__ != "0.1.0":
    print(f"Made with nmfcore 0.1.0, this is {nmfcore.__version__}: results may differ.")
fit = solve(
    X,
    SPEC.rank,
    solver=SPEC.solver,
    solver_options=SPEC.solver_options,
    init=SPEC.init,
    seed=SPEC.seed,
    loss=SPEC.loss,
    stop=SPEC.stop,
    mask=mask,
    symmetric=SPEC.symmetric,
    penalty=Penalty(**SPEC.penalty),
)
np.savez("factors.npz", W=fit.W, H=fit.H)
print(f"Relative error {fit.relative_error:.6f}, expected {EXPECTED_RELATIVE_ERROR:.6f}")
