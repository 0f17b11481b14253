"""How good, how stable and how large should a factorization be?"""
