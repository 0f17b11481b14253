"""What are the nouns of a factorization, and what is checked before one begins?"""
