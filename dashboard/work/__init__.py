"""What is computed in the background, and what is kept of it?"""
