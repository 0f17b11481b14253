"""The recommender's numbers: neighbours, masked factorization, held-out error."""

import numpy as np

from nmfcore import scale, solve
from nmfcore.recommend import Ratings, estimate_rating, fit_observed, held_out_errors, predict
from nmfcore.similarity import cosine_rows
from nmfcore.spec import StopRule

ratings = Ratings(
    np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 5, 5, 5, 5, 6, 6, 6]),
    np.array([0, 1, 3, 4, 0, 1, 2, 3, 4, 1, 2, 4, 0, 1, 1, 2, 3, 4, 0, 1, 2]),
    np.array([4.8, 4.0, 4.9, 2.1, 4.7, 4.1, 3.5, 4.0, 4.4, 4.8, 4.0, 4.7, 4.6, 4.9, 4.7, 4.6, 4.4, 4.9, 2.1, 1.5, 2.5]),
    (7, 5),
)
item, user, k = 2, 0, 3
stop = StopRule(tol=1e-07, max_iter=1000, max_seconds=20.0)

with_zeros = solve(ratings.matrix().toarray(), 2, init="random", seed=0, stop=stop)
W = scale.apply(with_zeros.W, with_zeros.H, 'H rows L1').W
similarity = cosine_rows(W[[item]], W)[0]
print(estimate_rating(ratings, similarity, item, user, k=k).arithmetic())
print(estimate_rating(ratings, similarity, item, user, k=k, only_rated=True).arithmetic())

for ridge in (0.0, 1.0):
    fit = fit_observed(ratings, 2, ridge=ridge, seed=0, stop=stop)
    print("masked, ridge", ridge, predict(fit.W, fit.H, [item], [user])[0])

ridges = (0.0, 1.0)
for model in held_out_errors(ratings, 2, ridges=ridges, share=0.2, splits=5, seed=0):
    print(f"{model.name:28} {model.mean:.4f} +- {model.spread:.4f}")
