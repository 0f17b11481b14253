"""What is a topic as it is shown: with its name, merges and hidden words?"""
