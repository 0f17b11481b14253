"""Images: parts by NMF (with the page's warm starts), beside SVD, PCA and k-means."""

from nmfcore.data import as_dataset, load_prepared, read_matrix
from nmfcore.images import change_rank, describe, kmeans_model, pca_model, svd_model
from nmfcore.run import solve
from nmfcore.spec import StopRule

X = load_prepared("digits").X
stop = StopRule(tol=0.0001, max_iter=300, max_seconds=60.0)
result = None
for rank in (4, 6):
    start = {}
    if result is not None:
        warm = change_rank(X, result.factors, rank)
        start = {"W": warm.W.astype(X.dtype), "H": warm.H.astype(X.dtype)}
    result = solve(X, rank, seed=0, stop=stop, **start)

nmf = describe(X, "NMF", result.W, result.H)
for model in (nmf, svd_model(X, rank), pca_model(X, rank), kmeans_model(X, rank, seed=0)):
    print(model.name, model.relative_error, model.parts_sparsity, model.codes_sparsity)
