"""Pages: 30 to 80 lines each. Read the session, call nmfcore, draw the figure, write the caption."""
