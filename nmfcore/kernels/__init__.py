"""Where is the time spent? The hot loops, each plain and compiled, and what else is close to the metal."""
