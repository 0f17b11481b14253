"""Which file does Streamlit run? This one: by `streamlit run dashboard/app.py` or by the nmf-dashboard command.

The server imports it once, for the application with its headers, warm-up and error screen. Then it runs as a script, once
for each interaction, and draws the page.
"""

import sys
from pathlib import Path

CHECKOUT = str(Path(__file__).resolve().parent.parent)
if CHECKOUT not in sys.path:  # `streamlit run` puts only this file's folder there
    sys.path.insert(0, CHECKOUT)

if __name__ == "__main__":
    from dashboard.main import main

    main()
else:
    import streamlit as st

    from dashboard.server.asgi import options

    app = st.App(__file__, **options())  # `streamlit run` looks for exactly this call
