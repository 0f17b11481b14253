"""A map of the items: near means alike; coloured by topic, fact or share; searched, and lassoed into a filter."""

from dashboard import session
from dashboard.cards import map_points, subset
from dashboard.widgets import filter_bar, header, notices


def draw() -> None:
    run = session.shown_run()
    if run is None:
        header.draw("Map", None)
        notices.nothing_yet()
        return
    shown = session.topics_of(run)
    header.draw(f"A map of {run.dataset.shape[0]:,} {map_points.rows_name(run)}", run)
    found = filter_bar.draw(shown)
    subset.draw(shown, found)
    map_points.draw(shown, found)


draw()
