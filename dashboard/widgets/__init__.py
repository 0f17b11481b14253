"""Controls: one per file, each owns its keys, draws itself and returns a value. May import session, jobs, figures and nmfcore."""
