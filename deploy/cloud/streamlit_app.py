"""Which file does Streamlit's own cloud run? This one, as the app's main file; its settings lie beside it."""

import sys
from pathlib import Path

CHECKOUT = str(Path(__file__).resolve().parents[2])
if CHECKOUT not in sys.path:
    sys.path.insert(0, CHECKOUT)

if __name__ == "__main__":
    from dashboard.main import main

    main()
else:
    import streamlit as st

    from dashboard.server.asgi import options

    app = st.App(__file__, **options())  # `streamlit run` looks for exactly this call
