"""How fast is nmfcore beside what people would pick instead? `python -m benchmarks` from a checkout; never part of the tests."""
