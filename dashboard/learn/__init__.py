"""Lessons: the reader of lesson files, and what nmfcore computes for their devices. Pure of Streamlit."""
