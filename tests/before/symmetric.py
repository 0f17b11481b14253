"""Symmetric topics: C from keywords, S from C, items projected with S fixed; beside the joint NMF."""

from nmfcore import topics
from nmfcore.data import as_dataset, load_prepared, read_matrix
from nmfcore.spec import StopRule
from nmfcore.symmetric_topics import compare, cooccurrence, fit_topics, item_topics, items_of_topics, symmetric_floor

dataset = load_prepared("movies")
table = cooccurrence(
    dataset.X,
    weighting='binary',
    normalisation='cosine',
    diagonal=True,
    axes=dataset.axes,
)
stop = StopRule(tol=1e-06, max_iter=500, max_seconds=120.0)
fit = fit_topics(table, 6, seed=0, stop=stop)
S = fit.W
print("relative error of C", fit.relative_error, "floor", symmetric_floor(table.C, 6))
V = item_topics(table, S)
for k, (name, items) in enumerate(zip(topics.names(S.T, dataset.axes.columns), items_of_topics(V, S))):
    print(k + 1, name, "|", ", ".join(dataset.axes.rows.take(items)))

both = compare(table, 6, seeds=(0, 1, 2, 3, 4))
for side in (both.stepwise, both.joint):
    print(side.name, side.error, side.topic_sparsity, side.item_sparsity, side.stability, side.keywords_stability)
