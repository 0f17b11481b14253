"""The nouns of data: a card, a table as it was read, a data set, its words, and what limits and refusals there are."""
