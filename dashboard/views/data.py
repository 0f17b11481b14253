"""Data: pick a data set or bring your own; its card says what rows, columns, values and zeros mean."""

import streamlit as st

from dashboard import session
from dashboard.cards import catalog_picker, data_card, importer, memory, open_session
from dashboard.widgets import header


def draw() -> None:
    data = session.chosen_data()
    header.draw("Data", None)
    left, right = st.columns([2, 5])
    with left:
        picked = catalog_picker.draw()
    with right:
        if picked == catalog_picker.UPLOAD:
            importer.draw()
            open_session.draw()
        else:
            catalog_picker.options(picked)
            if data is not None and data.key == picked:
                data_card.draw(data)
            else:
                data_card.before_loading(picked)
        memory.draw()


draw()
