"""How does a result leave this program, so that it can be repeated elsewhere or opened again later?

`script` writes a Python program that makes the same run again: same data, start, solver and number of iterations, hence the same
W and H on a machine with the same libraries (elsewhere they differ by rounding only). `save_run` and `load_run` keep a finished
run in one NPZ file without pickles; `save_matrix` and `load_matrix` do the same for the data of an upload.
"""

from nmfcore.export.matrices import load_matrix, matrix_digest, save_matrix
from nmfcore.export.runs import SavedRun, load_run, read_run, save_run
from nmfcore.export.script import script

__all__ = ["SavedRun", "load_matrix", "load_run", "matrix_digest", "read_run", "save_matrix", "save_run", "script"]
