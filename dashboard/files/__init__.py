"""What can a person take away, and bring back?"""
