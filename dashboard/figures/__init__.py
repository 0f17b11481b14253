"""Pictures: arrays and labels in, a Plotly figure with its sentence and its table out.

One file per topic. Nothing here reads the session, draws on a page or fits anything; every label that comes from data passes
through `dashboard.text.plain.plotly`. May import nmfcore, dashboard.text.plain, numpy, scipy, pandas and plotly.
"""

from dashboard.figures.picture import Picture

__all__ = ["Picture"]
