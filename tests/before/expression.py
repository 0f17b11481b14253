"""Expression: metagenes, consensus over starts, misplaced samples, defining genes."""

from nmfcore import scale
from nmfcore.data import as_dataset, load_prepared, read_matrix
from nmfcore.expression import SCALE, defining_genes, explore_ranks
from nmfcore.spec import StopRule

dataset = load_prepared("leukemia")
X = dataset.X  # genes x samples
samples = dataset.axes.columns
genes = dataset.axes.rows
classes = dataset.column_classes
known = None if classes is None else [classes.names[i] for i in classes.index]
stop = StopRule(tol=1e-06, max_iter=2000, max_seconds=60.0)

for report in explore_ranks(X, (2, 3, 4, 5), runs=3, seed=0, known=known, axis=samples, stop=stop):
    print(report.rank, report.consensus.cophenetic, report.consensus.dispersion, min(report.errors))
    if report.agreement is not None:
        print("  misplaced:", ", ".join(sample.label for sample in report.agreement.misplaced) or "none")
    if report.rank == 2:
        found = defining_genes(scale.apply(report.best.W, report.best.H, SCALE).W)
        for k, members in enumerate(found.of):
            print("  metagene", k + 1, genes.take(members[:10]))
