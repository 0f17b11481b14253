"""How does nmfcore say no to a matrix or a request?"""


class ProblemError(ValueError):
    """The data or the request cannot be factorized; the message names the place and the way out."""
