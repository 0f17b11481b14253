"""What is built on factorizations: recommender, symmetric topics, images, expression."""
