"""What is a topic as it is shown: with its name, merges and hidden words?"""

from dashboard.topics_shown.shown import Topic, TopicsShown, of, on_scale, scale_words

__all__ = ["Topic", "TopicsShown", "of", "on_scale", "scale_words"]
