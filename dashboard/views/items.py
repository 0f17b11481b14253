"""Items: find one, see what it is made of and why, what is near it, and describe a new one; or all of them in clusters."""

from dashboard import session
from dashboard.widgets import header, items, notices


def draw() -> None:
    run = session.shown()
    if run is None:
        header.draw("Items", None)
        notices.nothing_yet()
        return
    header.draw(items.finding(run), run)
    items.draw(run)


draw()
