"""The Streamlit dashboard on nmfcore: the only package that knows a screen."""
